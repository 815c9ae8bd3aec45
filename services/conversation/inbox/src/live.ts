import { signal } from "@preact/signals";
import { backoff } from "@onethread/browser/backoff.ts";
import { loadCustomer } from "./customers.ts";
import { arrived, changed, outgoing, reread, retry, showLive } from "./messages.ts";
import type { Message, Thread } from "./model.ts";
import { route } from "./route.ts";
import { currentDetail, loadThread, put, refresh } from "./threads.ts";

export type LiveState = "connecting" | "online" | "offline";

export const liveState = signal<LiveState>("connecting");

const THREAD_LIFE = ["opened", "assigned", "tagged", "escalated", "snoozed", "closed", "reopened", "merged", "split"];

interface Told {
  threadid?: string;
  customerid?: string;
  data?: { message?: Message; thread?: Thread };
}

let source: EventSource | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let attempt = 0;
let interrupted = false;

export function goLive(): void {
  if (source) return;
  source = new EventSource("/api/v1/events");
  source.onopen = onOpen;
  source.onerror = onError;
  listen("onethread.message.added.v1", ({ data }: Told) => tell(data));
  for (const event of THREAD_LIFE) listen(`onethread.thread.${event}.v1`, ({ data }: Told) => tell(data));
  for (const event of ["updated", "identity_linked", "merged", "unmerged"]) {
    listen(`onethread.customer.${event}.v1`, ({ customerid }: Told) => customerid && void loadCustomer(customerid, true));
  }
  listen("message.updated", ({ message }: { message: Message }) => changed(message));
  listen("reset", () => void catchUp()); // Too much was missed to be told again.
  listen("live", (piece: LivePiece) => {
    const threadId = piece.thread_id ?? piece.threadid;
    if (threadId) showLive(threadId, piece);
  });
}

interface LivePiece {
  kind: string;
  thread_id?: string;
  threadid?: string;
  reply_id?: string;
  text?: string;
}

export function leaveLive(): void {
  clearTimeout(timer);
  source?.close();
  source = null;
}

function listen<Data>(name: string, handle: (data: Data) => void): void {
  source!.addEventListener(name, (event) => handle(JSON.parse((event as MessageEvent<string>).data) as Data));
}

function tell(data: Told["data"]): void {
  if (data?.thread) put(data.thread);
  if (!data?.message) return;
  arrived(data.message);
  const message = data.message;
  const elsewhere = message.channel?.id !== currentDetail.value?.reply_channels[0]?.id;
  if (message.thread_id === route.value.threadId && message.author.kind === "customer" && elsewhere) {
    void loadThread(message.thread_id).catch(() => undefined); // The way to answer may have changed; the old one still works.
  }
}

function onOpen(): void {
  attempt = 0;
  liveState.value = "online";
  if (interrupted) void catchUp();
  interrupted = false;
}

/** Events may have been missed: what is on the screen is read again, and what waited is sent. */
async function catchUp(): Promise<void> {
  for (const message of outgoing.value) if (message.failure) retry(message);
  await Promise.allSettled([refresh(), reread(route.value.threadId)]);
}

function onError(): void {
  liveState.value = "offline";
  interrupted = true;
  if (source?.readyState !== EventSource.CLOSED) return; // The browser dials again by itself.
  leaveLive();
  timer = setTimeout(goLive, 500 + backoff(attempt++));
}
