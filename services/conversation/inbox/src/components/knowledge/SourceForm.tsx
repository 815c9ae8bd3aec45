import { useState } from "preact/hooks";
import { EVERY, everyWords, REACH, type NewSource, type Reach, type Source } from "../../knowledge-model.ts";
import { knowledge } from "../../knowledge.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { Dialog } from "../Dialog.tsx";

type Kind = NewSource["kind"];
const KINDS: Record<Kind, string> = { website: "Website", git: "Git folder", upload: "A place for files" };
const LOCALE = "[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*";

const textOf = (form: FormData, name: string): string => String(form.get(name) ?? "").trim();
const everyOf = (form: FormData): number | null => Number(textOf(form, "every")) || null;

function newSource(kind: Kind, form: FormData): NewSource {
  const given = (name: string) => (textOf(form, name) ? { [name]: textOf(form, name) } : {});
  const own = { kind, audience: textOf(form, "audience") as Reach, ...given("name"), ...given("locale") };
  if (kind === "upload") return own;
  const repository = kind === "git" ? { ...given("branch"), ...given("folder") } : {};
  return { ...own, url: textOf(form, "url"), every: everyOf(form), ...repository };
}

export function NewSourceDialog({ close, added }: { close(): void; added(): Promise<void> }) {
  const [kind, setKind] = useState<Kind>("website");
  const add = async (form: FormData) => {
    const source = await knowledge.addSource(newSource(kind, form));
    show({ text: kind === "upload" ? `${source.name} takes files now.` : `${source.name} is being read.` });
    await added();
  };
  return (
    <SourceDialog title="Add a source" act="Add it" save={add} close={close}>
      <label class="field">
        Kind
        <select value={kind} onChange={({ currentTarget: { value } }) => setKind(value as Kind)}>
          {Object.entries(KINDS).map(([one, words]) => (
            <option key={one} value={one}>
              {words}
            </option>
          ))}
        </select>
      </label>
      {kind !== "upload" && <AddressFields kind={kind} />}
      <label class="field">
        {kind === "upload" ? "Name" : "Name, if not the address"}
        <input name="name" maxLength={200} required={kind === "upload"} />
      </label>
      <ForWhom audience="public" locale={null} />
      {kind !== "upload" && <Schedule every={1440} />}
    </SourceDialog>
  );
}

function AddressFields({ kind }: { kind: Kind }) {
  return (
    <>
      <label class="field">
        {kind === "git" ? "Address of the public repository" : "Address where the help pages begin"}
        <input name="url" type="url" required maxLength={2000} placeholder="https://" />
      </label>
      {kind === "git" && (
        <>
          <label class="field">
            Folder in it, if not all
            <input name="folder" maxLength={500} placeholder="docs" />
          </label>
          <label class="field">
            Branch, if not the default one
            <input name="branch" maxLength={200} />
          </label>
        </>
      )}
    </>
  );
}

interface ChangeProps {
  source: Source;
  close(): void;
  changed(): Promise<void>;
}

export function ChangeSourceDialog({ source, close, changed }: ChangeProps) {
  const scheduled = source.kind === "website" || source.kind === "git";
  const save = async (form: FormData) => {
    const change = {
      name: textOf(form, "name"),
      audience: textOf(form, "audience") as Reach,
      locale: textOf(form, "locale") || null,
      ...(scheduled ? { every: everyOf(form) } : {}),
    };
    await knowledge.changeSource(source.id, change);
    show({ text: `${source.name} is changed.` });
    await changed();
  };
  return (
    <SourceDialog title={`Change ${source.name}`} act="Save" save={save} close={close}>
      <label class="field">
        Name
        <input name="name" required maxLength={200} defaultValue={source.name} />
      </label>
      <ForWhom audience={source.audience} locale={source.locale} />
      {scheduled && <Schedule every={source.every} />}
    </SourceDialog>
  );
}

function ForWhom({ audience, locale }: { audience: Reach; locale: string | null }) {
  return (
    <>
      <label class="field">
        Who may read it
        <select name="audience" defaultValue={audience}>
          {Object.entries(REACH).map(([one, words]) => (
            <option key={one} value={one} selected={one === audience}>
              {words}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        Language, if all of it has one
        <input name="locale" pattern={LOCALE} title="As in en, de or pt-BR" placeholder="en" defaultValue={locale ?? ""} />
      </label>
    </>
  );
}

function Schedule({ every }: { every: number | null }) {
  const own = every === null ? "" : String(every);
  const choices = own in EVERY ? EVERY : { ...EVERY, [own]: everyWords(every) };
  return (
    <label class="field">
      Read it again
      <select name="every">
        {Object.entries(choices).map(([minutes, words]) => (
          <option key={minutes} value={minutes} selected={minutes === own}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

interface DialogProps {
  title: string;
  act: string;
  save(form: FormData): Promise<void>;
  close(): void;
  children: preact.ComponentChildren;
}

/** A refusal is told in it, and what was typed stays. */
function SourceDialog({ title, act, save, close, children }: DialogProps) {
  const [failure, setFailure] = useState("");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    setFailure("");
    try {
      await save(new FormData(event.currentTarget as HTMLFormElement));
      close();
    } catch (error) {
      setFailure(reasonOf(error));
    }
  };
  return (
    <Dialog title={title} close={close}>
      <form class="stack" onSubmit={submit}>
        {children}
        <p class="failure" role="alert">
          {failure}
        </p>
        <div class="buttons">
          <button class="button primary">{act}</button>
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
