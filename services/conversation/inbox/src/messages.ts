import { computed, signal } from "@preact/signals";
import { newId } from "@onethread/browser/outbox.ts";
import { api, me, Problem } from "./api.ts";
import type { Channel, Message } from "./model.ts";
import { route } from "./route.ts";
import { reasonOf, touchedBy } from "./threads.ts";

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

interface Conversation {
  messages: Message[];
  state: "loading" | "ready" | "failed";
  reason?: string;
}

/** Who is writing now, and the AI's answer as far as it is. */
export interface Live {
  author: "agent" | "customer";
  text: string;
  reply_id: string | null;
}

const KEPT = "onethread.inbox.outgoing";
const LIVE_SHOWN = 10_000;

export const conversations = signal<ReadonlyMap<string, Conversation>>(new Map());
export const outgoing = signal<readonly Outgoing[]>([]);
export const live = signal<ReadonlyMap<string, Live>>(new Map());

export const currentConversation = computed(() => conversations.value.get(route.value.threadId ?? ""));

export async function loadMessages(threadId: string): Promise<void> {
  const known = conversations.value.get(threadId);
  if (known?.state === "loading") return;
  set(threadId, { messages: known?.messages ?? [], state: "loading" });
  try {
    let after = known?.state === "ready" ? (known.messages.at(-1)?.sequence ?? 0) : 0;
    for (let more = true; more; ) {
      const page = await api.messages(threadId, after);
      add(threadId, page.items);
      more = page.next !== null && page.items.length > 0;
      after = page.items.at(-1)?.sequence ?? after;
    }
    set(threadId, { messages: messagesOf(threadId), state: "ready" });
  } catch (error) {
    set(threadId, { messages: messagesOf(threadId), state: "failed", reason: reasonOf(error) });
  }
}

/**
 * A message was added. A thread that is not loaded stays so: it is read whole when it is opened. A message that is
 * known stays as it is: a replayed event is older than what was told of it since.
 */
export function arrived(message: Message): void {
  touchedBy(message);
  confirm(message);
  const known = messagesOf(message.thread_id).some((one) => one.id === message.id);
  if (!known && live.value.get(message.thread_id)?.author !== other(message)) stopLive(message.thread_id);
  if (!known && conversations.value.has(message.thread_id)) add(message.thread_id, [message]);
}

/** Whose writing goes on although this message came: the AI answers while the customer adds something. */
function other(message: Message): Live["author"] {
  return message.author.kind === "customer" ? "agent" : "customer";
}

/** More became known of a message, such as its delivery. */
export function changed(message: Message): void {
  if (conversations.value.has(message.thread_id)) add(message.thread_id, [message]);
}

/** After a gap in the events every loaded conversation may be old: the open one is read again, the others when opened. */
export async function reread(open: string | null): Promise<void> {
  const shown = open ? conversations.value.get(open) : undefined;
  conversations.value = new Map(open && shown ? [[open, { ...shown, state: "failed" as const }]] : []);
  if (open) await loadMessages(open);
}

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

/** `delta`: the AI writes `text`, or nothing yet. `typing`: the customer writes. */
export function showLive(threadId: string, piece: { kind: string; reply_id?: string | null; text?: string }): void {
  if (piece.kind !== "delta" && piece.kind !== "typing") return;
  const before = live.value.get(threadId);
  const reply_id = piece.reply_id ?? null;
  const sameAnswer = before?.author === "agent" && before.reply_id === reply_id;
  if (piece.kind === "typing" && before?.author === "agent") return;
  const author = piece.kind === "delta" ? "agent" : "customer";
  const text = piece.kind === "delta" ? (sameAnswer ? before.text : "") + (piece.text ?? "") : "";
  live.value = new Map(live.value).set(threadId, { author, text, reply_id });
  clearTimeout(liveTimers.get(threadId));
  liveTimers.set(threadId, setTimeout(() => stopLive(threadId), LIVE_SHOWN));
}

const liveTimers = new Map<string, ReturnType<typeof setTimeout>>();

function stopLive(threadId: string): void {
  clearTimeout(liveTimers.get(threadId));
  if (!live.value.has(threadId)) return;
  const next = new Map(live.value);
  next.delete(threadId);
  live.value = next;
}

async function transmit({ key, thread_id, text, note, channel }: Outgoing): Promise<void> {
  try {
    const sent = await api.send(thread_id, { text, note, ...(channel ? { channel_id: channel.id } : {}) }, key);
    replace(key, null);
    const known = messagesOf(thread_id).some((one) => one.id === sent.id);
    if (!known) add(thread_id, [sent]); // The events may have told more of it already, such as its delivery.
    touchedBy(sent);
  } catch (error) {
    const waiting = outgoing.value.find((one) => one.key === key);
    if (waiting) replace(key, { ...waiting, failure: error instanceof Problem ? error.message : String(error) });
  }
}

/** The event may overtake the answer to the request: the same words of mine are then the same message. */
function confirm(message: Message): void {
  if (message.author.kind !== "teammate" || message.author.id !== me.value?.id) return;
  const known = messagesOf(message.thread_id).some((one) => one.id === message.id);
  const same = outgoing.value.find(
    (one) => one.thread_id === message.thread_id && one.note === message.note && one.text === message.text,
  );
  if (same && !known) replace(same.key, null);
}

function messagesOf(threadId: string): Message[] {
  return conversations.value.get(threadId)?.messages ?? [];
}

function add(threadId: string, some: Message[]): void {
  const merged = new Map(messagesOf(threadId).map((message) => [message.id, message]));
  for (const message of some) merged.set(message.id, message);
  const messages = [...merged.values()].sort((a, b) => a.sequence - b.sequence);
  set(threadId, { state: "ready", ...conversations.value.get(threadId), messages });
}

function set(threadId: string, conversation: Conversation): void {
  conversations.value = new Map(conversations.value).set(threadId, conversation);
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
