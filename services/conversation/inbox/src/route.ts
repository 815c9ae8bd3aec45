import { signal } from "@preact/signals";
import { views, type ViewName } from "./views.ts";

/** What is no conversation: the agent's report, its settings and its tools. */
export type PageName = "report" | "settings" | "tools";
const PAGES: string[] = ["report", "settings", "tools"] satisfies PageName[];

export interface Route {
  page: PageName | null;
  view: ViewName;
  threadId: string | null;
  /** Words searched for, in the search view. */
  query: string;
}

/** Every state has an address: `/inbox/<view>/<thread>?q=<words>`, or `/inbox/agent/<page>`. */
export const route = signal<Route>(read());

function read(): Route {
  const [, view, id] = location.pathname.split("/").filter(Boolean);
  if (view === "agent" && id && PAGES.includes(id)) return { page: id as PageName, view: "all", threadId: null, query: "" };
  const known = view && view in views ? (view as ViewName) : "all";
  const query = new URLSearchParams(location.search).get("q") ?? "";
  return { page: null, view: known, threadId: id ?? null, query };
}

export function address({ page, view, threadId, query }: Partial<Route>): string {
  if (page) return `/inbox/agent/${page}`;
  const path = ["/inbox", view ?? route.value.view, threadId].filter(Boolean).join("/");
  return query ? `${path}?q=${encodeURIComponent(query)}` : path;
}

export function go(to: string, replace = false): void {
  if (to === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", to);
  route.value = read();
}

export function openThread(threadId: string | null, replace = false): void {
  go(address({ ...route.value, page: null, threadId }), replace);
}

/** Lets plain links work without a page load; a click with a modifier stays the browser's. */
export function followLinks(): () => void {
  const onPop = () => void (route.value = read());
  addEventListener("popstate", onPop);
  document.addEventListener("click", onClick);
  return () => {
    removeEventListener("popstate", onPop);
    document.removeEventListener("click", onClick);
  };
}

function onClick(event: MouseEvent): void {
  const link = (event.target as Element).closest<HTMLAnchorElement>("a[href^='/inbox']");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.getAttribute("href")!);
}
