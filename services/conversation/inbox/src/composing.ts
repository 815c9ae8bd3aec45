import { signal } from "@preact/signals";
import type { Mode } from "./drafts.ts";
import type { ReplyChannel } from "./model.ts";

export const mode = signal<Mode>("reply");
/** Channel picked by hand, by thread; else the thread's default is used. */
export const picked = signal<ReadonlyMap<string, string>>(new Map());

/** Who gets a reply by mail besides the customer, where a teammate changed it, by thread. */
const copies = signal<ReadonlyMap<string, readonly string[]>>(new Map());

export function copiesOf(threadId: string, channel: ReplyChannel | undefined): readonly string[] {
  return channel?.to ? (copies.value.get(threadId) ?? channel.cc ?? []) : [];
}

/** null: as the customer had it. */
export function copyTo(threadId: string, addresses: readonly string[] | null): void {
  const changed = new Map(copies.value);
  if (addresses) changed.set(threadId, addresses);
  else changed.delete(threadId);
  copies.value = changed;
}

/** Takes the focus at once: the next key already belongs to the text. */
export function compose(wanted: Mode): void {
  mode.value = wanted;
  document.querySelector<HTMLTextAreaElement>(".composer textarea")?.focus();
}

export function pick(threadId: string, channelId: string): void {
  picked.value = new Map(picked.value).set(threadId, channelId);
}
