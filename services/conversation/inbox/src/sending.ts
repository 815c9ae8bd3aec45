import { signal } from "@preact/signals";
import { newId } from "@onethread/browser/outbox.ts";
import type { Proposal } from "./agent-model.ts";
import { giveBack } from "./attaching.ts";
import { api, me, Problem, type Held } from "./api.ts";
import { compose, pick } from "./composing.ts";
import { draftOf, keepDraft } from "./drafts.ts";
import { add, changed, isKnown, readAgain } from "./messages.ts";
import type { Channel, Message, PendingReply, Suppression, UploadedFile } from "./model.ts";
import { addPending, pending, removePending } from "./pending.ts";
import { loadProposals, settle as settleProposal, takeEdited } from "./proposals.ts";
import { route } from "./route.ts";
import { loadThread, reasonOf, touchedBy } from "./threads.ts";
import { said, show } from "./toasts.ts";

/** A message of ours that the server has not confirmed. Kept in the browser until it has. */
export interface Outgoing {
  /** Also the idempotency key: sending it again cannot send twice. */
  key: string;
  thread_id: string;
  text: string;
  note: boolean;
  channel: Channel | null;
  /** By mail: who gets it, too. */
  cc?: readonly string[];
  /** The agent's draft that it was made of. */
  draft_id?: string;
  files?: readonly UploadedFile[];
  created_at: string;
  /** Why it was not sent; absent while it is on its way. */
  failure?: string;
}

const KEPT = "onethread.inbox.outgoing";
/** For so long a reply can be taken back. */
const UNDO_SECONDS = 5;
/** A reply whose time is over becomes a message; if no event says so by then, it is asked for. */
const EVENT_WAIT = 3_000;

/** Replies of this page that are the agent's words, unchanged. */
const drafted = new Set<string>();

export const outgoing = signal<readonly Outgoing[]>([]);

export function say(
  threadId: string,
  text: string,
  note: boolean,
  channel: Channel | null,
  cc?: readonly string[],
  files: readonly UploadedFile[] = [],
): void {
  const draft_id = note ? undefined : takeEdited(threadId);
  const more = { ...(cc ? { cc } : {}), ...(files.length ? { files } : {}) };
  const created_at = new Date().toISOString();
  const said = { key: newId(), thread_id: threadId, text, note, channel, ...more, created_at };
  const message: Outgoing = draft_id ? { ...said, draft_id } : said;
  keepOutgoing([...outgoing.value, message]);
  transmit(message);
}

export function retry(message: Outgoing): void {
  const { failure: _, ...fresh } = message;
  replace(message.key, fresh);
  transmit(fresh);
}

export function discard(message: Outgoing): void {
  replace(message.key, null);
}

/** What a reload interrupted; the server may have it, the key tells it so. */
export function resumeOutgoing(): void {
  try {
    outgoing.value = JSON.parse(localStorage.getItem(KEPT) ?? "[]") as Outgoing[];
  } catch {
    outgoing.value = [];
  }
  for (const message of outgoing.value) if (!message.failure) transmit(message);
}

/** The event may overtake the answer to the request: the same words of mine are then the same message. */
export function confirm(message: Message): void {
  removePending(message.thread_id, message.id);
  if (message.author.kind !== "teammate" || message.author.id !== me.value?.id || isKnown(message)) return;
  const same = outgoing.value.find(
    (one) => one.thread_id === message.thread_id && one.note === message.note && one.text === message.text,
  );
  if (same) replace(same.key, null);
}

/** Takes a reply back before it goes out: its words return to the composer, before what was written since. */
export async function takeBack(threadId: string, reply: PendingReply): Promise<void> {
  removePending(threadId, reply.id);
  try {
    await api.unsend(threadId, reply.id);
  } catch (error) {
    if (error instanceof Problem && error.status === 409) void readAgain(threadId);
    else addPending(threadId, reply);
    return show({ text: `Could not take it back. ${reasonOf(error)}`, failed: true });
  }
  if (drafted.delete(reply.id)) return show({ text: "Taken back. The AI's draft waits again." });
  giveBack(threadId, reply.attachments ?? []);
  const written = draftOf(threadId, "reply");
  keepDraft(threadId, "reply", [reply.text, written].filter(Boolean).join("\n\n"));
  if (reply.channel_id) pick(threadId, reply.channel_id);
  if (route.value.threadId === threadId) compose("reply");
  else show({ text: "Taken back. It is a draft again." });
}

/** The latest reply of mine that can still be taken back. */
export function latestPending(): [threadId: string, reply: PendingReply] | undefined {
  const all = [...pending.value].flatMap(([id, replies]) => replies.map((one): [string, PendingReply] => [id, one]));
  return all.filter(([, { author }]) => author.id === me.value?.id).at(-1);
}

