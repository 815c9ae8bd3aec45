import { signal } from "@preact/signals";
import { newId } from "@onethread/browser/outbox.ts";
import { api, me, Problem, type Held } from "./api.ts";
import { compose, pick } from "./composing.ts";
import { draftOf, keepDraft } from "./drafts.ts";
import { add, changed, isKnown, readAgain } from "./messages.ts";
import type { Channel, Message, PendingReply } from "./model.ts";
import { addPending, pending, removePending } from "./pending.ts";
import { route } from "./route.ts";
import { reasonOf, touchedBy } from "./threads.ts";
import { said, show } from "./toasts.ts";

/** A message of ours that the server has not confirmed. Kept in the browser until it has. */
export interface Outgoing {
  /** Also the idempotency key: sending it again cannot send twice. */
  key: string;
  thread_id: string;
  text: string;
  note: boolean;
  channel: Channel | null;
  created_at: string;
  /** Why it was not sent; absent while it is on its way. */
  failure?: string;
}

const KEPT = "onethread.inbox.outgoing";
/** For so long a reply can be taken back. */
const UNDO_SECONDS = 5;
/** A reply whose time is over becomes a message; if no event says so by then, it is asked for. */
const EVENT_WAIT = 3_000;

export const outgoing = signal<readonly Outgoing[]>([]);

export function say(threadId: string, text: string, note: boolean, channel: Channel | null): void {
  const message: Outgoing = { key: newId(), thread_id: threadId, text, note, channel, created_at: new Date().toISOString() };
  keepOutgoing([...outgoing.value, message]);
  void transmit(message);
}

export function retry(message: Outgoing): void {
  const { failure: _, ...fresh } = message;
  replace(message.key, fresh);
  void transmit(fresh);
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
  for (const message of outgoing.value) if (!message.failure) void transmit(message);
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
  const written = draftOf(threadId, "reply");
  keepDraft(threadId, "reply", written ? `${reply.text}\n\n${written}` : reply.text);
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

async function transmit({ key, thread_id, text, note, channel }: Outgoing): Promise<void> {
  try {
    const where = channel ? { channel_id: channel.id } : {};
    const answer = await api.send(thread_id, { text, note, ...where, ...(note ? {} : { undo_seconds: UNDO_SECONDS }) }, key);
    replace(key, null);
    if (isHeld(answer)) hold(thread_id, text, channel, answer);
    else settle(answer);
  } catch (error) {
    const waiting = outgoing.value.find((one) => one.key === key);
    if (waiting) replace(key, { ...waiting, failure: error instanceof Problem ? error.message : String(error) });
  }
}

const isHeld = (answer: Message | Held): answer is Held => "send_at" in answer && Boolean(answer.send_at);

function hold(threadId: string, text: string, channel: Channel | null, { id, send_at }: Held): void {
  const author = { kind: "teammate" as const, id: me.value?.id ?? null, name: me.value?.name ?? null };
  addPending(threadId, { id, text, author, send_at, channel_id: channel?.id ?? null });
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
