import { signal } from "@preact/signals";
import type { Mode } from "./drafts.ts";

export const mode = signal<Mode>("reply");
/** Channel picked by hand, by thread; else the thread's default is used. */
export const picked = signal<ReadonlyMap<string, string>>(new Map());

/** Takes the focus at once: the next key already belongs to the text. */
export function compose(wanted: Mode): void {
  mode.value = wanted;
  document.querySelector<HTMLTextAreaElement>(".composer textarea")?.focus();
}

export function pick(threadId: string, channelId: string): void {
  picked.value = new Map(picked.value).set(threadId, channelId);
}
