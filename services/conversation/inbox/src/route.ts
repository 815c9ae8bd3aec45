import { signal } from "@preact/signals";
import { placeOf, type Place } from "./pages.ts";
import { views, type ViewName } from "./views.ts";

export interface Route {
  /** What is shown instead of conversations. */
  page: Place | null;
  /** The one thing that the page shows: an article, a source. */
  item: string | null;
  view: ViewName;
  threadId: string | null;
  /** Words searched for, in the search view. */
  query: string;
}

/** Every state has an address: `/inbox/<view>/<thread>?q=<words>`, or `/inbox/<section>/<page>/<item>`. */
export const route = signal<Route>(read());

function read(): Route {
  const [, view, id, item] = location.pathname.split("/").filter(Boolean);
  const page = placeOf(view, id);
  if (page) return { page, item: item ? decoded(item) : null, view: "all", threadId: null, query: "" };
  const known = view && view in views ? (view as ViewName) : "all";
  const query = new URLSearchParams(location.search).get("q") ?? "";
  return { page: null, item: null, view: known, threadId: id ?? null, query };
}

export function address({ page, item, view, threadId, query }: Partial<Route>): string {
  if (page) return `/inbox/${page.section}/${page.name}${item ? `/${encodeURIComponent(item)}` : ""}`;
  const path = ["/inbox", view ?? route.value.view, threadId].filter(Boolean).join("/");
  return query ? `${path}?q=${encodeURIComponent(query)}` : path;
}

/** What somebody mistyped is looked for as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
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
