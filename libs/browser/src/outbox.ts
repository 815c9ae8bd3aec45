import { backoff } from "./backoff.ts";
import type { Drawer } from "./storage.ts";

export interface Unsent {
  client_id: string;
  text: string;
  /** Milliseconds since 1970, by the browser's clock; strictly rising, so it is also the order. */
  written: number;
  /** Why the gateway will never take it as it is; absent while it may still be sent. */
  refusal?: string;
}

export interface OutboxOptions {
  drawer: Drawer;
  /** Hands a message to the wire; false when there is no connection. */
  transmit(message: Unsent): boolean;
  /** No answer came in time: the connection is probably dead. */
  onSilence(): void;
  onChange(): void;
}

const ACK_WAIT = 10_000;
const PREFIX = "unsent:";

/**
 * Messages the gateway has not acknowledged yet. Each is kept under its own key, so two tabs never overwrite each
 * other's. One is on the wire at a time: that is what keeps a customer's messages in order when one must be sent again.
 */
export class Outbox {
  private messages: Unsent[];
  private onWire: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private refusals = 0;

  constructor(private options: OutboxOptions) {
    this.messages = readUnsent(options.drawer);
  }

  get unsent(): readonly Unsent[] {
    return this.messages;
  }

  add(text: string): void {
    const last = this.messages.at(-1)?.written ?? 0;
    const message: Unsent = { client_id: newId(), text, written: Math.max(Date.now(), last + 1) };
    this.messages = [...this.messages, message];
    this.keep(message);
    this.pump();
  }

  /** Sends the oldest message that waits, unless one is on the wire already. */
  pump(): void {
    const next = this.messages.find((message) => message.refusal === undefined);
    if (this.onWire !== null || next === undefined || !this.options.transmit(next)) return;
    this.onWire = next.client_id;
    this.wait(ACK_WAIT, this.options.onSilence);
  }

  /** Returns the message that this acknowledges, if it was still here. */
  acknowledge(clientId: string): Unsent | undefined {
    const message = this.messages.find((one) => one.client_id === clientId);
    if (message === undefined) return undefined;
    this.messages = this.messages.filter((one) => one !== message);
    this.options.drawer.remove(PREFIX + clientId);
    this.refusals = 0;
    if (this.onWire === clientId) this.clearWire();
    this.options.onChange();
    this.pump();
    return message;
  }

  /** The gateway refused; `again` means the same message may be taken later. */
  refuse(clientId: string | null, reason: string, again: boolean): void {
    const message = this.messages.find((one) => one.client_id === (clientId ?? this.onWire));
    if (message === undefined) return;
    if (again) return this.wait(500 + backoff(this.refusals++), () => this.resend());
    const refused = { ...message, refusal: reason };
    this.messages = this.messages.map((one) => (one === message ? refused : one));
    this.clearWire();
    this.keep(refused);
    this.pump();
  }

  retry(clientId: string): void {
    const message = this.messages.find((one) => one.client_id === clientId);
    if (message === undefined) return;
    const { refusal: _, ...fresh } = message;
    this.messages = this.messages.map((one) => (one === message ? fresh : one));
    this.keep(fresh);
    this.resend();
  }

  /** After a lost or a fresh connection: nothing is on the wire any more. */
  resend(): void {
    this.clearWire();
    this.pump();
  }

  disconnected(): void {
    this.clearWire();
  }

  clear(): void {
    this.clearWire();
    for (const message of this.messages) this.options.drawer.remove(PREFIX + message.client_id);
    this.messages = [];
  }

  private keep(message: Unsent): void {
    this.options.drawer.set(PREFIX + message.client_id, JSON.stringify(message));
    this.options.onChange();
  }

  private clearWire(): void {
    clearTimeout(this.timer);
    this.onWire = null;
  }

  private wait(milliseconds: number, then: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(then, milliseconds);
  }
}

function readUnsent(drawer: Drawer): Unsent[] {
  const kept = drawer.keys().filter((key) => key.startsWith(PREFIX));
  return kept.flatMap((key) => parse(drawer.get(key))).sort((a, b) => a.written - b.written);
}

function parse(kept: string | null): Unsent[] {
  try {
    const message = JSON.parse(kept ?? "null") as Unsent | null;
    return message && typeof message.text === "string" && message.client_id ? [message] : [];
  } catch {
    return []; // Something else wrote under our key; there is no message in it to save.
  }
}

/** `crypto.randomUUID` exists on secure pages only; shops on plain http have chats too. */
export function newId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
