import { signal } from "@preact/signals";
import { api } from "./api.ts";
import { loadCurrentCustomer } from "./customers.ts";
import { readAgain } from "./messages.ts";
import { openThread, route } from "./route.ts";
import { loadList, put, reasonOf } from "./threads.ts";
import { offerUndo, show } from "./toasts.ts";

/** Messages chosen to be split off or moved; null: nobody is choosing. */
export const chosen = signal<ReadonlySet<string> | null>(null);

export const startChoosing = (): void => void (chosen.value = new Set());
export const stopChoosing = (): void => void (chosen.value = null);

export function choose(ids: readonly string[], wanted: boolean): void {
  const next = new Set(chosen.value);
  for (const id of ids)
    if (wanted) next.add(id);
    else next.delete(id);
  chosen.value = next;
}

export const split = (threadId: string) =>
  act(
    () => api.split(threadId, [...chosen.value!]),
    threadId,
    `${counted()} now a conversation of ${chosen.value!.size === 1 ? "its" : "their"} own.`,
  );

export const move = (threadId: string, to: string) =>
  act(() => api.move(threadId, [...chosen.value!], to), threadId, `${counted()} moved.`, to);

export const mergeThread = (threadId: string, other: string) =>
  act(() => api.mergeThreads(threadId, other), threadId, "The other conversation goes on in this one.", other);

function counted(): string {
  const count = chosen.value!.size;
  return count === 1 ? "1 message is" : `${count} messages are`;
}

/** Does it, shows what it made of the threads, and offers the way back. Throws nothing: a refusal is shown. */
async function act(does: () => ReturnType<typeof api.split>, threadId: string, done: string, other?: string): Promise<boolean> {
  try {
    const { act_id, thread } = await does();
    put(thread);
    stopChoosing();
    const afresh = () => showAgain(threadId, thread.id, other);
    await afresh();
    offerUndo(done, act_id, afresh);
    return true;
  } catch (error) {
    show({ text: reasonOf(error), failed: true });
    return false;
  }
}

async function showAgain(threadId: string, ...others: (string | undefined)[]): Promise<void> {
  await Promise.all([readAgain(threadId, ...others), loadList(route.value.view, route.value.query), loadCurrentCustomer()]);
  if (!route.value.threadId) openThread(threadId);
}
