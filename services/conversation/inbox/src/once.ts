/** Keys of requests that make something: the server does what comes with one key once, however often it comes. */
import { newId } from "@onethread/browser/outbox.ts";

/** Whoever asks for the same so much later, after an answer was lost, means it anew. */
const KEPT = 10 * 60_000;

interface Asked {
  key: string;
  until: number;
}

const unanswered = new Map<string, Asked>();

/** The same for the same request, until its answer is known: whoever asks again has not seen that it was done. */
export function keyOf(asked: string, now = Date.now()): string {
  const before = unanswered.get(asked);
  if (before && before.until > now) return before.key;
  const key = newId();
  unanswered.set(asked, { key, until: now + KEPT });
  return key;
}

/** Whoever asks for it after its answer means it anew. Where the server failed nobody knows whether it was done, and a
 * conflict may be that the first try is under way. */
export function answered(asked: string, status: number): void {
  if (status < 500 && status !== 409) unanswered.delete(asked);
}
