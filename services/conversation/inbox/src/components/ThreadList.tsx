import { route, address } from "../route.ts";
import { list, loadList, shownThreads } from "../threads.ts";
import { views, type ViewName } from "../views.ts";
import { Search } from "./Search.tsx";
import { ThreadRow } from "./ThreadRow.tsx";

export function ThreadList() {
  const { view, query } = route.value;
  return (
    <section class="pane list" aria-label="Conversations">
      <header>
        <h2>{query ? `Search: ${query}` : views[view].label}</h2>
        <span class="quiet">{summary()}</span>
        <span class="quiet order">Newest first</span>
      </header>
      <Search />
      <div class="rows">
        <ListFailure />
        <ol>
          {shownThreads.value.map((thread) => (
            <ThreadRow key={thread.id} thread={thread} />
          ))}
        </ol>
        <ListEnd />
      </div>
    </section>
  );
}

const NOUN: Partial<Record<ViewName, string>> = {
  mine: " open",
  unassigned: " open",
  all: " open",
  ai: " open",
  search: " found",
};

function summary(): string {
  const count = shownThreads.value.length;
  if (count === 0) return "";
  return `${count}${list.value?.next ? "+" : ""}${NOUN[route.value.view] ?? ""}`;
}

function ListFailure() {
  if (list.value?.state !== "failed") return null;
  return (
    <p class="failure" role="alert">
      Could not load. {list.value.reason}{" "}
      <button type="button" class="link" onClick={() => void loadList(route.value.view, route.value.query)}>
        Retry
      </button>
    </p>
  );
}

function ListEnd() {
  const { view, query } = route.value;
  const known = shownThreads.value.length;
  if (known === 0 && list.value?.state === "ready") return <EmptyList />;
  if (known === 0 && list.value?.state !== "failed") return <Skeleton />;
  if (!list.value?.next) return null;
  return (
    <button type="button" class="button more" onClick={() => void loadList(view, query, true)}>
      Show more
    </button>
  );
}

function EmptyList() {
  const { view } = route.value;
  return (
    <p class="empty">
      {views[view].empty} {view !== "all" && <a href={address({ view: "all", threadId: null })}>See all open</a>}
    </p>
  );
}

/** Appears late, by its style, so that a quick answer shows no flicker. */
function Skeleton() {
  return (
    <div class="skeleton" aria-hidden="true">
      {[0, 1, 2].map((row) => (
        <i key={row} />
      ))}
    </div>
  );
}
