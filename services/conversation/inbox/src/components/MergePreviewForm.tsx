import { useEffect, useState } from "preact/hooks";
import { api } from "../api.ts";
import { merge } from "../merging.ts";
import { customerName, type Customer, type MergePreview, type Person } from "../model.ts";
import { statusWord } from "../status.ts";
import { reasonOf } from "../threads.ts";
import { proof } from "../trust.ts";
import { Warning } from "./Warning.tsx";

interface Props {
  customer: Customer;
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
      setFailure(`Nothing was merged. ${reasonOf(error)}`);
      setBusy(false);
    }
  };
  return (
    <form onSubmit={onSubmit}>
      {preview && <Preview preview={preview} />}
      <p class="failure" role="alert">
        {failure}
      </p>
      <div class="buttons">
        {preview && (
          <button class="button primary" aria-disabled={busy} autofocus>
            {preview.warnings.length ? "Merge all the same" : "Merge"}
          </button>
        )}
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function Preview({ preview }: { preview: MergePreview }) {
  const { keeps, absorbs, identities, threads, messages, warnings, merges_threads } = preview;
  return (
    <div class="merge-preview">
      <p>
        <b>{customerName(absorbs)}</b> becomes part of <b>{customerName(keeps)}</b>.
      </p>
      {warnings.map((warning) => (
        <Warning key={warning}>{warning}</Warning>
      ))}
      <dl>
        <dt>Identities</dt>
        <dd>
          <ul>
            {identities.map((identity) => (
              <li key={identity.kind + identity.value}>
                {identity.kind === "visitor" ? "visitor of the website" : identity.value}
                {identity.kind !== "visitor" && <span class="quiet"> {proof(identity)}</span>}
              </li>
            ))}
          </ul>
        </dd>
        <dt>Conversations</dt>
        <dd>
          {threads.length === 0
            ? "None"
            : threads.map((thread) => `${statusWord(thread.status)}, ${counted(thread.messages, "message")}`).join("; ")}
          {merges_threads && <span class="quiet"> The two open conversations become one.</span>}
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

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
