/** Gaps of knowledge: what customers asked and got no good answer to. */
import type { ChannelKind } from "@onethread/browser/protocol.ts";
import { call, query } from "./api.ts";
import type { Article } from "./knowledge-model.ts";
import type { Page } from "./model.ts";

export type GapState = "open" | "drafted" | "closed" | "ignored";
export type GapKind = "handed_off" | "thumbed_down" | "dismissed";

export interface Gap {
  id: string;
  /** The most typical of its questions. */
  question: string;
  state: GapState;
  count: number;
  customers: number;
  first: string;
  last: string;
  channels: ChannelKind[];
  kinds: GapKind[];
  /** What is found for it now. `score`: the belief that it answers. */
  nearest: { document_id: string; title: string; score: number } | null;
  /** An article answers it now. */
  covered: boolean;
  article_id: string | null;
  article_state: string | null;
}

export interface GapExample {
  message_id: string;
  thread_id: string | null;
  question: string;
  kinds: GapKind[];
  channel: ChannelKind | null;
  at: string;
}

export interface OpenedGap extends Gap {
  wordings: string[];
  examples: GapExample[];
}

export interface GapSettings {
  proposals: "off" | "ask";
}

export const GAP_STATES: Record<GapState, string> = { open: "Open", drafted: "Drafted", closed: "Closed", ignored: "Ignored" };

export const GAP_KINDS: Record<GapKind, string> = {
  handed_off: "Handed off",
  thumbed_down: "Judged bad by the customer",
  dismissed: "Draft dismissed as wrong",
};

const at = (id: string, act = ""): string => `knowledge/gaps/${encodeURIComponent(id)}${act}`;

export const gaps = {
  all: (asked: Record<string, string>) => call<Page<Gap>>("GET", `knowledge/gaps?${query(asked)}`),
  one: (id: string) => call<OpenedGap>("GET", at(id)),
  set: (id: string, state: Exclude<GapState, "drafted">) => call<Gap>("PATCH", at(id), { state }),
  draft: (id: string) => call<Article>("POST", at(id, "/draft")),
  settings: () => call<GapSettings>("GET", at("settings")),
  choose: (settings: GapSettings) => call<GapSettings>("PUT", at("settings"), settings),
};
