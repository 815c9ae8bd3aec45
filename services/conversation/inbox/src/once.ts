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
  const key = before && before.until > now ? before.key : newId();
  unanswered.set(asked, { key, until: now + KEPT });
  return key;
}

/** The next one that asks for it asks anew. Where the server failed, nobody knows whether it was done. */
export function answered(asked: string, status: number): void {
  if (status < 500) unanswered.delete(asked);
}
