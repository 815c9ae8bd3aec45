import { computed, signal } from "@preact/signals";
import { api, me, Problem } from "./api.ts";
import type { Message, Thread, ThreadDetail } from "./model.ts";
import { setPending } from "./pending.ts";
import { route } from "./route.ts";
import { views, type ViewName } from "./views.ts";

/** Every thread the inbox has heard of, in its latest state. */
export const threads = signal<ReadonlyMap<string, Thread>>(new Map());
/** What only the detail request tells: who takes part and where one can answer. */
export const details = signal<ReadonlyMap<string, ThreadDetail>>(new Map());

interface Loading {
  state: "loading" | "ready" | "failed";
  next: string | null;
  reason?: string;
}

/** How far each list is loaded, by view (and words, for a search). */
const lists = signal<ReadonlyMap<string, Loading>>(new Map());
const found = signal<readonly string[]>([]);

const listKey = (view: ViewName, query: string): string => (view === "search" ? `search ${query}` : view);

export const list = computed(() => lists.value.get(listKey(route.value.view, route.value.query)));

export const shownThreads = computed(() => threadsOf(route.value.view));

function threadsOf(view: ViewName): Thread[] {
  if (view === "search") return found.value.flatMap((id) => threads.value.get(id) ?? []);
  const mine = me.value?.id ?? "";
  const held = [...threads.value.values()].filter((thread) => views[view].holds(thread, mine));
  return held.sort((a, b) => b.updated_at.localeCompare(a.updated_at));
}

/** "7", or "50+" while there is more than was loaded. */
export function countOf(view: ViewName): string {
  const count = threadsOf(view).length;
  const whole = views[view].filter.status === "open" ? "all" : view;
  const more = lists.value.get(whole)?.next ?? lists.value.get(view)?.next;
  return more ? `${count}+` : String(count);
}

export const currentThread = computed(() => {
  const id = route.value.threadId;
  return id ? (threads.value.get(id) ?? null) : null;
});

export const currentDetail = computed(() => details.value.get(route.value.threadId ?? "") ?? null);

/** Takes newer states only: an answer may arrive after the event that overtook it. */
export function put(...some: Thread[]): void {
  const next = new Map(threads.value);
  for (const thread of some) {
    const known = next.get(thread.id);
    if (!known || !isOlder(thread, known)) next.set(thread.id, thread);
  }
  threads.value = next;
}

function isOlder(thread: Thread, known: Thread): boolean {
  return thread.sequence < known.sequence || (thread.version ?? 0) < (known.version ?? 0);
}

export async function loadList(view: ViewName, query = "", more = false): Promise<void> {
  const key = listKey(view, query);
  const before = lists.value.get(key);
  if (before?.state === "loading") return;
  note(key, { state: "loading", next: before?.next ?? null });
  try {
    const filter: Record<string, string> = { ...views[view].filter, limit: "50" };
    if (query) filter.q = query;
    if (more && before?.next) filter.cursor = before.next;
    const page = await api.threads(filter);
    put(...page.items);
    const ids = page.items.map((thread) => thread.id);
    if (view === "search") found.value = more ? [...found.value, ...ids] : ids;
    note(key, { state: "ready", next: page.next === null ? null : String(page.next) });
  } catch (error) {
    note(key, { state: "failed", next: before?.next ?? null, reason: reasonOf(error) });
  }
}

/** The lists whose numbers stand in the navigation. */
export const loadCounted = (): Promise<void>[] => (["all", "waiting", "snoozed"] as const).map((view) => loadList(view));

/** `anew`: what is shown was only hoped for, so the answer replaces it even if it is no newer. */
export async function loadThread(id: string, anew = false): Promise<void> {
  const detail = await api.thread(id);
  details.value = new Map(details.value).set(id, detail);
  if (anew) threads.value = new Map(threads.value).set(id, detail);
  else put(detail);
  setPending(id, detail.pending ?? []);
}

/** After a gap in the events: what is known may be old, so it is asked for again before it is dropped. */
export async function refresh(): Promise<void> {
  const old = threads.value;
  const open = route.value.threadId;
  lists.value = new Map();
  await Promise.all([...loadCounted(), loadList(route.value.view, route.value.query), open ? loadThread(open) : null]);
  if ([...lists.value.values()].some((one) => one.state === "failed")) return;
  const complete = lists.value.get("all")?.next === null;
  const gone = (thread: Thread) => complete && thread.status === "open" && old.get(thread.id) === thread && thread.id !== open;
  const stale = [...threads.value.values()].filter(gone).map((thread) => thread.id);
  if (stale.length === 0) return;
  const kept = new Map(threads.value);
  for (const id of stale) kept.delete(id);
  threads.value = kept;
}

/** A message also moves its thread in the list, should the event have come without the thread. */
export function touchedBy(message: Message): void {
  const thread = threads.value.get(message.thread_id);
  if (!thread || message.note || thread.updated_at >= message.created_at) return;
  const last = { text: message.text, author: message.author, created_at: message.created_at };
  put({ ...thread, last_message: last, updated_at: message.created_at });
}

export function reasonOf(error: unknown): string {
  if (error instanceof Problem) return error.message;
  throw error;
}

function note(key: string, loading: Loading): void {
  lists.value = new Map(lists.value).set(key, loading);
}
