import { signal } from "@preact/signals";
import { api } from "./api.ts";
import { reasonOf } from "./threads.ts";
import { show } from "./toasts.ts";
import type { ToolCall } from "./tool-model.ts";

/** What the agent asked of tools, by thread, newest first. Read with the thread's proposals. */
const calls = signal<ReadonlyMap<string, readonly ToolCall[]>>(new Map());

/** What a teammate must look at: it waits for them, they approved it and it is under way, or it is not known whether it was done. */
export function openCalls(threadId: string): readonly ToolCall[] {
  return (calls.value.get(threadId) ?? []).filter(
    ({ state, by }) => state === "waits" || state === "unclear" || (state === "running" && by !== null),
  );
}

export async function loadToolCalls(threadId: string): Promise<void> {
  try {
    const { items } = await api.toolCalls(threadId);
    calls.value = new Map(calls.value).set(threadId, items);
  } catch (error) {
    reasonOf(error); // The thread itself says what is wrong.
  }
}

export async function settleCall(call: ToolCall, how: "approve" | "decline"): Promise<void> {
  try {
    const said = became(await api.settleToolCall(call.id, how));
    if (said) show(said);
  } catch (error) {
    show({ text: reasonOf(error), failed: true });
  }
  await loadToolCalls(call.thread_id);
}

export async function sayWhetherDone(call: ToolCall, done: boolean): Promise<void> {
  try {
    await api.checkToolCall(call.id, done);
    show({ text: "Noted. The customer knows nothing of it: write to them." });
  } catch (error) {
    show({ text: reasonOf(error), failed: true });
  }
  await loadToolCalls(call.thread_id);
}

/** What the teammate who approved reads. */
function became({ state, reason }: ToolCall): { text: string; failed?: boolean } | null {
  if (state === "declined") return null;
  if (state === "done") return { text: "Done. The customer was told." };
  if (state === "running") return { text: "It takes a while. What comes of it stands here." };
  if (state === "unclear") return { text: `It is not known whether it was done: ${reason}.`, failed: true };
  return { text: `Not done: ${reason || "the system knows no such thing"}.`, failed: true };
}
