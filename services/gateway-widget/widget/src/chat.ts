import { Outbox, type Unsent } from "@onethread/browser/outbox.ts";
import type { FrameFromBrowser, FrameFromGateway, SessionAnswer, WidgetConfig } from "@onethread/browser/protocol.ts";
import { ReconnectingSocket, type Connection } from "@onethread/browser/socket.ts";
import { openDrawer, type Drawer } from "@onethread/browser/storage.ts";
import { storagePrefix, type Host } from "./host.ts";
import { Proof } from "./proof.ts";
import { IdentityRefused, NotServed, fetchFile, openSession } from "./session.ts";
import { emptyTimeline, fromSession, unreadAfter, withAcknowledged, withDelta, withMessage, withMissing, withoutStream, type Timeline } from "./timeline.ts";
import { Verdicts, type Thumb } from "./verdicts.ts";

const TYPING_SHOWN = 6_000;
const TYPING_SENT_EVERY = 3_000;
/** An answer that stopped growing for this long is not coming in this stream. */
const STREAM_WAIT = 30_000;

/** One customer's talk with one channel: session, socket, outbox and timeline, and what is kept in the browser. */
export class Chat {
  timeline: Timeline = emptyTimeline;
  config: WidgetConfig = {};
  connection: Connection = "off";
  /** The connection was lost, and no try has brought it back yet. */
  lost = false;
  /** The gateway does not serve this channel, at least for now. */
  notServed = false;
  open = false;
  private token: string | null = null;
  private sessionOpen = false;
  /** Rises with each change of the person, so that an answer meant for the one before is not taken. */
  private era = 0;
  private drawer: Drawer;
  readonly proof: Proof;
  readonly verdicts = new Verdicts((frame) => this.send(frame));
  private outbox: Outbox;
  private socket: ReconnectingSocket;
  private listeners = new Set<() => void>();
  private quiet: ReturnType<typeof setTimeout> | undefined;
  private typingSent = 0;
  /** Ids of the messages of ours that are within sight in the log. */
  private inView = new Set<string>();
  private reported: string | null = null;

  constructor(private host: Host) {
    this.drawer = openDrawer(storagePrefix(host.channel), host.memoryOnly);
    this.token = this.drawer.get("session") || null;
    this.outbox = new Outbox({
      drawer: this.drawer,
      transmit: ({ client_id, text }) => this.send({ type: "message", client_id, text, attachments: [] }),
      onSilence: () => this.socket.drop(),
      onChange: () => this.changed(),
    });
    this.proof = new Proof({
      send: (frame) => this.send(frame),
      onProven: () => this.proven(),
      onChange: () => this.changed(),
    });
    this.socket = new ReconnectingSocket({
      url: `${host.origin.replace(/^http/, "ws")}/v1/socket`,
      protocols: (renew) => this.subprotocols(renew),
      onOpen: () => this.opened(),
      onFrame: (frame) => this.receive(frame as FrameFromGateway),
      onConnection: (connection) => this.connected(connection),
    });
  }

  get unsent(): readonly Unsent[] {
    return this.outbox.unsent;
  }

  get unread(): number {
    return this.open ? 0 : unreadAfter(this.timeline, this.drawer.get("read"));
  }

  get draft(): string {
    return this.drawer.get("draft") ?? "";
  }

  /** True once the customer has written: only then may anything be kept in the browser. */
  get begun(): boolean {
    return this.drawer.get("session") !== null;
  }

  /** Whether the customer may want to show that a mail address is theirs: the site has not said who they are. */
  get nameless(): boolean {
    return !this.host.wishes.identity && this.drawer.get("proven") === null;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  start(): void {
    document.addEventListener("visibilitychange", this.markRead);
    this.socket.start();
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.markRead);
    clearTimeout(this.quiet);
    this.outbox.disconnected();
    this.socket.stop();
  }

