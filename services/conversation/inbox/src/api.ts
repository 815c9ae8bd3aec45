import { signal } from "@preact/signals";
import { answered, keyOf } from "./once.ts";
import type { AgentOverview, AgentReport, AgentSettings, Dismissal, Proposal, ResolutionReport, Workspace } from "./agent-model.ts";
import type { Address, Checked, Domain, Imap, Secrets, SignInName, Ways, Writing } from "./email-model.ts";
import type {
  AgentState,
  Customer,
  ListedSuppression,
  MergePreview,
  Message,
  Page,
  Person,
  Priority,
  Status,
  Teammate,
  Thread,
  ThreadDetail,
} from "./model.ts";
import type { Definition, Tool, ToolCall, Trial } from "./tool-model.ts";

/** The server said no, in its own words. `status` 0: it could not be reached. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const AGAIN = 1_000;

/** Who is signed in; undefined until known. */
export const me = signal<Teammate | null | undefined>(undefined);

/** What only administrators may do is refused by the server; it is not offered to others. */
export const isAdministrator = (): boolean => me.value?.scopes?.includes("admin") ?? false;

export async function call<Answer>(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await request(method, path, body, headers);
  return (response.status === 204 ? undefined : await response.json()) as Answer;
}

/** A POST has an idempotency key, so that it is done once, however often it is sent. */
export async function request(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  const written = body === undefined ? undefined : JSON.stringify(body);
  const asked = `${me.value?.id ?? ""} ${path} ${written ?? ""}`;
  const isOnce = method === "POST";
  const sent: RequestInit = {
    method,
    headers: {
      ...(written === undefined ? {} : { "content-type": "application/json" }),
      ...(isOnce ? { "idempotency-key": keyOf(asked) } : {}),
      ...headers,
    },
    ...(written === undefined ? {} : { body: written }),
  };
  const response = await reach(path, sent, isOnce ? 1 : 0);
  if (isOnce) answered(asked, response.status);
  if (!response.ok) throw await problemOf(response);
  return response;
}

/** `again`: how often it is tried once more where the connection breaks, as it does when the server restarts. */
async function reach(path: string, sent: RequestInit, again: number): Promise<Response> {
  try {
    return await fetch(`/api/v1/${path}`, sent);
  } catch {
    if (again === 0) throw new Problem(0, "The server cannot be reached.");
  }
  await new Promise((go) => setTimeout(go, AGAIN));
  return reach(path, sent, again - 1);
}

interface Said {
  title?: string;
  detail?: unknown;
  /** What is wrong with each field. */
  errors?: { problem?: string }[];
}

export async function problemOf(response: Response): Promise<Problem> {
  if (response.status === 401) me.value = null;
  const problem = (await response.json().catch(() => ({}))) as Said;
  const wrong = problem.errors?.map((one) => one.problem?.replace("Value error, ", "")) ?? [];
  const said = [problem.title, problem.detail, ...wrong].filter((part) => typeof part === "string" && part !== "").map(sentence);
  return new Problem(response.status, said.join(" ") || `The server answered ${response.status}.`);
}

const sentence = (text: unknown): string => (/[.!?]$/.test(String(text)) ? String(text) : `${String(text)}.`);

export const query = (values: Record<string, string>): string => new URLSearchParams(values).toString();

/** A change is refused with 412 if another came first; without a version it is not held against any. */
const ifMatch = (version: number | undefined): Record<string, string> =>
  version === undefined ? {} : { "if-match": `"${version}"` };

