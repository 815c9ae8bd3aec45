import { signal } from "@preact/signals";
import { assignToMe, closeAndGoOn, takeOver } from "./acts.ts";
import { compose } from "./composing.ts";
import type { Thread } from "./model.ts";
import { startChoosing } from "./moving.ts";
import { openThread, route } from "./route.ts";
import { latestPending, takeBack } from "./sending.ts";
import { currentThread, shownThreads } from "./threads.ts";
import { toast } from "./toasts.ts";

/** What lies over the inbox now. */
export const overlay = signal<"keys" | "account" | "customer" | null>(null);

export const keyHelp: [keys: string[], does: string][] = [
  [["j", "k"], "Next, previous conversation"],
  [["Enter"], "Into the conversation"],
  [["r"], "Reply"],
  [["n"], "Internal note"],
  [["Ctrl", "Enter"], "Send"],
  [["u"], "Use the AI's draft"],
  [["m"], "Edit the AI's draft"],
  [["d"], "Dismiss the AI's draft"],
  [["z"], "Undo the last act or send"],
  [["e"], "Close, go to the next"],
  [["h"], "Snooze"],
  [["l"], "Tags"],
  [["x"], "Choose messages to split off or move"],
  [["i"], "Assign to me"],
  [["t"], "Take over from the AI"],
  [["/"], "Search"],
  [["]"], "Customer"],
  [["?"], "These keys"],
  [["Esc"], "One level out; text is kept"],
];

const acts: Record<string, () => void> = {
  j: () => step(1),
  ArrowDown: () => step(1),
  k: () => step(-1),
  ArrowUp: () => step(-1),
  Enter: enter,
  r: () => withThread(() => compose("reply")),
  n: () => withThread(() => compose("note")),
  z: undo,
  u: () => pointAt("u")?.click(),
  m: () => pointAt("m")?.click(),
  d: () => pointAt("d")?.click(),
  h: () => pointAt("h")?.click(),
  l: openTags,
  x: () => withThread(startChoosing),
  e: () => withThread((thread) => thread.status !== "closed" && closeAndGoOn(thread)),
  i: () => withThread((thread) => void assignToMe(thread)),
  t: () => withThread((thread) => thread.agent === "active" && void takeOver(thread)),
  "/": () => shownSearch()?.focus(),
  "]": () => (overlay.value = overlay.value === "customer" ? null : "customer"),
  "?": () => (overlay.value = "keys"),
  Escape: goOut,
};

/** Keys that mean something where no conversation is shown. */
const ON_PAGES = ["?", "/", "Escape"];

export function listenToKeys(): () => void {
  document.addEventListener("keydown", onKeyDown);
  return () => document.removeEventListener("keydown", onKeyDown);
}

function onKeyDown(event: KeyboardEvent): void {
  const target = event.target as HTMLElement;
  const writing = target.matches("input, textarea, select, [contenteditable]");
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (writing) return event.key === "Escape" ? target.blur() : undefined;
  if (document.querySelector("dialog[open]")) return; // The dialog's own keys, Esc among them, are the browser's.
  if (target.matches("a, button, [role=tab]") && ["Enter", "ArrowDown", "ArrowUp"].includes(event.key)) return;
  if (target.matches("[role=log]") && event.key.startsWith("Arrow")) return; // These scroll it.
  const key = keyOf(event);
  const act = acts[key];
  if (!act || (route.value.page && !ON_PAGES.includes(key))) return;
  event.preventDefault();
  act();
}

/** On a keyboard without Latin letters the place of the key counts. */
function keyOf({ key, code }: KeyboardEvent): string {
  const foreign = key.length === 1 && key.charCodeAt(0) > 127;
  return foreign && code.startsWith("Key") ? code.slice(3).toLowerCase() : key;
}

function step(by: number): void {
  const shown = shownThreads.value;
  const at = shown.findIndex((thread) => thread.id === route.value.threadId);
  const next = shown[at < 0 ? 0 : at + by];
  if (!next) return;
  openThread(next.id, true);
  document.querySelector(`[data-thread="${CSS.escape(next.id)}"]`)?.scrollIntoView({ block: "nearest" });
}

function enter(): void {
  if (!route.value.threadId) step(1);
  document.querySelector<HTMLElement>(".thread [role=log]")?.focus();
}

/** A reply that has not left goes before an act that was done. */
function undo(): void {
  const latest = latestPending();
  if (latest) void takeBack(...latest);
  else toast.value?.act?.run();
}

const pointAt = (key: string): HTMLElement | null => document.querySelector<HTMLElement>(`[aria-keyshortcuts="${key}"]`);

/** On a narrow screen the tags lie in the drawer, which can take the focus only once it is drawn. */
function openTags(): void {
  overlay.value = "customer";
  requestAnimationFrame(() => pointAt("l")?.focus());
}

function goOut(): void {
  // A key sheet that is open takes its own Esc, and one just closed may not have said so yet.
  if (overlay.value === "customer") overlay.value = null;
  else if (document.activeElement?.matches("[role=log]")) (document.activeElement as HTMLElement).blur();
  else openThread(null);
}

/** One stands in the navigation of wide screens, one over the list of narrow ones. */
function shownSearch(): HTMLInputElement | undefined {
  return [...document.querySelectorAll<HTMLInputElement>("[type=search]")].find((field) => field.offsetParent);
}

function withThread(act: (thread: Thread) => void): void {
  if (currentThread.value) act(currentThread.value);
}
