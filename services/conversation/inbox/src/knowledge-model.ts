/** What knowledge's API says, as teammates read it. */
import type { ChannelKind } from "@onethread/browser/protocol.ts";

export type Reach = "public" | "internal";
export type ArticleState = "draft" | "published" | "proposed" | "dismissed";

export interface ArticleContent {
  title: string;
  /** Markdown. */
  text: string;
  audience: Reach;
  locale: string | null;
  url: string | null;
  /** Questions, in customers' words, that it answers. */
  wordings: string[];
}

export interface ArticleVersion extends ArticleContent {
  version: number;
  author: string;
  at: string;
  published_at: string | null;
}

export interface Article extends ArticleVersion {
  id: string;
  state: ArticleState;
  origin: "written" | "gap" | "thread";
  live_version: number | null;
  /** There is a later draft beside the version that is in search. */
  changed: boolean;
  why: string | null;
  thread_id: string | null;
}

/** An article, and the tag by which a change says which one it was made from. */
export interface Tagged {
  article: Article;
  tag: string;
}

/** An article wherever it is from; those of sources are changed there. */
export interface DocumentRow {
  id: string;
  title: string;
  url: string | null;
  audience: Reach;
  locale: string | null;
  source: string;
  page: string | null;
  state: "pending" | "indexed" | "failed";
  reason: string | null;
  version: number;
}

export interface KnownDocument extends DocumentRow {
  text: string;
  wordings: string[];
  passages: number;
}

export type SourceKind = "website" | "git" | "upload" | "folder" | "api";

export interface Source {
  id: string;
  kind: SourceKind;
  name: string;
  url: string | null;
  branch: string | null;
  folder: string | null;
  audience: Reach;
  locale: string | null;
  /** Minutes from one reading to the next; null: by hand. */
  every: number | null;
  state: "idle" | "waiting" | "syncing" | "failed";
  /** Why the last reading failed as a whole. */
  reason: string | null;
  progress: { found: number; read: number; failed: number; total: number };
  documents: number;
  pages: number;
  last_synced: string | null;
  next_sync: string | null;
}

export interface SourcePage {
  page: string;
  url: string | null;
  state: "pending" | "indexed" | "failed" | "skipped";
  reason: string | null;
  documents: string[];
  last_read: string | null;
}

export interface NewSource {
  kind: "website" | "git" | "upload";
  name?: string;
  url?: string;
  branch?: string;
  folder?: string;
  audience: Reach;
  locale?: string;
  every?: number | null;
}

export interface Uploaded {
  source: string;
  accepted: string[];
  refused: { file: string; reason: string }[];
}

export interface Said {
  author: "customer" | "agent" | "teammate";
  text: string;
}

export interface Passage {
  document_id: string;
  title: string;
  heading_path: string[];
  text: string;
  url: string | null;
  locale: string | null;
  score: number;
  version: number;
}

export interface Cited {
  title: string;
  url: string | null;
  document_id: string | null;
}

export interface Answered {
  decision: "answer" | "clarify" | "draft" | "handoff";
  confidence: number;
  /** From which confidence it answers by itself. */
  threshold: number | null;
  text: string;
  sources: Cited[];
  reason: string;
  summary: string;
  query: string;
  passages: Passage[];
  handoff: string | null;
  suggested_reply: string;
  tags: string[];
  topic: string | null;
  calibration: string;
  usage: { model: string; input_tokens: number; output_tokens: number; cost: number }[];
}

export interface Question {
  question: string;
  channel: ChannelKind;
  history: Said[];
}

export const SOURCE_KINDS: Record<SourceKind, string> = {
  website: "Website",
  git: "Git folder",
  upload: "Uploaded files",
  folder: "Folder on the server",
  api: "Sent by API",
};

export const REACH: Record<Reach, string> = { public: "Customers", internal: "Teammates only" };

export const EVERY: Record<string, string> = {
  "60": "Every hour",
  "360": "Every 6 hours",
  "1440": "Every day",
  "10080": "Every week",
  "": "By hand",
};

/** "Every 90 minutes" for what was set elsewhere. */
export const everyWords = (minutes: number | null): string => EVERY[minutes ?? ""] ?? `Every ${minutes} minutes`;
