import { signal } from "@preact/signals";
import type { Customer, Message, Page, Teammate, Thread, ThreadDetail } from "./model.ts";

/** The server said no, in its own words. `status` 0: it could not be reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Who is signed in; undefined until known. */
export const me = signal<Teammate | null | undefined>(undefined);

async function call<Answer>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`/api/v1/${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Problem(0, "The server cannot be reached.");
  });
  if (!response.ok) throw await problemOf(response);
  return (response.status === 204 ? undefined : await response.json()) as Answer;
}

async function problemOf(response: Response): Promise<Problem> {
  if (response.status === 401) me.value = null;
  const problem = (await response.json().catch(() => ({}))) as { detail?: unknown; title?: string };
  const said = typeof problem.detail === "string" ? problem.detail : problem.title;
  return new Problem(response.status, said ?? `The server answered ${response.status}.`);
}

const query = (values: Record<string, string>): string => new URLSearchParams(values).toString();

export const api = {
  whoAmI: () => call<Teammate>("GET", "session"),
  signIn: (email: string, password: string) => call<Teammate>("POST", "session", { email, password }),
  signOut: () => call<void>("DELETE", "session"),
  threads: (filter: Record<string, string>) => call<Page<Thread>>("GET", `threads?${query(filter)}`),
  thread: (id: string) => call<ThreadDetail>("GET", `threads/${id}`),
  messages: (id: string, after: number) =>
    call<Page<Message>>("GET", `threads/${id}/messages?${query({ after: String(after), limit: "200" })}`),
  send: (id: string, message: { text: string; note: boolean; channel_id?: string }, key: string) =>
    call<Message>("POST", `threads/${id}/messages`, message, { "idempotency-key": key }),
  change: (id: string, change: ThreadChange) => call<Thread>("PATCH", `threads/${id}`, change),
  customer: (id: string) => call<Customer>("GET", `customers/${id}`),
};

export async function signOut(): Promise<void> {
  await api.signOut().catch(() => undefined); // Whatever the server said, this page shows nothing more.
  me.value = null;
}

export interface ThreadChange {
  status?: "open" | "closed";
  assignee?: string | null;
  agent?: "active" | "quiet";
}
