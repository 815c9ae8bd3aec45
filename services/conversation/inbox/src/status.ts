import type { Status, Thread } from "./model.ts";
import { momentWords } from "./snooze.ts";

const WORDS: Record<Status, string> = { open: "Open", waiting: "Waiting", snoozed: "Snoozed", closed: "Closed" };

/** A state that is new to this page shows under its own name. */
export const statusWord = (status: Status): string => WORDS[status] ?? status;

/** "Snoozed until Tue 09:00". */
export function statusWords({ status, snoozed_until }: Thread): string {
  if (status === "waiting") return "Waiting for the customer";
  if (status !== "snoozed" || !snoozed_until) return statusWord(status);
  return `Snoozed until ${momentWords(new Date(snoozed_until), new Date())}`;
}
