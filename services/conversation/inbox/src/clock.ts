import { signal } from "@preact/signals";

/** Now, in milliseconds since 1970, fresh enough for "2m" and "waiting 8m". */
export const now = signal(Date.now());

export function startClock(): () => void {
  const timer = setInterval(() => (now.value = Date.now()), 15_000);
  return () => clearInterval(timer);
}
