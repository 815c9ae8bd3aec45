import { signal } from "@preact/signals";
import { openDrawer } from "@onethread/browser/storage.ts";
import { me } from "./api.ts";

export type Mode = "reply" | "note";

const drawer = openDrawer("onethread.inbox.draft.");
/** Rises with each change, for those who show drafts. */
const version = signal(0);

const keyOf = (threadId: string, mode: Mode): string => `${me.value?.id ?? ""}.${threadId}.${mode}`;

/** A draft belongs to one thread, one mode and one person; no event may touch it. */
export function draftOf(threadId: string, mode: Mode): string {
  void version.value;
  return drawer.get(keyOf(threadId, mode)) ?? "";
}

export function keepDraft(threadId: string, mode: Mode, text: string): void {
  if (text) drawer.set(keyOf(threadId, mode), text);
  else drawer.remove(keyOf(threadId, mode));
  version.value += 1;
}
