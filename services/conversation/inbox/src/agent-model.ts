/** What the REST API says of the AI agent: its proposals, its settings and its numbers. */
import type { ChannelKind, Source } from "@onethread/browser/protocol.ts";
import type { Audience, Author, Channel } from "./model.ts";

export type AgentMode = "auto" | "draft" | "shadow" | "off";
export type Dismissal = "wrong" | "incomplete" | "tone" | "other";
export type Outcome = "sent" | "open" | "used" | "edited" | "dismissed" | "superseded" | "silent";

export interface Proposal {
  id: string;
  thread_id: string;
  /** The customer's message that it answers. */
  message_id: string;
  channel: Channel;
  audience: Audience;
  mode: AgentMode;
  decision: "answer" | "clarify" | "draft" | "handoff";
  handoff: string | null;
  text: string;
  sources: Source[];
  confidence: number;
  reason: string;
  summary: string;
  suggested_reply: string;
  tags: string[];
  state: Outcome;
  by: Author | null;
  created_at: string;
}

export interface Opening {
  days: string[];
  opens: string;
  closes: string;
}

export interface OpenHours {
  timezone: string;
  openings: Opening[];
  closed_on: string[];
}

export interface AgentSettings {
  modes: Record<string, AgentMode>;
  confidence: number | null;
  clarify: boolean;
  reserved_topics: string[];
  max_turns: number;
  hours: OpenHours | null;
  monthly_budget: number | null;
  /** The test bench runs by itself after each change. */
  test_changes: boolean;
}

export interface Workspace {
  id: string;
  settings: { agent: AgentSettings | null; approval_hours: number | null };
  version: number;
}

export interface AgentChannel extends Channel {
  name: string;
  installation: boolean;
  mode: AgentMode;
}

export interface AgentOverview {
  channels: AgentChannel[];
  /** What language models have cost this month. */
  spent: number;
}

export interface Counts {
  questions: number;
  answered: number;
  clarified: number;
  handed_off: number;
  handoffs: Record<string, number>;
  states: Partial<Record<Outcome, number>>;
  modes: Partial<Record<AgentMode, number>>;
  compared: number;
  compared_by_words: number;
  median_likeness: number | null;
  alike: number;
  input_tokens: number;
  output_tokens: number;
  cost: number;
}

export interface Pair {
  id: string;
  thread_id: string;
  topic: string | null;
  dismissal: Dismissal | null;
  likeness: number | null;
  confidence: number;
  question: string;
  proposed: string;
  said: string | null;
}

export interface AgentReport {
  since: string;
  until: string;
  total: Counts & { messages: number };
  channels: (Counts & { messages: number; channel: Channel })[];
  topics: (Counts & { topic: string | null })[];
  least_alike: Pair[];
  dismissed: Pair[];
}

export type Ending = "confirmed" | "assumed" | "reopened" | "negative" | "pending";
export type Resolutions = Record<Ending | "answered_last" | "taken_over" | "handed_off", number>;

export interface ResolutionReport {
  window_hours: number;
  reopen_days: number;
  total: Resolutions;
}

export const KINDS: Record<ChannelKind, string> = { widget: "Website chats", email: "Support addresses", slack: "Slack" };

export const MODES: Record<AgentMode, string> = { auto: "Answers", draft: "Writes drafts", shadow: "Shadow", off: "Off" };

/** Why a person must answer. */
const HANDOFFS: Record<string, string> = {
  person: "asked for a person",
  account: "about their own order or account",
  unsure: "not sure enough",
  upset: "the customer is upset",
  repeating: "the customer says the same again",
  reserved: "a reserved topic",
  turns: "too many turns",
  attachment: "a file that it cannot read",
  trouble: "a fault",
  budget: "the month's budget is spent",
};

export const handoffWords = (kind: string): string => HANDOFFS[kind] ?? kind;

export const percent = (share: number): string => `${Math.round(share * 100)} %`;
