import { signal } from "@preact/signals";

/** Who is writing now, and the AI's answer as far as it is. */
export interface Live {
  author: "agent" | "customer";
  text: string;
  reply_id: string | null;
}

const LIVE_SHOWN = 10_000;

export const live = signal<ReadonlyMap<string, Live>>(new Map());
const timers = new Map<string, ReturnType<typeof setTimeout>>();

/** `delta`: the AI writes `text`, or nothing yet. `typing`: the customer writes. */
export function showLive(threadId: string, piece: { kind: string; reply_id?: string | null; text?: string }): void {
  if (piece.kind !== "delta" && piece.kind !== "typing") return;
  const before = live.value.get(threadId);
  const reply_id = piece.reply_id ?? null;
  const sameAnswer = before?.author === "agent" && before.reply_id === reply_id;
  if (piece.kind === "typing" && before?.author === "agent") return;
  const author = piece.kind === "delta" ? "agent" : "customer";
  const text = piece.kind === "delta" ? (sameAnswer ? before.text : "") + (piece.text ?? "") : "";
  live.value = new Map(live.value).set(threadId, { author, text, reply_id });
  clearTimeout(timers.get(threadId));
  timers.set(
    threadId,
    setTimeout(() => stopLive(threadId), LIVE_SHOWN),
  );
}

export function stopLive(threadId: string): void {
  clearTimeout(timers.get(threadId));
  if (!live.value.has(threadId)) return;
  const next = new Map(live.value);
  next.delete(threadId);
  live.value = next;
}
