import { signal } from "@preact/signals";
import { openDrawer } from "@onethread/browser/storage.ts";
import type { Dismissal, Proposal } from "./agent-model.ts";
import { api } from "./api.ts";
import { compose, pick } from "./composing.ts";
import { draftOf, keepDraft } from "./drafts.ts";
import { route } from "./route.ts";
import { reasonOf } from "./threads.ts";
import { show } from "./toasts.ts";
import { loadToolCalls } from "./tool-calls.ts";

/** What the agent proposed in a thread, newest first. Loaded with the thread; the server says when it changed. */
export const proposals = signal<ReadonlyMap<string, readonly Proposal[]>>(new Map());

/** Ids of the threads in which a draft waits. The list of threads marks them. */
export const withDraft = signal<ReadonlySet<string>>(new Set());

/** Drafts whose words are in the composer now, by thread. A reload keeps them, as it keeps the words. */
const editing = openDrawer("onethread.inbox.editing.");
const version = signal(0);

/** The draft that waits for a teammate. */
export function openDraft(threadId: string): Proposal | undefined {
  return proposals.value.get(threadId)?.find(({ state }) => state === "open");
}

/** The agent's latest handoff to people, as the customer knows of it. */
export function handoffOf(threadId: string): Proposal | undefined {
  return proposals.value.get(threadId)?.find(({ decision, state }) => decision === "handoff" && state === "sent");
}

export async function loadProposals(threadId: string): Promise<void> {
  void loadToolCalls(threadId);
  try {
    const { items } = await api.proposals(threadId);
    proposals.value = new Map(proposals.value).set(threadId, items);
  } catch (error) {
    reasonOf(error); // The thread itself says what is wrong; drafts come with its next reading.
  }
}

export async function loadWithDraft(): Promise<void> {
  try {
    withDraft.value = new Set((await api.drafts()).thread_ids);
  } catch (error) {
    reasonOf(error); // The list does without its marks until the next change.
  }
}

/** Told by the server. What is not on the screen is read when it is opened. */
export function draftsChanged(threadId: string): void {
  void loadWithDraft();
  if (threadId === route.value.threadId) return void loadProposals(threadId);
  const kept = new Map(proposals.value);
  if (kept.delete(threadId)) proposals.value = kept;
}

/** The draft that the words in the composer were made of. */
export function editedDraft(threadId: string): string | null {
  void version.value;
  return editing.get(threadId);
}

/** Its words go into the composer, before what was written there, and to the channel that it was written for. */
export function editDraft(draft: Proposal): void {
  const words = draft.decision === "handoff" ? draft.suggested_reply : draft.text;
  insert(draft.thread_id, words);
  pick(draft.thread_id, draft.channel.id);
  editing.set(draft.thread_id, draft.id);
  version.value += 1;
}

export function insert(threadId: string, words: string): void {
  const written = draftOf(threadId, "reply");
  keepDraft(threadId, "reply", written ? `${words}\n\n${written}` : words);
  compose("reply");
}

export function stopEditing(threadId: string): void {
  editing.remove(threadId);
  version.value += 1;
}

/** What a reply says it was made of. If a newer draft came meanwhile, it is the teammate's own. */
export function takeEdited(threadId: string): string | undefined {
  const id = editedDraft(threadId);
  const open = openDraft(threadId);
  stopEditing(threadId);
  return id && (!open || open.id === id) ? id : undefined;
}

export async function dismiss(draft: Proposal, reason?: Dismissal): Promise<void> {
  settle(draft, "dismissed");
  if (editedDraft(draft.thread_id) === draft.id) stopEditing(draft.thread_id);
  try {
    await api.dismissDraft(draft.id, reason);
  } catch (error) {
    await loadProposals(draft.thread_id);
    show({ text: `Could not dismiss it. ${reasonOf(error)}`, failed: true });
  }
}

/** It is shown so until the server says more. */
export function settle(draft: Proposal, state: Proposal["state"]): void {
  const known = proposals.value.get(draft.thread_id) ?? [];
  const next = known.map((one) => (one.id === draft.id ? { ...one, state } : one));
  proposals.value = new Map(proposals.value).set(draft.thread_id, next);
}
