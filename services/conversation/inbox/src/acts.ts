import { signal } from "@preact/signals";
import { api, me, type ThreadChange } from "./api.ts";
import type { Thread } from "./model.ts";
import { openThread, route } from "./route.ts";
import { put, reasonOf, shownThreads, threads } from "./threads.ts";

/** What could not be done, said where it was tried. */
export const refusal = signal<{ threadId: string; text: string } | null>(null);

/** Shows the change at once; if the server refuses, the thread goes back and the reason is shown. */
async function change(thread: Thread, wish: ThreadChange, what: string): Promise<void> {
  refusal.value = null;
  const shown = { ...thread, ...asShown(wish) };
  put(shown);
  try {
    put(await api.change(thread.id, wish));
  } catch (error) {
    if (threads.value.get(thread.id) === shown) put(thread);
    refusal.value = { threadId: thread.id, text: `Could not ${what}. ${reasonOf(error)}` };
  }
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
export const close = (thread: Thread) => change(thread, { status: "closed" }, "close this");

/** Closes and goes to the next in the list, or back to it after the last. */
export function closeAndGoOn(thread: Thread): void {
  const shown = shownThreads.value;
  const at = shown.findIndex((one) => one.id === thread.id);
  const next = shown[at + 1] ?? shown[at - 1];
  void close(thread);
  if (at >= 0 && route.value.view !== "closed") openThread(next?.id ?? null);
}