/** Tries again to deliver what a channel refused. */
export async function deliverAgain(message: Message): Promise<void> {
  changed({ ...message, delivery: { state: "queued", reason: null } });
  try {
    await api.retry(message.thread_id, message.id); // Events tell what became of it, maybe before this answer.
  } catch (error) {
    changed(message);
    show({ text: `Could not try again. ${reasonOf(error)}`, failed: true });
  }
}

/** A teammate knows better than the report that came back: mail goes to that address again. */
export async function writeAgain(threadId: string, { id, address }: Suppression): Promise<void> {
  try {
    await api.liftSuppression(id);
    show({ text: `Mail goes to ${address} again.` });
  } catch (error) {
    show({ text: `Could not change it. ${reasonOf(error)}`, failed: true });
  }
  await loadThread(threadId);
}

/** Sends the agent's draft as it is. Taken back, it is a draft again, so its words do not go to the composer. */
export async function sendDraft(draft: Proposal): Promise<void> {
  settleProposal(draft, "used");
  try {
    const answer = await api.useDraft(draft.id, UNDO_SECONDS);
    if (isHeld(answer)) drafted.add(answer.id);
    took(answer, draft.thread_id, draft.text, null);
  } catch (error) {
    void readAgain(draft.thread_id);
    show({ text: `The draft was not sent. ${reasonOf(error)}`, failed: true });
    await loadProposals(draft.thread_id);
  }
}

/** What is being sent, by thread: it is said in the order in which it was written. */
const sending = new Map<string, Promise<void>>();

function transmit(message: Outgoing): void {
  const sent = (sending.get(message.thread_id) ?? Promise.resolve()).then(() => post(message));
  sending.set(message.thread_id, sent);
  void sent.then(() => sending.get(message.thread_id) === sent && sending.delete(message.thread_id));
}

async function post({ key, thread_id, text, note, channel, cc, draft_id, files }: Outgoing): Promise<void> {
  try {
    const along = files ? { files: files.map(({ id }) => id) } : {};
    const more = note ? {} : { undo_seconds: UNDO_SECONDS, ...(draft_id ? { draft_id } : {}), ...(cc ? { cc } : {}) };
    const answer = await api.send(thread_id, { text, note, ...(channel ? { channel_id: channel.id } : {}), ...along, ...more }, key);
    replace(key, null);
    took(answer, thread_id, text, channel, files);
  } catch (error) {
    const waiting = outgoing.value.find((one) => one.key === key);
    if (waiting) replace(key, refused(waiting, error));
  }
}

/** Somebody was quicker with the draft: whoever sends theirs after all sends words of their own. */
function refused(waiting: Outgoing, error: unknown): Outgoing {
  const failure = error instanceof Problem ? error.message : String(error);
  if (!waiting.draft_id || !(error instanceof Problem) || error.status !== 409) return { ...waiting, failure };
  const { draft_id: _, ...own } = waiting;
  return { ...own, key: newId(), failure };
}

function took(answer: Message | Held, threadId: string, text: string, channel: Channel | null, files?: Outgoing["files"]): void {
  if (isHeld(answer)) hold(threadId, text, channel, answer, files);
  else settle(answer);
}

const isHeld = (answer: Message | Held): answer is Held => "send_at" in answer && Boolean(answer.send_at);

function hold(threadId: string, text: string, channel: Channel | null, { id, send_at }: Held, files: Outgoing["files"] = []): void {
  const author = { kind: "teammate" as const, id: me.value?.id ?? null, name: me.value?.name ?? null };
  addPending(threadId, { id, text, author, send_at, channel_id: channel?.id ?? null, attachments: [...files] });
  said.value = `Your reply goes out in ${UNDO_SECONDS} seconds. Press z to undo.`;
  const left = UNDO_SECONDS * 1_000 + EVENT_WAIT;
  setTimeout(() => void followUp(threadId, id), left);
}

async function followUp(threadId: string, id: string): Promise<void> {
  if (pending.value.get(threadId)?.some((reply) => reply.id === id)) await readAgain(threadId);
}

function settle(sent: Message): void {
  if (!isKnown(sent)) add(sent.thread_id, [sent]); // The events may have told more of it already, such as its delivery.
  touchedBy(sent);
}

function replace(key: string, message: Outgoing | null): void {
  keepOutgoing(outgoing.value.flatMap((one) => (one.key === key ? (message ?? []) : one)));
}

function keepOutgoing(messages: readonly Outgoing[]): void {
  outgoing.value = messages;
  try {
    localStorage.setItem(KEPT, JSON.stringify(messages));
  } catch {
    // The page still has them; only a reload before the answer would lose them.
  }
}
