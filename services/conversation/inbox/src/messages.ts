import { computed, signal } from "@preact/signals";
import { api } from "./api.ts";
import type { Message, Page } from "./model.ts";
import { route } from "./route.ts";
import { loadThread, reasonOf } from "./threads.ts";

interface Conversation {
  messages: Message[];
  state: "loading" | "ready" | "failed";
  reason?: string;
}

export const conversations = signal<ReadonlyMap<string, Conversation>>(new Map());

export const currentConversation = computed(() => conversations.value.get(route.value.threadId ?? ""));

/** `whole`: what is known may have gone elsewhere, so all is read and the rest forgotten. */
export async function loadMessages(threadId: string, whole = false): Promise<void> {
  const known = conversations.value.get(threadId);
  if (known?.state === "loading" && !whole) return;
  const before = known?.messages ?? [];
  set(threadId, { messages: before, state: "loading" });
  try {
    const complete = whole || known?.state !== "ready";
    const read = await readPages(threadId, complete ? 0 : Math.max(0, ...before.map(place)));
    const gone = new Set(complete ? before.map(({ id }) => id).filter((id) => !read.has(id)) : []);
    set(threadId, { messages: messagesOf(threadId).filter(({ id }) => !gone.has(id)), state: "ready" });
  } catch (error) {
    set(threadId, { messages: messagesOf(threadId), state: "failed", reason: reasonOf(error) });
  }
}

async function readPages(threadId: string, after: string | number): Promise<Set<string>> {
  const read = new Set<string>();
  for (let next: string | number | null = after; next !== null;) {
    const page: Page<Message> = await api.messages(threadId, next);
    add(threadId, page.items);
    for (const { id } of page.items) read.add(id);
    next = page.items.length > 0 ? page.next : null;
  }
  return read;
}

/** Where a message stands in its thread. Its number may be lower than that of one before it: messages move. */
const place = (message: Message): number => message.position ?? message.sequence;

/** More became known of a message, such as its delivery. */
export function changed(message: Message): void {
  if (conversations.value.has(message.thread_id)) add(message.thread_id, [message]);
}

/** After a gap in the events every loaded conversation may be old: the open one is read again, the others when opened. */
export async function reread(open: string | null): Promise<void> {
  const shown = open ? conversations.value.get(open) : undefined;
  conversations.value = new Map(open && shown ? [[open, shown]] : []);
  if (open) await loadMessages(open, true);
}

/** Messages went from one of these threads to another. */
export async function readAgain(...threadIds: (string | null | undefined)[]): Promise<void> {
  const open = route.value.threadId;
  const kept = new Map(conversations.value);
  for (const id of threadIds) if (id && id !== open) kept.delete(id);
  conversations.value = kept;
  if (open && threadIds.includes(open)) await Promise.all([loadThread(open), loadMessages(open, true)]);
}

export function messagesOf(threadId: string): Message[] {
  return conversations.value.get(threadId)?.messages ?? [];
}

export const isKnown = (message: Message): boolean => messagesOf(message.thread_id).some(({ id }) => id === message.id);

export function add(threadId: string, some: Message[]): void {
  const merged = new Map(messagesOf(threadId).map((message) => [message.id, message]));
  for (const message of some) merged.set(message.id, message);
  const messages = [...merged.values()].sort((a, b) => place(a) - place(b));
  set(threadId, { state: "ready", ...conversations.value.get(threadId), messages });
}

function set(threadId: string, conversation: Conversation): void {
  conversations.value = new Map(conversations.value).set(threadId, conversation);
}