  say(text: string): void {
    if (!this.begun) this.drawer.set("session", this.token ?? "");
    this.keepDraft("");
    if (this.proof.step.at === "proven") this.proof.close(); // The thanks have been read.
    this.outbox.add(text);
    this.socket.retryNow();
  }

  /** A file of a message of ours. Throws when it cannot be had. */
  file(messageId: string, sha256: string): Promise<Blob> {
    return fetchFile(this.host.origin, this.token ?? "", messageId, sha256);
  }

  retry(clientId: string): void {
    this.outbox.retry(clientId);
    this.socket.retryNow();
  }

  judge(messageId: string, score: Thumb, comment?: string): void {
    this.verdicts.give(messageId, score, comment);
    this.changed();
  }

  keepDraft(text: string): void {
    if (text && this.begun) this.drawer.set("draft", text);
    else if (!text) this.drawer.remove("draft");
    if (text && Date.now() - this.typingSent > TYPING_SENT_EVERY && this.send({ type: "typing" })) {
      this.typingSent = Date.now();
    }
  }

  /** A message of ours has come into sight in the log, or has gone out of it. */
  sighted(id: string, visible: boolean): void {
    if (visible) this.inView.add(id);
    else this.inView.delete(id);
    this.markRead();
  }

  setOpen(open: boolean): void {
    this.open = open;
    if (open) this.start();
    this.changed();
  }

  /** The site says who this is. */
  identify(token: string): void {
    const known = this.host.wishes.identity === token;
    this.host.wishes.identity = token;
    if (known || this.connection === "off") return;
    this.stop();
    this.forgetSession();
    this.proof.close();
    this.start();
  }

  logout(): void {
    this.stop();
    this.forgetSession();
    this.outbox.clear();
    for (const key of this.drawer.keys()) this.drawer.remove(key);
    this.host.wishes.identity = this.token = null;
    this.timeline = emptyTimeline;
    this.proof.close();
    if (this.open) this.start();
    this.changed();
  }

  private forgetSession(): void {
    this.verdicts.clear();
    this.sessionOpen = false;
    this.era += 1;
  }

  private async subprotocols(renew: boolean): Promise<string[]> {
    if (renew || !this.sessionOpen) {
      const era = this.era;
      const answer = await this.ask().catch((error: unknown) => {
        this.notServed = error instanceof NotServed;
        throw error;
      });
      if (era !== this.era) throw new Error("The customer changed while the session was opened.");
      this.take(answer);
    }
    return ["onethread.v1", this.token!];
  }

  private async ask(): Promise<SessionAnswer> {
    const request = { channel_id: this.host.channel, ...(this.token ? { session_token: this.token } : {}) };
    const identity = this.host.wishes.identity;
    if (!identity) return openSession(this.host.origin, request);
    try {
      return await openSession(this.host.origin, { ...request, identity_token: identity });
    } catch (error) {
      if (!(error instanceof IdentityRefused)) throw error;
      this.host.wishes.identity = null; // The talk goes on without a proven name.
      this.host.emit("error", { code: "identity_refused", message: error.message });
      return openSession(this.host.origin, request);
    }
  }

  private take(answer: SessionAnswer): void {
    this.sessionOpen = true;
    this.notServed = false;
    this.token = answer.session_token;
    if (this.begun) this.drawer.set("session", this.token);
    this.config = answer.config;
    const durable = this.timeline.messages.filter((message) => !message.cursor); // Acknowledged, not yet in the history.
    if (answer.history !== "unavailable") this.timeline = durable.reduce(withMissing, fromSession(answer));
    for (const message of answer.messages) if (message.client_id) this.outbox.acknowledge(message.client_id);
    this.changed();
  }

  private opened(): void {
    this.timeline = { ...this.timeline, streaming: [], typing: null };
    this.send({ type: "resume", after: this.timeline.cursor });
    this.outbox.resend();
    this.verdicts.tellAgain();
    this.reported = null; // Said again, should the word have been lost with the connection.
    this.changed();
  }

