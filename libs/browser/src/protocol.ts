/** Widget protocol, version 1, as the browser sees it. */

export type ChannelKind = "widget" | "email" | "slack";
export type AuthorKind = "customer" | "agent" | "teammate" | "system";

export interface Author {
  kind: AuthorKind;
  name: string | null;
}

export interface Source {
  title: string;
  url: string | null;
}

/** Of our side. Its contents are asked for with the session. */
export interface WidgetFile {
  name: string;
  type: string;
  size: number;
  sha256: string;
}

export interface WidgetMessage {
  id: string;
  /** Opaque; the last one seen is where a resume begins. */
  cursor: string;
  author: Author;
  /** Markdown-lite. */
  text: string;
  channel: ChannelKind;
  created_at: string;
  sources: Source[];
  attachments?: WidgetFile[];
  client_id?: string | null;
  /** The customer's own thumb for it. */
  feedback?: -1 | 1 | null;
}

export interface WidgetConfig {
  name?: string | null;
  greeting?: string | null;
  /** `#rrggbb` */
  brand?: string | null;
}

export interface SessionAnswer {
  session_token: string;
  config: WidgetConfig;
  thread: { id: string; status: string } | null;
  messages: WidgetMessage[];
  /** `unavailable`: what was said is safe but cannot be shown now; resume brings it. */
  history?: "complete" | "unavailable";
}

export type FrameFromGateway =
  | { type: "ack"; client_id: string; message_id: string }
  | { type: "message"; message: WidgetMessage }
  | { type: "delta"; reply_id: string; text: string }
  | { type: "stop"; reply_id: string }
  | { type: "typing"; author?: Author }
  | { type: "prove"; proof_id: string | null; state: "sent" | "refused"; message: string; retry_after?: number | null; by_teammate?: boolean }
  | { type: "code"; proof_id: string; state: "proven" | "wrong" | "over"; message: string }
  | { type: "error"; code: string; message: string; client_id?: string | null };

export type FrameFromBrowser =
  | { type: "message"; client_id: string; text: string; attachments: [] }
  | { type: "typing" }
  | { type: "read"; message_id: string }
  | { type: "feedback"; client_id: string; message_id: string; score: -1 | 1; comment?: string }
  | { type: "prove"; email: string }
  | { type: "code"; proof_id: string; code: string }
  | { type: "resume"; after: string | null };

/** Longest text of one message, in characters; the gateway refuses more with `too_long`. */
export const LONGEST_TEXT = 8000;
