import type { Unsent } from "@onethread/browser/outbox.ts";
import type { Author, SessionAnswer, WidgetMessage } from "@onethread/browser/protocol.ts";

export interface Streaming {
  reply_id: string;
  text: string;
}

/** What the customer sees, apart from what is still in the outbox. */
export interface Timeline {
  messages: WidgetMessage[];
  /** Answers that are being written. */
  streaming: Streaming[];
  typing: Author | null;
  /** Cursor of the newest message that the gateway gave us. */
  cursor: string | null;
}

export const emptyTimeline: Timeline = { messages: [], streaming: [], typing: null, cursor: null };

export function fromSession(answer: SessionAnswer): Timeline {
  return answer.messages.reduce(withMessage, emptyTimeline);
}

/** Adds a message once; a second copy replaces the first where it stands, and a whole answer replaces its stream. */
export function withMessage(timeline: Timeline, message: WidgetMessage): Timeline {
  const same = (one: WidgetMessage) =>
    one.id === message.id || (one.client_id != null && one.client_id === message.client_id);
  const known = timeline.messages.some(same);
  const messages = known
    ? timeline.messages.map((one) => (same(one) ? message : one))
    : [...timeline.messages, message];
  const fromCustomer = message.author.kind === "customer";
  return {
    messages,
    cursor: message.cursor || timeline.cursor,
    streaming: fromCustomer ? timeline.streaming : [],
    typing: fromCustomer ? timeline.typing : null,
  };
}

export function withDelta(timeline: Timeline, replyId: string, text: string): Timeline {
  if (timeline.messages.some((message) => message.id === replyId)) return timeline; // It came whole already.
  const begun = timeline.streaming.find((stream) => stream.reply_id === replyId);
  const grown = { reply_id: replyId, text: (begun?.text ?? "") + text };
  const others = timeline.streaming.filter((stream) => stream !== begun);
  return { ...timeline, typing: null, streaming: [...others, grown] };
}

/** An answer that is not coming after all leaves nothing behind. */
export function withoutStream(timeline: Timeline, replyId: string): Timeline {
  return { ...timeline, typing: null, streaming: timeline.streaming.filter((one) => one.reply_id !== replyId) };
}

/** The customer's own message is durable: it moves from the outbox into the timeline, once. */
export function withAcknowledged(timeline: Timeline, sent: Unsent, messageId: string): Timeline {
  return withMissing(timeline, {
    id: messageId,
    client_id: sent.client_id,
    cursor: "",
    author: { kind: "customer", name: null },
    text: sent.text,
    channel: "widget",
    created_at: new Date(sent.written).toISOString(),
    sources: [],
  });
}

/** Adds an own message unless it is there already. */
export function withMissing(timeline: Timeline, own: WidgetMessage): Timeline {
  const known = timeline.messages.some((message) => message.id === own.id || message.client_id === own.client_id);
  return known ? timeline : { ...timeline, messages: [...timeline.messages, own] };
}

export function unreadAfter(timeline: Timeline, lastRead: string | null): number {
  const read = timeline.messages.findIndex((message) => message.id === lastRead);
  return timeline.messages.slice(read + 1).filter((message) => message.author.kind !== "customer").length;
}
