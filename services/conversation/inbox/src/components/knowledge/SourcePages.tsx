import { useState } from "preact/hooks";
import { isAdministrator } from "../../api.ts";
import type { Source, SourcePage } from "../../knowledge-model.ts";
import { knowledge } from "../../knowledge.ts";
import { firstOf, useReading } from "../../reading.ts";
import { address } from "../../route.ts";
import { places } from "../../pages.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { More, State } from "./Frame.tsx";

const AT_ONCE = 50;
const articles = places.find(({ section, name }) => section === "knowledge" && name === "articles")!;

const WORDS: Record<SourcePage["state"], [kind: "ok" | "busy" | "bad" | "plain", words: string]> = {
  indexed: ["ok", "Found"],
  pending: ["busy", "Waits"],
  failed: ["bad", "Not read"],
  skipped: ["plain", "Left out"],
};

/** What became of each page: those that failed by name, all of them on request. */
export function SourcePages({ source, changed }: { source: Source; changed(): Promise<void> }) {
  const [all, setAll] = useState(false);
  const failed = source.progress.failed > 0;
  if (!source.pages && !failed) return null;
  return (
    <>
      {failed && !all && (
        <div>
          <h3>Pages that could not be read</h3>
          <PageList key={source.last_synced} source={source} state="failed" changed={changed} />
        </div>
      )}
      {all && <PageList source={source} changed={changed} />}
      <button type="button" class="link" aria-expanded={all} onClick={() => setAll(!all)}>
        {all ? "Fewer" : source.kind === "upload" ? `All files (${source.pages})` : `All pages (${source.pages})`}
      </button>
    </>
  );
}

function PageList({ source, state, changed }: { source: Source; state?: string; changed(): Promise<void> }) {
  const [shown, setShown] = useState(AT_ONCE);
  const asked: Record<string, string> = state ? { state } : {};
  const about = [source.id, state, shown, source.progress.read, source.progress.failed, source.pages, source.state];
  const { value, failure } = useReading(() => firstOf(shown, (page) => knowledge.pages(source.id, { ...asked, ...page })), about);
  return (
    <>
      {failure && <p class="failure">{failure}</p>}
      <ul class="pages">
        {value?.items.map((page) => (
          <PageLine key={page.page} source={source} page={page} changed={changed} />
        ))}
      </ul>
      <More of={value} show={() => setShown(shown + AT_ONCE)} />
    </>
  );
}

function PageLine({ source, page, changed }: { source: Source; page: SourcePage; changed(): Promise<void> }) {
  const [kind, words] = WORDS[page.state];
  const remove = async () => {
    try {
      await knowledge.removePage(source.id, page.page);
      show({ text: `${page.page} is removed.` });
      await changed();
    } catch (error) {
      show({ text: `Not removed. ${reasonOf(error)}`, failed: true });
    }
  };
  return (
    <li>
      <State kind={kind}>{words}</State>
      <span class="name">
        {page.documents[0] ? <a href={address({ page: articles, item: page.documents[0] })}>{page.page}</a> : page.page}
        {page.documents.length > 1 && <span class="quiet"> and {page.documents.length - 1} more articles</span>}
        {page.reason && <span class="reason">{page.reason}</span>}
      </span>
      {isAdministrator() && source.kind === "upload" && (
        <button type="button" class="link" aria-label={`Remove ${page.page}`} onClick={() => void remove()}>
          Remove
        </button>
      )}
    </li>
  );
}
