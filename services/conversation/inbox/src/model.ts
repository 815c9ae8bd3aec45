/** The REST API's nouns, as the inbox reads them. */
import type { AuthorKind, ChannelKind, Source } from "@onethread/browser/protocol.ts";
import type { AgentMode } from "./agent-model.ts";

export interface Teammate {
  id: string;
  name: string;
  email: string;
  workspace?: string;
  /** `admin` is among an administrator's. */
  scopes?: string[];
}

export interface Channel {
  id: string;
  kind: ChannelKind;
}

export interface Author {
  kind: AuthorKind;
  id: string | null;
  name: string | null;
}

export interface Audience {
  shared: boolean;
  name: string | null;
}

export interface Identity {
  kind: "visitor" | "site_user" | "email" | "slack_user";
  value: string;
  trust: "verified" | "asserted";
  /** Why the trust is what it is, in words. */
  evidence?: string;
}

/** On the sender of a mail; `forged` where the domain that it names says that it is not from there. */
export type Verdict = "verified" | "asserted" | "forged";
export type Status = "open" | "waiting" | "snoozed" | "closed";
export type AgentState = "active" | "drafting" | "quiet" | "off";
export type Priority = "low" | "normal" | "high" | "urgent";

/** A customer as lists and events name them. */
export interface Person {
  id: string;
  name: string | null;
  email?: string | null;
}

export interface Thread {
  id: string;
  status: Status;
  snoozed_until?: string | null;
  customer: Person;
  channel: Channel | null;
  assignee: { id: string; name: string } | null;
  topic?: string | null;
  priority: Priority;
  agent: AgentState;
  /** Who set the agent's state, and when; null: a rule. */
  agent_set?: { by: Author | null; at: string } | null;
  handoff: { reason: string; summary: string; at: string } | null;
  tags: string[];
  /** Of the identity by which the customer spoke last. */
  trust?: "verified" | "asserted" | null;
  /** `forged` where any mail in it is. */
  verdict?: Verdict | null;
  /** A machine spoke last, and not a person: the AI does not answer it. */
  machine?: Machine | null;
  last_message: { text: string; author: Author; created_at: string } | null;
  /** The customer waits for a person since then. */
  waiting_since: string | null;
  sequence: number;
  /** Rises with each change; a change names the one it was made on. */
  version?: number;
  /** It is side mail about this one. */
  side_of_id?: string | null;
  /** It went on in this one. */
  merged_into_id?: string | null;
  created_at: string;
  updated_at: string;
}

export interface ReplyChannel extends Channel {
  label: string;
  /** By mail: who is answered, and who gets it, too. */
  to?: string | null;
  cc?: string[];
  audience: Audience;
  /** What of files goes with a reply there; null: none. */
  files?: FileLimits | null;
  /** Why what is sent there would not arrive. */
  stopped?: Suppression | null;
  /** Who would get a copy, were their address not stopped. */
  left_out?: Suppression[];
}

export interface FileLimits {
  number: number;
  /** Of all together. */
  bytes: number;
}

/** An address to which nothing goes any more. */
export interface Suppression {
  id: string;
  address: string;
  /** `automatic`: what a teammate writes is sent all the same. */
  scope: "automatic" | "all";
  report: "hard" | "soft" | "complaint";
  reason: string;
  since: string;
}

export interface ListedSuppression extends Suppression {
  /** Where the mail that came back stands. */
  thread_id: string | null;
}

/** A teammate's mail to a third party about a conversation, in a conversation of its own. */
export interface SideThread {
  id: string;
  to: string | null;
  subject: string | null;
  status: Status;
}

export interface ThreadDetail extends Thread {
  sides?: SideThread[];
  participants: { name: string | null; identity: Identity }[];
  /** The first is where a reply goes by default. */
  reply_channels: ReplyChannel[];
  /** Replies that go out when their time to be undone is over. */
  pending?: PendingReply[];
  /** What the agent would do with the customer's next message here. */
  agent_mode?: AgentMode;
  /** What an administrator set for the channel. */
  channel_mode?: AgentMode;
}

