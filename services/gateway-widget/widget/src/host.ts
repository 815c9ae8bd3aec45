/** What the loader and the panel agree on; the panel is fetched later and may come from a newer release. */

export type WidgetEvent = "ready" | "open" | "close" | "message" | "unread" | "error";

export interface Host {
  /** Where the gateway is: the origin that served `widget.js`. */
  origin: string;
  channel: string;
  /** Keep everything in memory: nothing is stored in the browser, ever. */
  memoryOnly: boolean;
  element: HTMLElement;
  root: ShadowRoot;
  /** Wishes said before the panel was there; it reads them again once it listens. */
  wishes: { open: boolean; identity: string | null };
  emit(event: WidgetEvent, detail?: unknown): void;
  /** The panel tells the launcher what to say. */
  show(state: { open: boolean; unread: number }): void;
}

export interface Panel {
  setOpen(open: boolean): void;
  identify(token: string): void;
  logout(): void;
  destroy(): void;
}

export interface PanelModule {
  mount(host: Host): Panel;
}

export const storagePrefix = (channel: string): string => `onethread:${channel}:`;
