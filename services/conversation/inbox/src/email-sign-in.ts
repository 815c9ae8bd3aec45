import type { SignInName } from "./email-model.ts";
import { address, go, route } from "./route.ts";

/** What a provider put behind its redirect URI. */
export interface Answer {
  provider: SignInName;
  said: { state: string; code: string; error: string; iss: string };
}

export const LABELS: Record<SignInName, string> = { google: "Google", microsoft: "Microsoft" };

/** Which address it was begun for: of a sign-in that came to nothing the answer does not tell. */
const BEGUN = "onethread.sign-in";

export function leaveFor(url: string, addressId: string): void {
  sessionStorage.setItem(BEGUN, addressId);
  location.assign(url);
}

export const begunFor = (): string | null => sessionStorage.getItem(BEGUN);

/** Taken out of the address bar at once: no code stays in the history, or is brought again by a reload. */
export function takeAnswer(): Answer | null {
  const { item } = route.value;
  if (item !== "google" && item !== "microsoft") return null;
  const query = new URLSearchParams(location.search);
  const [state, code, error, iss] = ["state", "code", "error", "iss"].map((name) => query.get(name) ?? "") as [string, string, string, string];
  go(address({ page: route.value.page }), true);
  return state ? { provider: item, said: { state, code, error, iss } } : null;
}

/** The browser comes back to this origin, and must be signed in to the inbox there. */
export const originOf = (redirectUri: string): string => new URL(redirectUri).origin;