export const api = {
  whoAmI: () => call<Teammate>("GET", "session"),
  signIn: (email: string, password: string) => call<Teammate>("POST", "session", { email, password }),
  signOut: () => call<void>("DELETE", "session"),
  changeMe: (change: OwnChange) => call<Teammate>("PATCH", "session", change),

  threads: (filter: Record<string, string>) => call<Page<Thread>>("GET", `threads?${query(filter)}`),
  thread: (id: string) => call<ThreadDetail>("GET", `threads/${id}`),
  change: (id: string, change: ThreadChange, version?: number) =>
    call<Thread>("PATCH", `threads/${id}`, change, ifMatch(version)),
  tags: () => call<Page<string | { name: string }>>("GET", "tags"),

  /** `after`: the position of the last that is known, or the `next` of the page before. */
  messages: (id: string, after: string | number) =>
    call<Page<Message>>("GET", `threads/${id}/messages?${query({ after: String(after), limit: "200" })}`),
  /** `key`: kept with the message, also over a reload. */
  send: (id: string, message: NewMessage, key: string) =>
    call<Message | Held>("POST", `threads/${id}/messages`, message, { "idempotency-key": key }),
  sideMail: (id: string, mail: { to: string; subject: string; text: string }) =>
    call<{ thread_id: string }>("POST", `threads/${id}/side`, mail),
  removeFile: (id: string) => call<void>("DELETE", `files/${id}`),
  unsend: (id: string, messageId: string) => call<void>("DELETE", `threads/${id}/pending/${messageId}`),
  retry: (id: string, messageId: string) => call<Message>("POST", `threads/${id}/messages/${messageId}/retry`),

  suppressions: (asked: Record<string, string>) => call<Page<ListedSuppression>>("GET", `suppressions?${query(asked)}`),
  /** Mail goes to that address again. */
  liftSuppression: (id: string) => call<void>("DELETE", `suppressions/${id}`),

  proposals: (id: string) => call<Page<Proposal>>("GET", `threads/${id}/proposals?${query({ limit: "20" })}`),
  drafts: () => call<{ thread_ids: string[] }>("GET", "drafts"),
  useDraft: (id: string, undo_seconds: number) =>
    call<Message | Held>("POST", `proposals/${id}/use`, { undo_seconds }),
  dismissDraft: (id: string, reason: Dismissal | undefined) =>
    call<Proposal>("POST", `proposals/${id}/dismiss`, reason ? { reason } : {}),

  tools: () => call<Page<Tool>>("GET", "agent/tools"),
  createTool: (tool: Definition & { active: boolean }) => call<Tool>("POST", "agent/tools", tool),
  changeTool: (id: string, change: { definition: Definition; active: boolean }, version: number) =>
    call<Tool>("PATCH", `agent/tools/${id}`, change, ifMatch(version)),
  removeTool: (id: string) => call<void>("DELETE", `agent/tools/${id}`),
  tryTool: (id: string, customer_id: string, said: Record<string, string>) =>
    call<Trial>("POST", `agent/tools/${id}/try`, { customer_id, arguments: said }),
  callsOfTool: (id: string) => call<Page<ToolCall>>("GET", `agent/tools/${id}/calls`),
  toolCalls: (threadId: string) => call<Page<ToolCall>>("GET", `threads/${threadId}/tool-calls`),
  checkToolCall: (id: string, done: boolean) => call<ToolCall>("POST", `tool-calls/${id}/check`, { done }),
  changeApprovalHours: (id: string, hours: number | null, version: number) =>
    call<Workspace>("PATCH", `workspaces/${id}`, { settings: { approval_hours: hours } }, ifMatch(version)),
  settleToolCall: (id: string, how: "approve" | "decline") => call<ToolCall>("POST", `tool-calls/${id}/${how}`),

  addresses: () => call<Page<Address>>("GET", "email/addresses"),
  changeAddress: (id: string, writing: Writing, version: number) =>
    call<Address>("PATCH", `email/addresses/${id}`, writing, ifMatch(version)),
  createAddress: (name: string, address: string) =>
    call<{ id: string }>("POST", "channels", { kind: "email", name, settings: { address } }),
  removeAddress: (id: string) => call<void>("DELETE", `channels/${id}`),
  ways: (id: string) => call<Ways>("GET", `email/addresses/${id}/ways`),
  changeWays: (id: string, change: { imap?: Imap | null; secrets?: Secrets }) =>
    call<Ways>("PATCH", `email/addresses/${id}/ways`, change),
  checkMailbox: (id: string, imap: Imap | null, secrets: Secrets) =>
    call<Checked>("POST", `email/addresses/${id}/check`, { imap, secrets }),
  beginSignIn: (
    id: string,
    wanted: { provider: SignInName; user: string; account?: string; client_id?: string; client_secret?: string; tenant?: string },
  ) => call<{ url: string }>("POST", `email/addresses/${id}/sign-in`, wanted),
  finishSignIn: (provider: SignInName, said: { state: string; code: string; error: string; iss: string }) =>
    call<{ address_id: string; account: string; checked: Checked }>("POST", "email/sign-ins", { provider, ...said }),
  checkDomain: (domain: string) => call<Domain>("POST", `email/domains/${domain}/check`),
  makeMailKey: (domain: string) => call<Domain>("POST", `email/domains/${domain}/keys`),

  agent: () => call<AgentOverview>("GET", "agent"),
  workspace: (id: string) => call<Workspace>("GET", `workspaces/${id}`),
  changeAgent: (id: string, agent: AgentSettings, version: number) =>
    call<Workspace>("PATCH", `workspaces/${id}`, { settings: { agent } }, ifMatch(version)),
  agentReport: (asked: Record<string, string>) => call<AgentReport>("GET", `metrics/agent?${query(asked)}`),
  resolutions: (asked: Record<string, string>) => call<ResolutionReport>("GET", `metrics/resolutions?${query(asked)}`),

  split: (id: string, message_ids: string[]) => call<Acted>("POST", `threads/${id}/split`, { message_ids }),
  move: (id: string, message_ids: string[], to_thread_id: string) =>
    call<Acted>("POST", `threads/${id}/move`, { message_ids, to_thread_id }),
  mergeThreads: (id: string, other_thread_id: string) => call<Acted>("POST", `threads/${id}/merge`, { other_thread_id }),
  undo: (actId: string) => call<unknown>("POST", `acts/${actId}/undo`),

  customers: (q: string) => call<Page<Person>>("GET", `customers?${query({ q, limit: "8" })}`),
  customer: (id: string) => call<Customer>("GET", `customers/${id}`),
  changeCustomer: (id: string, change: CustomerChange, version?: number) =>
    call<unknown>("PATCH", `customers/${id}`, change, ifMatch(version)),
  previewMerge: (id: string, other: string) => call<MergePreview>("GET", `customers/${id}/merge-preview?${query({ other })}`),
  merge: (id: string, other_id: string, reason?: string) =>
    call<{ act_id: string }>("POST", `customers/${id}/merge`, { other_id, ...(reason ? { reason } : {}) }),
  unmerge: (id: string, act_id: string) => call<unknown>("POST", `customers/${id}/unmerge`, { act_id }),
  unlink: (id: string, identity_id: string) => call<{ act_id: string }>("POST", `customers/${id}/unlink`, { identity_id }),
  dismiss: (id: string, other_id: string) => call<void>("POST", `customers/${id}/dismiss`, { other_id }),
  prove: (id: string, value: string) => call<unknown>("POST", `customers/${id}/prove`, { value }),
};

export async function signOut(): Promise<void> {
  await api.signOut().catch(() => undefined); // Whatever the server said, this page shows nothing more.
  me.value = null;
}

export interface OwnChange {
  name?: string;
  password?: string;
  current_password?: string;
}

export interface NewMessage {
  text: string;
  note: boolean;
  channel_id?: string;
  /** Seconds for which it may be taken back. */
  undo_seconds?: number;
  /** The agent's draft that it was made of. */
  draft_id?: string;
  /** Ids of uploaded files that go with it. */
  files?: readonly string[];
}

/** A reply that waits for its time to be undone; it becomes a message of the same id. */
export interface Held {
  id: string;
  send_at: string;
}

interface Acted {
  act_id: string;
  thread: Thread;
}

export interface ThreadChange {
  status?: Status;
  snoozed_until?: string;
  assignee?: string | null;
  tags?: string[];
  priority?: Priority;
  topic?: string | null;
  agent?: AgentState;
}

export interface CustomerChange {
  name?: string | null;
  language?: string | null;
  time_zone?: string | null;
}
