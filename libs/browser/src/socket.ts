import { backoff } from "./backoff.ts";

export type Connection = "off" | "connecting" | "online" | "waiting";

export interface SocketOptions {
  url: string;
  /** Subprotocols of the next try; `renew` asks for a fresh token because the last one was refused. */
  protocols(renew: boolean): Promise<string[]>;
  onOpen(): void;
  onFrame(frame: unknown): void;
  onConnection(connection: Connection): void;
}

const OPEN_WAIT = 10_000;
/** A connection that held this long was a good one: the next trouble starts with short waits again. */
const SETTLED = 5_000;
const TOKEN_REFUSED = 4401;
/** A browser hides why a handshake failed, so after some failures the token is the suspect. */
const FAILURES_BEFORE_RENEWAL = 3;

/** A WebSocket of JSON frames that comes back by itself. */
export class ReconnectingSocket {
  private socket: WebSocket | null = null;
  private attempt = 0;
  private failures = 0;
  private renew = false;
  private running = false;
  private connecting = false;
  /** Counts starts and stops, so that a late answer to an earlier one is dropped. */
  private run = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private settled: ReturnType<typeof setTimeout> | undefined;

  constructor(private options: SocketOptions) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    addEventListener("online", this.retryNow);
    addEventListener("offline", this.drop);
    document.addEventListener("visibilitychange", this.onVisible);
    void this.connect();
  }

  stop(): void {
    this.running = this.connecting = false;
    this.run += 1;
    removeEventListener("online", this.retryNow);
    removeEventListener("offline", this.drop);
    document.removeEventListener("visibilitychange", this.onVisible);
    clearTimeout(this.timer);
    this.release();
    this.options.onConnection("off");
  }

  send(frame: object): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  retryNow = (): void => {
    if (!this.running || this.socket) return;
    clearTimeout(this.timer);
    this.attempt = 0;
    void this.connect();
  };

  /** Gives up a connection that looks dead and dials again. */
  drop = (): void => {
    if (!this.socket) return;
    this.release();
    this.tryLater();
  };

  private onVisible = (): void => {
    if (document.visibilityState === "visible") this.retryNow();
  };

  private async connect(): Promise<void> {
    if (this.connecting || this.socket) return;
    this.connecting = true;
    const run = this.run;
    this.options.onConnection("connecting");
    const protocols = await this.options.protocols(this.renew).catch(() => null);
    if (run !== this.run) return; // Stopped meanwhile; a new start has its own try.
    this.connecting = false;
    if (!protocols) return this.tryLater(); // No session now: the gateway is away or the browser is offline.
    this.renew = false;
    this.dial(protocols);
  }

  private dial(protocols: string[]): void {
    const socket = new WebSocket(this.options.url, protocols);
    this.socket = socket;
    this.timer = setTimeout(this.drop, OPEN_WAIT);
    socket.onopen = () => this.opened();
    socket.onmessage = (event) => this.received(event);
    socket.onclose = (event) => this.closed(event.code);
  }

  private opened(): void {
    clearTimeout(this.timer);
    this.failures = 0;
    this.settled = setTimeout(() => (this.attempt = 0), SETTLED);
    this.options.onConnection("online");
    this.options.onOpen();
  }

  private received(event: MessageEvent): void {
    if (typeof event.data !== "string") return;
    try {
      this.options.onFrame(JSON.parse(event.data));
    } catch (error) {
      console.error("Onethread: a frame could not be read.", error);
    }
  }

  private closed(code: number): void {
    this.release();
    this.failures += 1;
    this.renew = code === TOKEN_REFUSED || this.failures >= FAILURES_BEFORE_RENEWAL;
    this.tryLater();
  }

  private tryLater(): void {
    if (!this.running) return;
    this.options.onConnection("waiting");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.connect(), backoff(this.attempt++));
  }

  private release(): void {
    clearTimeout(this.timer);
    clearTimeout(this.settled);
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
