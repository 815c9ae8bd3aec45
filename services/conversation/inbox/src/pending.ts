import { signal } from "@preact/signals";
import type { PendingReply } from "./model.ts";

/** Replies that may still be taken back, by thread. */
export const pending = signal<ReadonlyMap<string, readonly PendingReply[]>>(new Map());

export function pendingOf(threadId: string): readonly PendingReply[] {
  return pending.value.get(threadId) ?? [];
}

export function setPending(threadId: string, replies: readonly PendingReply[]): void {
  if (replies.length === 0 && pendingOf(threadId).length === 0) return;
  pending.value = new Map(pending.value).set(threadId, replies);
}

export function addPending(threadId: string, reply: PendingReply): void {
  setPending(threadId, [...pendingOf(threadId).filter(({ id }) => id !== reply.id), reply]);
}

/** It went out, or it was taken back. */
export function removePending(threadId: string, id: string): void {
  setPending(
    threadId,
    pendingOf(threadId).filter((reply) => reply.id !== id),
  );
}
