import css from "./launcher.css?inline";
import { storagePrefix, type Host, type Panel, type PanelModule, type WidgetEvent } from "./host.ts";

type Listener = (detail: unknown) => void;
type Call = [method: string, ...args: unknown[]];

/** Milliseconds before each further try at loading the chat. */
const PAUSES = [500, 1000, 2000, 4000];

const script = document.currentScript as HTMLScriptElement;
const { channel = "local", identity = null, storage } = script.dataset;
const origin = new URL(script.src).origin;
const listeners: [string, Listener][] = [];
const element = document.createElement("onethread-chat");
const launcher = document.createElement("button");
let panel: Panel | undefined;
let loading: Promise<void> | undefined;
let gone = false;

const host: Host = {
  origin,
  channel,
  memoryOnly: storage === "none",
  element,
  root: element.attachShadow({ mode: "open" }),
  wishes: { open: false, identity },
  emit(event: WidgetEvent, detail?: unknown) {
    for (const [name, listener] of [...listeners]) if (name === event) listener(detail);
  },
  show({ open, unread }) {
    const count = unread ? `, ${unread} unread ${unread === 1 ? "message" : "messages"}` : "";
    launcher.setAttribute("aria-label", open ? "Close chat" : `Open chat${count}`);
    launcher.setAttribute("aria-expanded", String(open));
    launcher.dataset.unread = open || !unread ? "" : String(Math.min(unread, 99));
  },
};

function load(): Promise<void> {
  return (loading ??= fetchPanel().catch((error: unknown) => {
    loading = undefined; // The next click tries again.
    host.wishes.open = false;
    host.emit("error", { code: "panel_unavailable", message: "The chat could not be loaded. Please try again." });
    console.error("Onethread: the chat panel could not be loaded.", error);
  }));
}

/** A server that is being restarted is back in a moment, and whoever has clicked does not click again. */
async function fetchPanel(tries = 0): Promise<void> {
  try {
    // Some browsers remember for good that an address could not be had: each try has its own.
    const module = (await import(/* @vite-ignore */ `${origin}/widget/panel.js${tries ? `?try=${tries}` : ""}`)) as PanelModule;
    if (!gone) panel = module.mount(host);
  } catch (error) {
    const pause = PAUSES[tries];
    if (pause === undefined || gone) throw error;
    await new Promise((resume) => setTimeout(resume, pause));
    await fetchPanel(tries + 1);
  }
}

function setOpen(open: boolean): void {
  host.wishes.open = open;
  if (panel) panel.setOpen(open);
  else if (open) void load();
}

const api = {
  open: () => setOpen(true),
  close: () => setOpen(false),
  toggle: () => setOpen(!host.wishes.open),
  identify(token: string) {
    host.wishes.identity = token;
    panel?.identify(token);
  },
  logout() {
    host.wishes.identity = null;
    if (panel) panel.logout();
    else forget();
  },
  /** Returns the function that stops listening. */
  on(event: WidgetEvent, listener: Listener) {
    const entry: [string, Listener] = [event, listener];
    listeners.push(entry);
    return () => void listeners.splice(listeners.indexOf(entry), 1);
  },
  destroy() {
    gone = true;
    panel?.destroy();
    element.remove();
  },
  /** `Onethread.push(["identify", token])` works before and after this script has run. */
  push: (...calls: Call[]) => {
    for (const [method, ...args] of calls) (api as unknown as Record<string, (...a: unknown[]) => void>)[method]?.(...args);
  },
};

function hasSession(): boolean {
  try {
    return localStorage.getItem(`${storagePrefix(channel)}session`) !== null;
  } catch {
    return false;
  }
}

/** At once, not when the panel has come: the page may identify somebody else in its next line. */
function forget(): void {
  if (!hasSession()) return;
  const kept = Object.keys(localStorage).filter((key) => key.startsWith(storagePrefix(channel)));
  for (const key of kept) localStorage.removeItem(key);
}

function icon(path: string): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.appendChild(document.createElementNS(svg.namespaceURI, "path")).setAttribute("d", path);
  return svg as SVGElement;
}

function showLauncher(): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  host.root.adoptedStyleSheets = [sheet];
  launcher.type = "button";
  launcher.className = "launcher";
  launcher.append(icon("M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5z"), icon("M6 9l6 6 6-6"));
  launcher.addEventListener("pointerenter", () => void load());
  launcher.addEventListener("focus", () => void load());
  launcher.addEventListener("click", api.toggle);
  host.show({ open: false, unread: 0 });
  host.root.append(launcher);
  document.body.append(element);
  if (hasSession()) (window.requestIdleCallback ?? setTimeout)(() => void load());
}

const page = window as unknown as { Onethread?: Call[] | typeof api };
const early = page.Onethread;
page.Onethread = api;
if (document.body) showLauncher();
else addEventListener("DOMContentLoaded", showLauncher);
if (Array.isArray(early)) api.push(...early);
