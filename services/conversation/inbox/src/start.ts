import { computed, effect, signal, untracked } from "@preact/signals";
import { startClock } from "./clock.ts";
import { mode } from "./composing.ts";
import { loadCustomer } from "./customers.ts";
import { listenToKeys } from "./keys.ts";
import { goLive, leaveLive } from "./live.ts";
import { conversations, loadMessages } from "./messages.ts";
import { stopChoosing } from "./moving.ts";
import { SECTIONS } from "./pages.ts";
import { loadProposals, loadWithDraft } from "./proposals.ts";
import { address, followLinks, go, openThread, route } from "./route.ts";
import { markSeen } from "./seen.ts";
import { resumeOutgoing } from "./sending.ts";
import { countOf, currentThread, loadCounted, loadList, loadThread, reasonOf, shownThreads } from "./threads.ts";
import { views } from "./views.ts";

/** Why the open thread cannot be shown. */
export const threadFailure = signal<{ threadId: string; text: string } | null>(null);

/** Brings the inbox to life for the teammate who signed in; returns what ends it. */
export function startInbox(): () => void {
  // A page reads itself what a provider put behind its address.
  go(address(route.value) + (route.value.page ? location.search : ""), true);
  resumeOutgoing();
  goLive();
  void Promise.all([...loadCounted(), loadWithDraft()]);
  const stops = [startClock(), listenToKeys(), followLinks(), ...followRoute()];
  return () => {
    for (const stop of stops) stop();
    leaveLive();
  };
}

function followRoute(): (() => void)[] {
  const list = computed(() => `${route.value.view} ${route.value.query}`);
  const threadId = computed(() => route.value.threadId);
  const customerId = computed(() => currentThread.value?.customer.id);
  const wentOnIn = computed(() => currentThread.value?.merged_into_id);
  return [
    onChange(list, () => void loadList(route.value.view, route.value.query)),
    onChange(threadId, (id) => id && void open(id)),
    onChange(wentOnIn, (id) => id && openThread(id, true)),
    onChange(customerId, (id) => id && void loadCustomer(id)),
    effect(() => void (currentThread.value && markSeen(currentThread.value))),
    effect(() => void (document.title = title())),
  ];
}

function onChange<Value>(value: { readonly value: Value }, act: (value: Value) => void): () => void {
  return effect(() => {
    const current = value.value;
    untracked(() => act(current));
  });
}

async function open(threadId: string): Promise<void> {
  mode.value = "reply";
  stopChoosing();
  threadFailure.value = null;
  try {
    await Promise.all([loadThread(threadId), loadMessages(threadId), loadProposals(threadId)]);
    prefetchNeighbours(threadId);
  } catch (error) {
    threadFailure.value = { threadId, text: reasonOf(error) };
  }
}

/** The next key press is most likely j or k: those threads should be there already. */
function prefetchNeighbours(threadId: string): void {
  const at = shownThreads.value.findIndex((thread) => thread.id === threadId);
  if (at < 0) return;
  for (const near of [shownThreads.value[at + 1], shownThreads.value[at - 1]]) {
    if (near && !conversations.value.has(near.id)) void loadMessages(near.id);
  }
}

function title(): string {
  if (route.value.page) return `${SECTIONS[route.value.page.section]}: ${route.value.page.label} · Onethread`;
  const waiting = [countOf("mine"), countOf("unassigned")].map((count) => parseInt(count, 10));
  const total = waiting[0]! + waiting[1]!;
  return `${total ? `(${total}) ` : ""}${views[route.value.view].label} · Onethread`;
}
