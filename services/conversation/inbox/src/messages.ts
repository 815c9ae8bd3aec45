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

export interface Live {
  typing: boolean;
  /** The answer that the AI is writing, as far as it is. */
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

/** One message from the live events. A thread that is not loaded stays so: it is read whole when it is opened. */
export function arrived(message: Message): void {
  touchedBy(message);
  confirm(message);
  if (message.author.kind !== "customer") stopLive(message.thread_id);
  if (conversations.value.has(message.thread_id)) add(message.thread_id, [message]);
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

export function showLive(threadId: string, piece: { kind: string; reply_id?: string | null; text?: string }): void {
  const before = live.value.get(threadId);
  const same = before && before.reply_id === (piece.reply_id ?? null);
  const text = piece.kind === "delta" ? (same ? before.text : "") + (piece.text ?? "") : same ? before.text : "";
  live.value = new Map(live.value).set(threadId, { typing: true, text, reply_id: piece.reply_id ?? null });
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
