/** Files in the composer: each goes to the server at once, and along with the message when that is sent. */
import { signal } from "@preact/signals";
import { newId } from "@onethread/browser/outbox.ts";
import { openDrawer } from "@onethread/browser/storage.ts";
import { api, me, query } from "./api.ts";
import { isPicture, sizeOf } from "./attachments.ts";
import type { Mode } from "./drafts.ts";
import type { FileLimits, UploadedFile } from "./model.ts";
import { post } from "./posting.ts";
import { reasonOf } from "./threads.ts";

export interface Attached {
  key: string;
  name: string;
  size: number;
  /** 0 to 1 while it is on its way. */
  share: number;
  /** Since the server has it. */
  file?: UploadedFile;
  /** Why it will not be there. */
  reason?: string;
  /** A picture of it, as a `data:` address. */
  picture?: string;
}

/** What a note takes, and a channel at most. */
export const LARGEST: FileLimits = { number: 20, bytes: 20_000_000 };
const DRAWN_BYTES = 4_000_000;

const drawer = openDrawer("onethread.inbox.files.");
const all = signal<ReadonlyMap<string, readonly Attached[]>>(new Map());
const stops = new Map<string, AbortController>();
let queue: Promise<void> = Promise.resolve();

const keyOf = (threadId: string, mode: Mode): string => `${me.value?.id ?? ""}.${threadId}.${mode}`;

/** Those of a reply are not those of a note, so that nothing internal goes out by a wrong tab. */
export function filesOf(threadId: string, mode: Mode): readonly Attached[] {
  const key = keyOf(threadId, mode);
  return all.value.get(key) ?? kept(key);
}

export function attach(threadId: string, mode: Mode, files: Iterable<File>): void {
  const own = keyOf(threadId, mode);
  for (const file of files) {
    const key = newId();
    const reason = tooLarge(file);
    change(own, (before) => [...before, { key, name: file.name, size: file.size, share: 0, ...reason }]);
    if ("reason" in reason) continue;
    stops.set(key, new AbortController());
    queue = queue.then(() => send(own, key, threadId, file));
    draw(own, key, file);
  }
}

export function detach(threadId: string, mode: Mode, { key, file }: Attached): void {
  stops.get(key)?.abort();
  stops.delete(key);
  change(keyOf(threadId, mode), (before) => before.filter((one) => one.key !== key));
  if (file) void api.removeFile(file.id).catch(() => undefined); // What nobody sends is forgotten in a day.
}

/** They go with a message: the composer has them no more. */
export function handOver(threadId: string, mode: Mode): UploadedFile[] {
  const files = filesOf(threadId, mode).flatMap(({ file }) => file ?? []);
  change(keyOf(threadId, mode), () => []);
  return files;
}

/** A message was taken back. */
export function giveBack(threadId: string, files: readonly UploadedFile[]): void {
  const again = files.map((file): Attached => ({ key: file.id, name: file.name, size: file.size, share: 1, file }));
  change(keyOf(threadId, "reply"), (before) => [...again, ...before]);
}

/** Why these files do not go with a message there. */
export function refusal(files: readonly Attached[], limits: FileLimits | null, channel: string): string | undefined {
  if (!files.length) return undefined;
  if (!limits) return `${channel} takes no files. Remove them, or reply on another channel.`;
  if (files.length > limits.number) return `At most ${limits.number} files go with one message.`;
  const bytes = files.reduce((sum, one) => sum + one.size, 0);
  if (bytes > limits.bytes) return `Together they have ${sizeOf(bytes)}; at most ${sizeOf(limits.bytes)} go with one message.`;
  return undefined;
}

function tooLarge({ size }: File): { reason: string } | Record<string, never> {
  if (size > LARGEST.bytes) return { reason: `too large: at most ${sizeOf(LARGEST.bytes)}` };
  return size ? {} : { reason: "empty" };
}

async function send(own: string, key: string, threadId: string, file: File): Promise<void> {
  const stop = stops.get(key);
  if (!stop) return; // It was removed before its turn.
  const path = `files?${query({ thread_id: threadId, name: file.name || "unnamed" })}`;
  try {
    const kept = await post<UploadedFile>(path, file, (share) => note(own, key, { share }), stop.signal);
    note(own, key, { share: 1, file: kept, name: kept.name });
  } catch (error) {
    note(own, key, { reason: reasonOf(error) });
  } finally {
    stops.delete(key);
  }
}

function draw(own: string, key: string, file: File): void {
  if (!isPicture(file) || file.size > DRAWN_BYTES) return;
  const reader = new FileReader();
  reader.onload = () => note(own, key, { picture: String(reader.result) });
  reader.readAsDataURL(file);
}

const note = (own: string, key: string, more: Partial<Attached>): void =>
  change(own, (before) => before.map((one) => (one.key === key ? { ...one, ...more } : one)));

function change(own: string, to: (before: readonly Attached[]) => readonly Attached[]): void {
  const after = to(all.value.get(own) ?? kept(own));
  all.value = new Map(all.value).set(own, after);
  const there = after.flatMap(({ file }) => file ?? []);
  if (there.length) drawer.set(own, JSON.stringify(there));
  else drawer.remove(own);
}

/** What the server had when the page was left. */
function kept(own: string): readonly Attached[] {
  try {
    const files = JSON.parse(drawer.get(own) ?? "[]") as UploadedFile[];
    return files.map((file) => ({ key: file.id, name: file.name, size: file.size, share: 1, file }));
  } catch {
    return [];
  }
}
