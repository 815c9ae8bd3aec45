/** The REST API's nouns, as the inbox reads them. */
import type { AuthorKind, ChannelKind, Source } from "@onethread/browser/protocol.ts";

export interface Teammate {
  id: string;
  name: string;
  email: string;
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

export interface Thread {
  id: string;
  status: "open" | "snoozed" | "closed";
  customer: { id: string; name: string | null; email: string | null };
  channel: Channel | null;
  assignee: { id: string; name: string } | null;
  agent: "active" | "quiet";
  handoff: { reason: string; summary: string; at: string } | null;
  tags: string[];
  /** Of the identity by which the customer spoke last. */
  trust?: "verified" | "asserted" | null;
  last_message: { text: string; author: Author; created_at: string } | null;
  /** The customer waits for a person since then. */
  waiting_since: string | null;
  sequence: number;
  created_at: string;
  updated_at: string;
}

export interface ReplyChannel extends Channel {
  label: string;
  audience: Audience;
}

export interface ThreadDetail extends Thread {
  participants: { name: string | null; identity: Identity }[];
  /** The first is where a reply goes by default. */
  reply_channels: ReplyChannel[];
}

export interface Delivery {
  state: "queued" | "sent" | "delivered" | "failed";
  reason: string | null;
}

export interface Message {
  id: string;
  thread_id: string;
  sequence: number;
  note: boolean;
  channel: Channel | null;
  author: Author;
  identity: Identity | null;
  audience: Audience;
  text: string;
  sources: Source[];
  delivery: Delivery | null;
  created_at: string;
}

export interface Customer {
  id: string;
  name: string | null;
  identities: Identity[];
  /** Other customers that this one may be; nothing is merged by itself. */
  maybe: { id: string; name: string | null; reason: string }[];
  threads: { id: string; status: Thread["status"]; created_at: string; updated_at: string }[];
  created_at: string;
}

export interface Page<Item> {
  items: Item[];
  next: string | number | null;
}

/** Nobody holds it and the AI does not answer it: a teammate should. */
export function needsPerson(thread: Thread): boolean {
  return !thread.assignee && (thread.agent === "quiet" || thread.waiting_since !== null);
}

export function customerName(customer: Thread["customer"]): string {
  return customer.name || customer.email || "Visitor";
}