export interface PendingReply {
  id: string;
  text: string;
  author: Author;
  send_at: string;
  channel_id: string | null;
  attachments?: UploadedFile[];
}

export interface Delivery {
  state: "queued" | "sent" | "delivered" | "seen" | "retrying" | "failed";
  reason: string | null;
  retry_at?: string | null;
  /** What came back of it. */
  report?: Suppression["report"] | null;
}

/** What a machine wrote. */
export type Machine = "auto_reply" | "bounce" | "complaint" | "list" | "notice";

export interface Attachment {
  name: string;
  type: string;
  /** Bytes. */
  size: number;
  sha256: string;
  /** It stands in the text. */
  inline?: boolean;
}

/** Of a teammate: it waits for the message that it goes with. */
export interface UploadedFile extends Attachment {
  id: string;
}

export interface Message {
  id: string;
  thread_id: string;
  sequence: number;
  /** Orders the messages of a thread; a move keeps it. */
  position?: number;
  note: boolean;
  channel: Channel | null;
  author: Author;
  identity: Identity | null;
  verdict?: Verdict | null;
  /** What may deceive whoever reads it, in sentences. */
  warnings?: string[];
  audience: Audience;
  /** Of a customer's mail. */
  subject?: string | null;
  text: string;
  html?: string | null;
  attachments?: Attachment[];
  sources: Source[];
  delivery: Delivery | null;
  /** No person wrote it. */
  machine?: Machine | null;
  feedback?: Feedback | null;
  /** Why it stands here, and what is odd about it. */
  remarks?: string[];
  /** The thread that it names and was not let into. */
  may_belong_to?: string | null;
  created_at: string;
}

/** What the customer thinks of a message of ours. */
export interface Feedback {
  score: number;
  scale: "thumbs" | "csat";
  comment?: string | null;
}

export interface Customer extends Person {
  language?: string | null;
  time_zone?: string | null;
  attributes?: Record<string, unknown>;
  company?: { id: string; domain: string; name: string | null } | null;
  identities: KnownIdentity[];
  /** What they say of themselves and have not proven. */
  claims?: { kind: Identity["kind"]; value: string }[];
  /** Other customers that this one may be; nothing is merged by itself. */
  maybe: Suggestion[];
  merges?: Merge[];
  threads: ThreadSummary[];
  version?: number;
  created_at: string;
}

export interface KnownIdentity extends Identity {
  id?: string;
  /** The customer as whom it came in; no merge changes it. */
  customer_id?: string;
}

export interface Suggestion extends Person {
  reason: string;
}

/** Another customer who was joined to this one. */
export interface Merge {
  act_id: string;
  customer: Person;
  how: "proof" | "teammate";
  reason: string | null;
  by: string | { name: string | null } | null;
  at: string;
}

export type ThreadSummary = Pick<Thread, "id" | "status" | "created_at" | "updated_at"> &
  Partial<Pick<Thread, "topic" | "channel" | "last_message">> & { subject?: string | null };

/** What merging two customers would do. */
export interface MergePreview {
  keeps: Person;
  absorbs: Person;
  identities: Identity[];
  threads: { id: string; status: Status; messages: number }[];
  messages: number;
  merges_threads: [string, string] | null;
  warnings: string[];
}

export interface Page<Item> {
  items: Item[];
  next: string | number | null;
}

/** Nobody holds it and the AI does not answer it: a teammate should. */
export const MACHINES: Record<Machine, string> = {
  auto_reply: "Automatic reply",
  bounce: "Report of a mail server",
  complaint: "Complaint about a mail",
  list: "Mail of a list",
  notice: "Automatic mail",
};

const isByMachine = (thread: Thread): boolean => (thread.machine ?? null) !== null;

export function needsPerson(thread: Thread): boolean {
  return !thread.assignee && (thread.agent !== "active" || thread.waiting_since !== null || isByMachine(thread));
}

export function customerName(customer: Person): string {
  return customer.name || customer.email || "Visitor";
}
