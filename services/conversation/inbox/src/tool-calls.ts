import { signal } from "@preact/signals";
import { api } from "./api.ts";
import { reasonOf } from "./threads.ts";
import { show } from "./toasts.ts";
import type { ToolCall } from "./tool-model.ts";

/** What the agent asked of tools, by thread, newest first. Read with the thread's proposals. */
const calls = signal<ReadonlyMap<string, readonly ToolCall[]>>(new Map());

/** What the agent wants to do for the customer, once a teammate approves. */
export function waitingCalls(threadId: string): readonly ToolCall[] {
  return (calls.value.get(threadId) ?? []).filter(({ state }) => state === "waits");
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
    const { state, reason } = await api.settleToolCall(call.id, how);
    if (state === "done") show({ text: "Done. The customer was told." });
    else if (state !== "declined") show({ text: `Not done. ${reason || "The system knows no such thing."}`, failed: true });
  } catch (error) {
    show({ text: reasonOf(error), failed: true });
  }
  await loadToolCalls(call.thread_id);
}
