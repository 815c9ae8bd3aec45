const SHORTEST = 500;
const LONGEST = 30_000;

/** Full jitter: milliseconds to wait before try number `attempt` (from 0), so that many clients do not return at once. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(LONGEST, SHORTEST * 2 ** Math.min(attempt, 10));
}
