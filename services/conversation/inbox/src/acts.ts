import { signal } from "@preact/signals";
import { api, me, Problem, type ThreadChange } from "./api.ts";
import { changerOf } from "./changers.ts";
import type { AgentState, Priority, Thread } from "./model.ts";
import { openThread, route } from "./route.ts";
import { momentWords } from "./snooze.ts";
import { loadThread, put, reasonOf, shownThreads, threads } from "./threads.ts";

/** What could not be done, said where it was tried. */
export const refusal = signal<{ threadId: string; text: string } | null>(null);

/** Changes of one thread go out one after the other: each names the version that the one before it made. */
const lastOf = new Map<string, Promise<void>>();

function change(thread: Thread, wish: ThreadChange, what: string): Promise<void> {
  refusal.value = null;
  const before = threads.value.get(thread.id) ?? thread;
  const shown = { ...before, ...asShown(wish) };
  put(shown);
  const done = (lastOf.get(thread.id) ?? Promise.resolve()).then(() => send(before, shown, wish, what));
  lastOf.set(thread.id, done);
  return done;
}

/** If the server refuses, the thread goes back and the reason is shown. */
async function send(before: Thread, shown: Thread, wish: ThreadChange, what: string): Promise<void> {
  try {
    put(await api.change(before.id, wish, threads.value.get(before.id)?.version));
  } catch (error) {
    if (error instanceof Problem && error.status === 412) return overtaken(before, wish, what);
    if (threads.value.get(before.id) === shown) put(before);
    refusal.value = { threadId: before.id, text: `Could not ${what}. ${reasonOf(error)}` };
  }
}

/** Somebody was faster. Where they changed something else, both changes hold; else theirs does, and it is said. */
async function overtaken(before: Thread, wish: ThreadChange, what: string): Promise<void> {
  try {
    await loadThread(before.id, true);
    const theirs = threads.value.get(before.id)!;
    const touched = (Object.keys(wish) as (keyof ThreadChange)[]).filter((name) => !same(before[name], theirs[name]));
    if (touched.length === 0) return put(await api.change(before.id, wish, theirs.version));
    sayOvertaken(theirs, ...touched);
  } catch (error) {
    refusal.value = { threadId: before.id, text: `Could not ${what}. ${reasonOf(error)}` };
  }
}

/** Says what somebody else made of the fields that were to be changed. */
export function sayOvertaken(theirs: Thread, ...touched: (keyof ThreadChange)[]): void {
  const text = `${changerOf(theirs.id)} changed this meanwhile: ${touched.map((name) => inWords(theirs, name)).join(", ")}.`;
  refusal.value = { threadId: theirs.id, text: `${text} Your change was not made.` };
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

function inWords(thread: Thread, name: keyof ThreadChange): string {
  if (name === "assignee") return thread.assignee ? `${thread.assignee.name} has it` : "nobody has it";
  if (name === "tags") return thread.tags.length ? `the tags are ${thread.tags.join(", ")}` : "there are no tags";
  if (name === "agent") return `the AI is ${thread.agent}`;
  if (name === "snoozed_until")
    return thread.snoozed_until ? `until ${momentWords(new Date(thread.snoozed_until), new Date())}` : "no time is set";
  return `the ${name} is ${thread[name] || "empty"}`;
}

function asShown({ assignee, ...same }: ThreadChange): Partial<Thread> {
  if (assignee === undefined) return same;
  const mine = me.value ? { id: me.value.id, name: me.value.name } : null;
  return { ...same, assignee: assignee === "me" ? mine : null };
}

export const takeOver = (thread: Thread) => change(thread, { assignee: "me", agent: "quiet" }, "take over");
export const giveBack = (thread: Thread) => change(thread, { assignee: null, agent: "active" }, "give this back to the AI");
export const assignToMe = (thread: Thread) => change(thread, { assignee: "me" }, "assign this to you");
export const reopen = (thread: Thread) => change(thread, { status: "open" }, "reopen this");
export const setAgent = (thread: Thread, agent: AgentState) => change(thread, { agent }, "change what the AI does here");
export const setTags = (thread: Thread, tags: string[]) => change(thread, { tags }, "change the tags");
export const setTopic = (thread: Thread, topic: string) => change(thread, { topic: topic || null }, "change the topic");
export const setPriority = (thread: Thread, priority: Priority) => change(thread, { priority }, "change the priority");

/** Each of these takes the thread off the list, so the next one is shown. */
export const closeAndGoOn = (thread: Thread) => leave(thread, { status: "closed" }, "close this");
export const waitAndGoOn = (thread: Thread) => leave(thread, { status: "waiting" }, "let this wait");
export const snoozeAndGoOn = (thread: Thread, until: Date) =>
  leave(thread, { status: "snoozed", snoozed_until: until.toISOString() }, "snooze this");

/** Goes to the next in the list, or back to it after the last. */
function leave(thread: Thread, wish: ThreadChange, what: string): void {
  const shown = shownThreads.value;
  const at = shown.findIndex((one) => one.id === thread.id);
  const next = shown[at + 1] ?? shown[at - 1];
  void change(thread, wish, what);
  const stays = shownThreads.value.some((one) => one.id === thread.id);
  if (at >= 0 && !stays && route.value.view !== "search") openThread(next?.id ?? null);
}
