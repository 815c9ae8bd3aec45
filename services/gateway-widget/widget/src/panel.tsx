import tokens from "@onethread/browser/tokens.css?inline";
import { h, render } from "preact";
import { brandColours } from "./brand.ts";
import { Chat } from "./chat.ts";
import { ChatWindow } from "./ChatWindow.tsx";
import type { Host, Panel } from "./host.ts";
import css from "./panel.css?inline";

export function mount(host: Host): Panel {
  const chat = new Chat(host);
  const place = document.createElement("div");
  addStyles(host.root, tokens + css);
  host.root.append(place);
  chat.subscribe(() => paintBrand(host.element, chat.config.brand));
  announceUnread(host, chat);
  const panel = panelOf(host, chat, place);
  render(h(ChatWindow, { chat, close: () => panel.setOpen(false), launcher: launcherOf(host) }), place);
  if (chat.begun) chat.start();
  if (host.wishes.open) panel.setOpen(true); // Said before this module had arrived.
  host.emit("ready");
  return panel;
}

function panelOf(host: Host, chat: Chat, place: Element): Panel {
  return {
    setOpen(open) {
      host.wishes.open = open;
      if (open === chat.open) return;
      chat.setOpen(open);
      host.emit(open ? "open" : "close");
    },
    identify: (token) => chat.identify(token),
    logout: () => chat.logout(),
    destroy() {
      chat.stop();
      render(null, place);
    },
  };
}

const launcherOf = (host: Host): HTMLElement => host.root.querySelector<HTMLElement>(".launcher")!;

function addStyles(root: ShadowRoot, text: string): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(text);
  root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
}

function paintBrand(element: HTMLElement, brand: unknown): void {
  const colours = brandColours(brand);
  if (!colours) return;
  element.style.setProperty("--brand", colours.brand);
  element.style.setProperty("--on-brand", colours.onBrand);
}

function announceUnread(host: Host, chat: Chat): void {
  let told = 0;
  chat.subscribe(() => {
    if (chat.unread !== told) host.emit("unread", (told = chat.unread));
  });
}
