import { fullTime } from "@onethread/browser/time.ts";
import { useState } from "preact/hooks";
import { api } from "../../api.ts";
import { NEW_IMAP, sameServer, type Address, type Checked, type Imap, type Secrets, type Ways } from "../../email-model.ts";
import { reasonOf } from "../../threads.ts";
import { ConfirmDialog } from "../knowledge/ConfirmDialog.tsx";
import type { Change } from "./WaysIn.tsx";

interface Props {
  address: Address;
  ways: Ways;
  change: Change;
}

/** The mailbox from which mail for an address is fetched. Its secrets go in, and never come out again. */
export function MailboxForm({ address, ways, change }: Props) {
  if (ways.operators_mailbox) return <OperatorsMailbox address={address} ways={ways} />;
  return <OwnMailbox address={address} ways={ways} change={change} />;
}

function OperatorsMailbox({ address, ways }: Omit<Props, "change">) {
  const { checked, busy, check } = useCheck(address.id);
  return (
    <div class="record" role="group" aria-label="Mailbox">
      <h3>Mailbox</h3>
      <p>
        Mail is fetched from the mailbox of {ways.operators_mailbox}. It is in the installation's settings (ONETHREAD_IMAP_URL): whoever
        runs this installation changes it there.
      </p>
      <State ways={ways} />
      <Outcome checked={checked} busy={busy} />
      <div class="buttons">
        <button type="button" class="button" disabled={busy} onClick={() => void check(null, {})}>
          Check now
        </button>
      </div>
    </div>
  );
}

function OwnMailbox({ address, ways, change }: Props) {
  const [imap, setImap] = useState<Imap>(ways.imap ?? NEW_IMAP);
  const [byToken, setByToken] = useState(ways.secrets.includes("imap_refresh_token"));
  const [secrets, setSecrets] = useState<Secrets>({});
  const [failure, setFailure] = useState("");
  const [removing, setRemoving] = useState(false);
  const { checked, busy, check } = useCheck(address.id);
  const set = (part: Partial<Imap>) => setImap({ ...imap, ...part });
  const isSame = sameServer(ways.imap, imap);
  const kept = isSame ? ways.secrets : [];
  const bySignIn = byToken && isSame && imap.signed_in_as !== "";
  const given = onlyOf(byToken, secrets);
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    setFailure("");
    const others: Secrets = byToken ? { imap_password: null } : { imap_refresh_token: null, imap_client_secret: null };
    try {
      const signed_in_as = bySignIn && !given.imap_refresh_token ? imap.signed_in_as : "";
      await change({ imap: { ...imap, signed_in_as }, secrets: { ...others, ...given } }, "Saved. The mailbox is read within a few seconds.");
    } catch (error) {
      setFailure(`Not saved. ${reasonOf(error)}`);
    }
  };
  return (
    <form class="agent-form" aria-label="Mailbox" onSubmit={save}>
      <fieldset>
        <legend>Mailbox (IMAP)</legend>
        {ways.imap ? <State ways={ways} /> : <p class="quiet">No mailbox is read for this address.</p>}
        <Where imap={imap} set={set} />
        <label class="field">
          How we sign in
          <select value={byToken ? "token" : "password"} onChange={({ currentTarget }) => setByToken(currentTarget.value === "token")}>
            <option value="password">Password, or password of an app</option>
            <option value="token">{ways.imap?.signed_in_as ? "By the sign-in above" : "By a token from elsewhere (OAuth)"}</option>
          </select>
        </label>
        {byToken && !bySignIn && <Text label="Client id of the app" value={imap.client_id} put={(client_id) => set({ client_id })} required />}
        {(bySignIn ? [] : byToken ? OF_TOKEN : OF_PASSWORD).map(({ name, label, optional }) => (
          <Secret
            key={name}
            label={label}
            kept={kept.includes(name)}
            required={!optional}
            value={secrets[name] ?? ""}
            put={(value) => setSecrets({ ...secrets, [name]: value })}
          />
        ))}
        {byToken && !bySignIn && (
          <Text
            label="Where tokens are exchanged; of Google and Microsoft it is known"
            value={imap.token_url}
            put={(token_url) => set({ token_url })}
          />
        )}
        <label class="field">
          What becomes of a mail there that was taken
          <select value={imap.after} onChange={({ currentTarget }) => set({ after: currentTarget.value as Imap["after"] })}>
            <option value="nothing">Nothing</option>
            <option value="seen">It is marked as read</option>
            <option value="deleted">It is deleted</option>
          </select>
        </label>
        <Text
          label="Whose checks of the sender are believed, such as mx.google.com; it must write them on every mail. Empty: nobody's"
          value={imap.authserv_id}
          put={(authserv_id) => set({ authserv_id })}
        />
        <Outcome checked={checked} busy={busy} />
        <p class="failure" role="alert">
          {failure}
        </p>
        <div class="buttons">
          <button class="button primary">Save</button>
          <button type="button" class="button" disabled={busy} onClick={() => void check(imap, given)}>
            Check now
          </button>
          {ways.imap && (
            <button type="button" class="button" onClick={() => setRemoving(true)}>
              Read no more
            </button>
          )}
        </div>
      </fieldset>
      {removing && (
        <ConfirmDialog
          title="Read this mailbox no more?"
          act="Read no more"
          run={() => change({ imap: null }, "The mailbox is read no more.")}
          close={() => setRemoving(false)}
        >
          <p>New mail stays in it, and its password is forgotten here. What was taken stays.</p>
        </ConfirmDialog>
      )}
    </form>
  );
}

