import { day } from "@onethread/browser/time.ts";
import { newAttachments } from "./attachments.ts";
import type { Attachment, Message, Thread } from "./model.ts";

/** One line of a thread as it is drawn. */
export type Item =
  | { kind: "day"; key: string; label: string }
  | { kind: "continued"; key: string; channel: string }
  | { kind: "event"; key: string; text: string }
  | { kind: "handoff"; key: string; handoff: NonNullable<Thread["handoff"]> }
  /** `first` and `last` of a run by one author: the first says who and when, the last how far its delivery is.
   * `subject`: of the mail, where it is another than before. */
  | { kind: "message"; key: string; message: Message; files: Attachment[]; first: boolean; last: boolean; subject: string };

const RUN_GAP = 5 * 60_000;

export function streamOf(messages: readonly Message[], handoff: Thread["handoff"]): Item[] {
  const items: Item[] = [];
  let handoffLeft = handoff;
  let before: Message | undefined;
  let channel: string | undefined;
  let topic = "";
  const pictures = new Set<string>();
  for (const [index, message] of messages.entries()) {
    if (handoffLeft && comesBefore(handoffLeft, message)) {
      items.push({ kind: "handoff", key: "handoff", handoff: handoffLeft });
      handoffLeft = null;
      before = undefined;
    }
    items.push(...rulesBefore(message, messages[index - 1], channel));
    const subject = topicOf(message) === topic ? "" : (message.subject ?? "");
    topic = topicOf(message) || topic;
    items.push(itemOf(message, newAttachments(message, pictures), before, messages[index + 1], subject));
    before = message;
    if (message.channel && !message.note) channel = message.channel.kind;
  }
  if (handoffLeft) items.push({ kind: "handoff", key: "handoff", handoff: handoffLeft });
  return items;
}

/** A handoff answers a customer's message. Both are written at nearly the same time, by two clocks. */
function comesBefore(handoff: NonNullable<Thread["handoff"]>, message: Message): boolean {
  const leeway = message.author.kind === "customer" ? 2_000 : 0;
  return Date.parse(handoff.at) < Date.parse(message.created_at) - leeway;
}

function rulesBefore(message: Message, before: Message | undefined, channel: string | undefined): Item[] {
  const rules: Item[] = [];
  if (!before || day(before.created_at) !== day(message.created_at)) {
    rules.push({ kind: "day", key: `day ${message.id}`, label: day(message.created_at) });
  }
  if (channel && message.channel && !message.note && message.channel.kind !== channel) {
    rules.push({ kind: "continued", key: `rule ${message.id}`, channel: message.channel.kind });
  }
  return rules;
}

function itemOf(
  message: Message,
  files: Attachment[],
  before: Message | undefined,
  after: Message | undefined,
  subject: string,
): Item {
  if (message.author.kind === "system") return { kind: "event", key: message.id, text: message.text };
  const first = !before || !sameRun(before, message);
  const last = !after || !sameRun(message, after);
  return { kind: "message", key: message.id, message, files, first, last, subject };
}

/** Before the subject of a reply or forward, by mail programs of many languages. */
const ANSWERED = /^((re|aw|wg|fwd?|sv|vs|vl|tr|rv|rif|i|r|odp|pd|ynt|ilt|antw|doorst|vá|回复|回覆|答复|转发|轉寄|res|enc|ref)(\[\d+\])?\s*[:：]\s*)+/iu;

const topicOf = ({ subject }: Message): string => (subject ?? "").replace(ANSWERED, "").trim();

function sameRun(one: Message, next: Message): boolean {
  const gap = Date.parse(next.created_at) - Date.parse(one.created_at);
  return (
    one.author.kind === next.author.kind &&
    one.author.id === next.author.id &&
    one.author.name === next.author.name &&
    one.note === next.note &&
    one.channel?.id === next.channel?.id &&
    one.audience.name === next.audience.name &&
    one.identity?.trust === next.identity?.trust &&
    one.verdict === next.verdict &&
    one.identity?.value === next.identity?.value &&
    day(one.created_at) === day(next.created_at) &&
    gap < RUN_GAP
  );
}
