import { day } from "@onethread/browser/time.ts";
import { useState } from "preact/hooks";
import { REACH, type Article, type DocumentRow } from "../../knowledge-model.ts";
import { knowledge } from "../../knowledge.ts";
import type { Page } from "../../model.ts";
import { firstOf, useReading } from "../../reading.ts";
import { address, go, route } from "../../route.ts";
import { ArticlePage, isWritten } from "./Article.tsx";
import { DocumentPage } from "./Document.tsx";
import { Choice, Frame, More, State } from "./Frame.tsx";

export const NEW = "new";
const FROM_SOURCES = "sources";
const AT_ONCE = 100;
const FILTERS: Record<string, string> = {
  "": "Written here: all",
  draft: "Drafts",
  published: "Published",
  proposed: "Proposed",
  dismissed: "Dismissed",
  [FROM_SOURCES]: "From sources",
};

/** All that is known, as articles; or the one that is looked at. */
export function ArticlesPage() {
  const { item } = route.value;
  if (item === null) return <ArticleList />;
  return item === NEW || isWritten(item) ? <ArticlePage key={item} id={item} /> : <DocumentPage key={item} id={item} />;
}

interface Row {
  id: string;
  title: string;
  detail: string;
  state: preact.ComponentChildren;
}

function ArticleList() {
  const [words, setWords] = useState("");
  const [filter, setFilter] = useState("");
  const [shown, setShown] = useState(AT_ONCE);
  const read = async (): Promise<Page<Row>> => {
    const asked = { q: words, ...(filter && filter !== FROM_SOURCES ? { state: filter } : {}) };
    if (filter === FROM_SOURCES) return rowsOf(await firstOf(shown, (page) => knowledge.documents({ ...asked, ...page })), documentRow);
    return rowsOf(await firstOf(shown, (page) => knowledge.articles({ ...asked, ...page })), articleRow);
  };
  const { value, failure } = useReading(read, [words, filter, shown]);
  const write = (
    <a class="button primary" href={address({ page: route.value.page, item: NEW })}>
      Write an article
    </a>
  );
  return (
    <Frame acts={write} failure={failure && `The articles could not be read. ${failure}`}>
      <div class="filters">
        <label class="field">
          Search in titles
          <input type="text" value={words} onInput={({ currentTarget }) => setWords(currentTarget.value)} />
        </label>
        <Choice label="Show" value={filter} pick={setFilter}>
          {FILTERS}
        </Choice>
      </div>
      {value?.items.length === 0 && (words || filter ? <p class="empty">Nothing fits.</p> : <NothingWritten show={() => setFilter(FROM_SOURCES)} />)}
      <ul class="rows" aria-label="Articles">
        {value?.items.map((row) => (
          <li key={row.id}>
            <a href={address({ page: route.value.page, item: row.id })}>{row.title}</a>
            <span class="states">{row.state}</span>
            <span class="quiet">{row.detail}</span>
          </li>
        ))}
      </ul>
      <More of={value} show={() => setShown(shown + AT_ONCE)} />
    </Frame>
  );
}

function NothingWritten({ show }: { show(): void }) {
  return (
    <p class="empty">
      Nobody has written an article here yet.{" "}
      <button type="button" class="link" onClick={show}>
        Show those from sources
      </button>
    </p>
  );
}

function rowsOf<Item>({ items, next }: Page<Item>, rowOf: (item: Item) => Row | null): Page<Row> {
  return { items: items.map(rowOf).filter((row) => row !== null), next };
}

function articleRow(article: Article): Row {
  const { id, title, audience, locale, author, at } = article;
  const detail = [REACH[audience], locale, `${author}, ${day(at)}`].filter(Boolean).join(" · ");
  return { id, title, detail, state: <ArticleState article={article} /> };
}

/** What is written here stands in the other lists. */
function documentRow(row: DocumentRow): Row | null {
  if (isWritten(row.id)) return null;
  const detail = [REACH[row.audience], row.locale, row.page ?? row.id].filter(Boolean).join(" · ");
  const failed = <State kind="bad">Not found by search: {row.reason}</State>;
  const state = row.state === "failed" ? failed : row.state === "pending" ? <State kind="busy">Waits</State> : null;
  return { id: row.id, title: row.title, detail, state };
}

export function ArticleState({ article: { state, changed } }: { article: Article }) {
  if (state === "published") {
    return (
      <>
        <State kind="ok">Published</State>
        {changed && <State kind="busy">Later draft</State>}
      </>
    );
  }
  return <State kind={state === "proposed" ? "busy" : "plain"}>{state[0]!.toUpperCase() + state.slice(1)}</State>;
}

export const toList = (): void => go(address({ page: route.value.page, item: null }));
