import { signal } from "@preact/signals";
import { backoff } from "@onethread/browser/backoff.ts";
import { benchTold } from "./bench.ts";
import { noteChanger } from "./changers.ts";
import { loadCustomer, loadCurrentCustomer } from "./customers.ts";
import { add, changed, conversations, isKnown, readAgain, reread } from "./messages.ts";
import type { Author, Message, PendingReply, Thread } from "./model.ts";
import { addPending, removePending } from "./pending.ts";
import { draftsChanged, loadProposals, loadWithDraft } from "./proposals.ts";
import { route } from "./route.ts";
import { confirm, outgoing, retry } from "./sending.ts";
import { currentDetail, loadThread, put, refresh, threads, touchedBy } from "./threads.ts";
import { live, showLive, stopLive, type Live } from "./writing.ts";

export type LiveState = "connecting" | "online" | "offline";

export const liveState = signal<LiveState>("connecting");

const THREAD_LIFE = [
  "opened",
  "assigned",
  "tagged",
  "escalated",
  "snoozed",
  "closed",
  "reopened",
  "updated",
  "merged",
  "split",
];

interface Told {
  threadid?: string;
  customerid?: string;
  data?: { message?: Message; thread?: Thread; by?: Author | null; other_thread_id?: string | null; message_ids?: string[] };
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
  listen("onethread.message.added.v1", ({ data }: Told) => data?.message && tell(data.message, data.thread));
  for (const event of THREAD_LIFE) listen(`onethread.thread.${event}.v1`, ({ data }: Told) => data && tellOfThread(data));
  for (const event of ["updated", "identity_linked", "identity_unlinked"])
    listen(`onethread.customer.${event}.v1`, tellOfCustomer);
  for (const event of ["merged", "unmerged"]) listen(`onethread.customer.${event}.v1`, regroup);
  listen("message.updated", ({ message }: { message: Message }) => moreIsKnown(message));
  listen("reply.pending", tellOfPending);
  listen("thread.drafts", ({ thread_id }: { thread_id: string }) => draftsChanged(thread_id));
  listen("bench.changed", () => void (benchTold.value += 1));
  listen("reset", () => void catchUp()); // Too much was missed to be told again.
  listen("live", (piece: LivePiece) => {
    const threadId = piece.thread_id ?? piece.threadid;
    if (threadId) showLive(threadId, piece);
  });
}

interface Waiting {
  thread_id: string;
  id: string;
  /** None: it was taken back. */
  reply: PendingReply | null;
}

/** A colleague has answered already, or has not after all. */
function tellOfPending({ thread_id, id, reply }: Waiting): void {
  if (reply) addPending(thread_id, reply);
  else removePending(thread_id, id);
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

function tell(message: Message, thread: Thread | undefined): void {
  if (thread) put(thread);
  arrived(message);
  const elsewhere = message.channel?.id !== currentDetail.value?.reply_channels[0]?.id;
  if (message.thread_id === route.value.threadId && message.author.kind === "customer" && elsewhere) {
    void loadThread(message.thread_id).catch(() => undefined); // The way to answer may have changed; the old one still works.
  }
}

/** What came back may have ended a way to answer. */
function moreIsKnown(message: Message): void {
  changed(message);
  if (message.delivery?.report && message.thread_id === route.value.threadId)
    void loadThread(message.thread_id).catch(() => undefined); // Whoever sends there all the same is told why not.
}

/**
 * A message was added. A thread that is not loaded stays so: it is read whole when it is opened. A message that is
 * known stays as it is: a replayed event is older than what was told of it since.
 */
function arrived(message: Message): void {
  touchedBy(message);
  confirm(message);
  if (isKnown(message)) return;
  if (live.value.get(message.thread_id)?.author !== other(message)) stopLive(message.thread_id);
  if (conversations.value.has(message.thread_id)) add(message.thread_id, [message]);
}

/** Whose writing goes on although this message came: the AI answers while the customer adds something. */
function other(message: Message): Live["author"] {
  return message.author.kind === "customer" ? "agent" : "customer";
}

function tellOfThread({ thread, by, other_thread_id, message_ids }: NonNullable<Told["data"]>): void {
  if (!thread) return;
  const isNew = !threads.value.has(thread.id);
  const moved = Boolean(message_ids?.length || other_thread_id);
  noteChanger(thread.id, by);
  put(thread);
  if (moved) void readAgain(thread.id, other_thread_id).catch(() => undefined); // Else they are read when opened.
  if (moved || isNew) void loadCustomer(thread.customer.id, true); // Their list of conversations changed.
}

function tellOfCustomer({ customerid, data }: Told): void {
  noteChanger(customerid, data?.by);
  if (customerid) void loadCustomer(customerid, true);
}

let regrouping: ReturnType<typeof setTimeout> | undefined;

/** Threads changed hands. A merge tells of both customers and several threads within a moment: all is read once. */
function regroup(): void {
  clearTimeout(regrouping);
  regrouping = setTimeout(() => void Promise.allSettled([refresh(), loadWithDraft(), reread(route.value.threadId), loadCurrentCustomer()]), 100);
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
  const open = route.value.threadId;
  await Promise.allSettled([refresh(), reread(open), open ? loadProposals(open) : null]);
}

function onError(): void {
  liveState.value = "offline";
  interrupted = true;
  if (source?.readyState !== EventSource.CLOSED) return; // The browser dials again by itself.
  leaveLive();
  timer = setTimeout(goLive, 500 + backoff(attempt++));
}
