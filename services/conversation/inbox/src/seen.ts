import { signal } from "@preact/signals";
import type { Thread } from "./model.ts";

const KEPT = "onethread.inbox.seen";
const MOST = 1000;

/** Up to which sequence each thread was read in this browser. */
const seen = signal<ReadonlyMap<string, number>>(read());

export function isUnread(thread: Thread): boolean {
  return thread.last_message?.author.kind === "customer" && (seen.value.get(thread.id) ?? 0) < thread.sequence;
}

export function markSeen(thread: Thread): void {
  if (document.visibilityState !== "visible" || (seen.peek().get(thread.id) ?? 0) >= thread.sequence) return;
  const next = new Map(seen.peek());
  next.delete(thread.id); // Read again means newest again, so that the oldest fall out first.
  next.set(thread.id, thread.sequence);
  seen.value = new Map([...next].slice(-MOST));
  localStorage.setItem(KEPT, JSON.stringify([...seen.value]));
}

function read(): Map<string, number> {
  try {
    return new Map(JSON.parse(localStorage.getItem(KEPT) ?? "[]") as [string, number][]);
  } catch {
    return new Map();
  }
}
