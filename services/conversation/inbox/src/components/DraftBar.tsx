import { channelWord } from "@onethread/browser/channels.ts";
import { handoffWords, percent, type Dismissal, type Proposal } from "../agent-model.ts";
import { customerName, type Thread } from "../model.ts";
import { dismiss, editDraft, editedDraft, openDraft, stopEditing } from "../proposals.ts";
import { sendDraft } from "../sending.ts";
import { Menu } from "./Menu.tsx";
import { Sources, Words } from "./MessageView.tsx";

const REASONS: [Dismissal | undefined, string][] = [
  ["wrong", "It is wrong"],
  ["incomplete", "Something is missing"],
  ["tone", "The tone is not right"],
  ["other", "Something else"],
  [undefined, "No reason"],
];

/** What the AI would answer. Nobody but teammates has seen it. */
export function DraftBar({ thread }: { thread: Thread }) {
  const draft = openDraft(thread.id);
  if (!draft) return null;
  if (editedDraft(thread.id) === draft.id) return <Editing draft={draft} />;
  return (
    <section class="draft" aria-label="AI draft">
      <p class="head">
        <strong>{draft.decision === "handoff" ? "The AI would hand this over" : "AI draft"}</strong>
        <span class="quiet">{aboutIt(draft)}</span>
      </p>
      <div class="words">
        {draft.decision === "handoff" ? <Handoff draft={draft} /> : <Words text={draft.text} />}
        {draft.sources.length > 0 && <Sources sources={draft.sources} />}
      </div>
      <Acts draft={draft} thread={thread} />
    </section>
  );
}

/** "88 % sure. An article answers it." */
function aboutIt(draft: Proposal): string {
  const kind = draft.handoff ? `${handoffWords(draft.handoff)}.` : "";
  const sure = draft.decision === "handoff" ? "" : `${percent(draft.confidence)} sure.`;
  return [kind, sure, draft.reason].filter(Boolean).join(" ");
}

function Handoff({ draft }: { draft: Proposal }) {
  return (
    <>
      {draft.summary && <p>{draft.summary}</p>}
      {draft.suggested_reply && <SuggestedReply text={draft.suggested_reply} />}
    </>
  );
}

export function SuggestedReply({ text }: { text: string }) {
  return (
    <blockquote aria-label="Suggested reply">
      <Words text={text} />
    </blockquote>
  );
}

function Acts({ draft, thread }: { draft: Proposal; thread: Thread }) {
  const handoff = draft.decision === "handoff";
  const items = REASONS.map(([reason, label]) => ({ label, run: () => void dismiss(draft, reason) }));
  return (
    <div class="bar">
      {!handoff && (
        <button type="button" class="button primary" aria-keyshortcuts="u" onClick={() => void sendDraft(draft)}>
          Use <kbd>u</kbd>
        </button>
      )}
      {(!handoff || draft.suggested_reply) && (
        <button type="button" class="button" aria-keyshortcuts="m" onClick={() => editDraft(draft)}>
          {handoff ? "Insert" : "Edit"} <kbd>m</kbd>
        </button>
      )}
      <Menu label="Dismiss" shortcut="d" items={items}>
        Dismiss <kbd>d</kbd>
      </Menu>
      {!handoff && <span class={draft.audience.shared ? "audience shared" : "audience"}>{whoReads(draft, thread)}</span>}
    </div>
  );
}

function whoReads({ channel, audience }: Proposal, thread: Thread): string {
  const where = channelWord(channel.kind);
  if (audience.shared) return `Goes to ${where}: everyone in ${audience.name ?? "that place"} will see it.`;
  return `Goes to ${customerName(thread.customer)} alone, by ${where}.`;
}

function Editing({ draft }: { draft: Proposal }) {
  return (
    <p class="draft-note">
      You are editing the AI's draft below.{" "}
      <button type="button" class="link" onClick={() => stopEditing(draft.thread_id)}>
        Show it again
      </button>
    </p>
  );
}
