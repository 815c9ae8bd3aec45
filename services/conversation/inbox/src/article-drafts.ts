/** What was typed into an article and not saved: it outlives a look at another page. */
import type { ArticleContent } from "./knowledge-model.ts";

export const EMPTY: ArticleContent = { title: "", text: "", audience: "public", locale: null, url: null, wordings: [] };

interface Unsaved {
  content: ArticleContent;
  /** Of the article that it was made from. */
  tag: string;
}

const unsaved = new Map<string, Unsaved>();

export const unsavedOf = (id: string): Unsaved | undefined => unsaved.get(id);

export function keepUnsaved(id: string, kept: Unsaved | null): void {
  if (kept) unsaved.set(id, kept);
  else unsaved.delete(id);
}

/** The browser asks before the tab is closed over it. */
addEventListener("beforeunload", (event) => {
  if (unsaved.size > 0) event.preventDefault();
});

export function contentOf({ title, text, audience, locale, url, wordings }: ArticleContent): ArticleContent {
  return { title, text, audience, locale, url, wordings };
}

export const same = (one: ArticleContent, other: ArticleContent): boolean =>
  JSON.stringify(contentOf(one)) === JSON.stringify(contentOf(other));