  private connected(connection: Connection): void {
    this.connection = connection;
    if (connection !== "connecting") this.lost = connection === "waiting";
    if (connection !== "online") {
      this.outbox.disconnected();
      this.proof.failed();
    }
    this.changed();
  }

  private receive(frame: FrameFromGateway): void {
    if (frame.type === "ack") this.acknowledged(frame.client_id, frame.message_id);
    else if (frame.type === "message") this.arrived(frame);
    else if (frame.type === "delta") this.grew(frame.reply_id, frame.text);
    else if (frame.type === "stop") this.stopped(frame.reply_id);
    else if (frame.type === "typing") this.sawTyping(frame);
    else if (frame.type === "prove" || frame.type === "code") this.proof.receive(frame);
    else if (frame.type === "error") this.refused(frame);
  }

  private acknowledged(clientId: string, messageId: string): void {
    const sent = this.outbox.acknowledge(clientId);
    this.verdicts.acknowledge(clientId);
    if (sent) this.timeline = withAcknowledged(this.timeline, sent, messageId);
    this.changed();
  }

  private arrived({ message }: Extract<FrameFromGateway, { type: "message" }>): void {
    const isNew = !this.timeline.messages.some((one) => one.id === message.id);
    this.timeline = withMessage(this.timeline, message);
    if (message.client_id) this.outbox.acknowledge(message.client_id);
    if (isNew && message.author.kind !== "customer") this.host.emit("message", message);
    this.changed();
  }

  private grew(replyId: string, text: string): void {
    this.timeline = withDelta(this.timeline, replyId, text);
    this.calmAfter(STREAM_WAIT);
    this.changed();
  }

  private stopped(replyId: string): void {
    this.timeline = withoutStream(this.timeline, replyId);
    this.changed();
  }

  private sawTyping({ author }: Extract<FrameFromGateway, { type: "typing" }>): void {
    if (this.timeline.streaming.length > 0) return;
    this.timeline = { ...this.timeline, typing: author ?? { kind: "agent", name: null } };
    this.calmAfter(TYPING_SHOWN);
    this.changed();
  }

  private calmAfter(milliseconds: number): void {
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      this.timeline = { ...this.timeline, streaming: [], typing: null };
      this.changed();
    }, milliseconds);
  }

  private refused(frame: Extract<FrameFromGateway, { type: "error" }>): void {
    if (!frame.client_id && this.proof.busy) return this.proof.failed(frame.message);
    const again = frame.code === "try_again" || frame.code === "slow_down";
    if (frame.client_id && again) this.verdicts.refused(frame.client_id);
    this.outbox.refuse(frame.client_id ?? null, frame.message, again);
    if (!again) this.host.emit("error", { code: frame.code, message: frame.message });
  }

  /** What they may see has grown, and comes anew in its order. */
  private proven(): void {
    if (!this.begun) this.drawer.set("session", this.token ?? "");
    this.drawer.set("proven", "yes");
    this.timeline = emptyTimeline;
  }

  private send(frame: FrameFromBrowser): boolean {
    return this.socket.send(frame);
  }

  /** Tells how far the customer has looked: at what is within sight, in an open chat, in a tab that is shown. */
  private markRead = (): void => {
    if (!this.open || document.visibilityState !== "visible") return;
    const { messages } = this.timeline;
    const last = messages.findLastIndex(({ id }) => this.inView.has(id));
    if (last < 0 || last <= messages.findIndex(({ id }) => id === this.reported)) return;
    const { id } = messages[last]!;
    if (this.begun) this.drawer.set("read", id);
    if (this.send({ type: "read", message_id: id })) this.reported = id;
  };

  private changed(): void {
    this.markRead();
    this.host.show({ open: this.open, unread: this.unread });
    for (const listener of this.listeners) listener();
  }
}
