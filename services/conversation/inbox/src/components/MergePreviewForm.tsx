import { useEffect, useState } from "preact/hooks";
import { api } from "../api.ts";
import { merge } from "../merging.ts";
import { customerName, type MergePreview, type Person } from "../model.ts";
import { statusWord } from "../status.ts";
import { reasonOf } from "../threads.ts";
import { proof } from "../trust.ts";
import { CAREFUL, Warning } from "./Warning.tsx";

interface Props {
  customer: Person;
  other: Person;
  reason: string | undefined;
  close(): void;
}

export function MergePreviewForm({ customer, other, reason, close }: Props) {
  const [preview, setPreview] = useState<MergePreview | null>(null);
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    api.previewMerge(customer.id, other.id).then(setPreview, (error: unknown) => setFailure(reasonOf(error)));
  }, []);
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      await merge(customer, other, reason);
      close();
    } catch (error) {
      setFailure(reasonOf(error));
      setBusy(false);
    }
  };
  return (
    <form onSubmit={onSubmit}>
      {preview && <Preview preview={preview} reason={reason} />}
      <p class="failure" role="alert">
        {failure}
      </p>
      <div class="buttons">
        {preview && (
          <button class="button primary" aria-disabled={busy} autofocus>
            {warningsOf(preview, reason).length ? "Merge all the same" : "Merge"}
          </button>
        )}
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function Preview({ preview, reason }: { preview: MergePreview; reason: string | undefined }) {
  const { identities, threads, messages, merges_threads } = preview;
  return (
    <div class="merge-preview">
      <p>
        <Named person={preview.absorbs} /> becomes part of <Named person={preview.keeps} />.
      </p>
      {warningsOf(preview, reason).map((warning) => (
        <Warning key={warning}>{warning}</Warning>
      ))}
      {reason && !CAREFUL.test(reason) && <p class="quiet">{reason}</p>}
      <dl>
        <dt>Identities</dt>
        <dd>
          {identities.map((identity) => (
            <p key={identity.kind + identity.value}>
              {identity.kind === "visitor" ? "visitor of the website" : identity.value}
              {identity.kind !== "visitor" && <span class="quiet"> {proof(identity)}</span>}
            </p>
          ))}
        </dd>
        <dt>Conversations</dt>
        <dd>
          {threads.length === 0 && "None"}
          {threads.map((thread) => (
            <p key={thread.id}>
              {statusWord(thread.status)}, {counted(thread.messages, "message")}
            </p>
          ))}
          {merges_threads && <p class="quiet">The two open conversations become one.</p>}
        </dd>
        <dt>Messages</dt>
        <dd>{counted(messages, "message")}</dd>
      </dl>
      <p class="quiet">
        Your team sees one history. The customer and the AI see the other part only where it was proven to be theirs. You can
        undo this.
      </p>
    </div>
  );
}

/** Two customers may well have one name. */
function Named({ person }: { person: Person }) {
  return (
    <>
      <b>{customerName(person)}</b>
      {person.name && person.email && <span class="quiet"> {person.email}</span>}
    </>
  );
}

function warningsOf({ warnings }: MergePreview, reason: string | undefined): string[] {
  return reason && CAREFUL.test(reason) ? [reason, ...warnings] : warnings;
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
