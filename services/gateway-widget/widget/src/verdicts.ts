import type { FrameFromBrowser, WidgetMessage } from "@onethread/browser/protocol.ts";

type FeedbackFrame = Extract<FrameFromBrowser, { type: "feedback" }>;
export type Thumb = -1 | 1;
const AGAIN_AFTER = 3_000;

/** What the customer thinks of answers: shown at once, and told again until the gateway has it. */
export class Verdicts {
  private given = new Map<string, FeedbackFrame>();
  private untold = new Map<string, FeedbackFrame>();

  constructor(private send: (frame: FeedbackFrame) => boolean) {}

  of(message: WidgetMessage): Thumb | null {
    return this.given.get(message.id)?.score ?? message.feedback ?? null;
  }

  /** Each word is one of its own: whoever changes their mind twice means the last. */
  give(messageId: string, score: Thumb, comment?: string): void {
    const frame: FeedbackFrame = { type: "feedback", client_id: crypto.randomUUID(), message_id: messageId, score };
    if (comment) frame.comment = comment;
    this.given.set(messageId, frame);
    this.untold.set(messageId, frame);
    this.send(frame);
  }

  acknowledge(clientId: string): void {
    for (const [id, frame] of this.untold) if (frame.client_id === clientId) this.untold.delete(id);
  }

  /** The gateway could not take it for now. */
  refused(clientId: string): void {
    const known = [...this.untold.values()].some((frame) => frame.client_id === clientId);
    if (known) setTimeout(() => this.tellAgain(), AGAIN_AFTER);
  }

  tellAgain(): void {
    for (const frame of this.untold.values()) this.send(frame);
  }

  clear(): void {
    this.given.clear();
    this.untold.clear();
  }
}