const OF_PASSWORD = [{ name: "imap_password", label: "Password", optional: false }];
const OF_TOKEN = [
  { name: "imap_refresh_token", label: "Refresh token", optional: false },
  { name: "imap_client_secret", label: "Client secret of the app", optional: true },
];

/** What was typed, of the way of signing in that is chosen. */
const onlyOf = (byToken: boolean, secrets: Secrets): Secrets =>
  Object.fromEntries((byToken ? OF_TOKEN : OF_PASSWORD).flatMap(({ name }) => (secrets[name] ? [[name, secrets[name]]] : [])));

/** 993 and 143 go with the security; another port is the administrator's. */
const PORTS: Record<Imap["security"], number> = { tls: 993, starttls: 143 };

function Where({ imap, set }: { imap: Imap; set(part: Partial<Imap>): void }) {
  const secure = (security: Imap["security"]) =>
    set({ security, port: Object.values(PORTS).includes(imap.port) ? PORTS[security] : imap.port });
  return (
    <>
      <Text label="Server" value={imap.host} placeholder="imap.gmail.com" put={(host) => set({ host: host.trim() })} required />
      <label class="field">
        Security
        <select value={imap.security} onChange={({ currentTarget }) => secure(currentTarget.value as Imap["security"])}>
          <option value="tls">TLS</option>
          <option value="starttls">STARTTLS</option>
        </select>
      </label>
      <label class="field">
        Port
        <input
          type="number"
          required
          min={1}
          max={65535}
          value={imap.port}
          onInput={({ currentTarget }) => set({ port: currentTarget.valueAsNumber })}
        />
      </label>
      <Text label="User" value={imap.user} put={(user) => set({ user })} required />
      <Text label="Folder" value={imap.folder} put={(folder) => set({ folder })} required />
    </>
  );
}

/** How far the mailbox is read. */
function State({ ways: { answers, state } }: { ways: Ways }) {
  return (
    <p role="status" class={state?.error ? "failure" : undefined}>
      {stateWords(answers, state)}
    </p>
  );
}

function stateWords(answers: boolean, state: Ways["state"]): string {
  if (!answers) return "The mail gateway does not answer, so it is not known how far the mailbox is read.";
  if (!state) return "It was not read yet; that takes a few seconds.";
  const read = state.read_at ? ` It was last read to its end on ${fullTime(state.read_at)}.` : " It was never read to its end.";
  const waiting = state.waiting === 1 ? " One mail waits in it." : state.waiting ? ` ${state.waiting} mails wait in it.` : "";
  if (state.error) return `Not read since ${fullTime(state.since!)}: ${state.error}${read}${waiting}`;
  const idle = state.has_idle === false ? " Its server does not tell of new mail, so it is looked for each minute." : "";
  return `It is read.${read}${waiting}${idle}`;
}

function useCheck(id: string) {
  const [checked, setChecked] = useState<Checked | null>(null);
  const [busy, setBusy] = useState(false);
  const check = async (imap: Imap | null, secrets: Secrets) => {
    setBusy(true);
    setChecked(null);
    try {
      setChecked(await api.checkMailbox(id, imap, secrets));
    } catch (error) {
      setChecked({ ok: false, words: [`Not checked. ${reasonOf(error)}`] });
    }
    setBusy(false);
  };
  return { checked, busy, check };
}

function Outcome({ checked, busy }: { checked: Checked | null; busy: boolean }) {
  return (
    <div role="status" aria-busy={busy} aria-label="What the check found">
      {busy && <p class="quiet">Signing in…</p>}
      {checked && (
        <div class={`record ${checked.ok ? "right" : "wrong"}`}>
          {checked.words.map((words) => (
            <p key={words}>{words}</p>
          ))}
        </div>
      )}
    </div>
  );
}

interface TextProps {
  label: string;
  value: string;
  placeholder?: string;
  required?: boolean;
  put(text: string): void;
}

export function Text({ label, value, put, ...more }: TextProps) {
  return (
    <label class="field">
      {label}
      <input value={value} onInput={({ currentTarget }) => put(currentTarget.value)} {...more} />
    </label>
  );
}

interface SecretProps extends TextProps {
  kept: boolean;
}

/** It is kept and never shown again; what is typed replaces it. */
export function Secret({ label, kept, value, required, put }: SecretProps) {
  return (
    <label class="field">
      {kept ? `${label}. One is kept; type to replace it` : label}
      <input
        type="password"
        autocomplete="new-password"
        required={required && !kept}
        value={value}
        placeholder={kept ? "••••••••" : undefined}
        onInput={({ currentTarget }) => put(currentTarget.value)}
      />
    </label>
  );
}
