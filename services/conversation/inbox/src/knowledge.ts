/** Knowledge's API, by way of conversation's. */
import { call, query, request } from "./api.ts";
import type {
  Answered,
  Article,
  ArticleContent,
  ArticleState,
  ArticleVersion,
  DocumentRow,
  KnownDocument,
  NewSource,
  Question,
  Source,
  SourcePage,
  Tagged,
  Uploaded,
} from "./knowledge-model.ts";
import type { Page } from "./model.ts";
import { post } from "./posting.ts";

type Asked = Record<string, string>;
type ArticleChange = Partial<ArticleContent> & { state?: Exclude<ArticleState, "proposed"> };
type SourceChange = Partial<Pick<Source, "name" | "audience" | "locale" | "every">>;

const at = (...parts: string[]): string => ["knowledge", ...parts.map(encodeURIComponent)].join("/");

async function tagged(method: string, path: string, body?: unknown, tag?: string): Promise<Tagged> {
  const response = await request(method, path, body, tag ? { "if-match": tag } : {});
  return { article: (await response.json()) as Article, tag: response.headers.get("etag") ?? "*" };
}

export const knowledge = {
  sources: () => call<Page<Source>>("GET", at("sources")),
  addSource: (source: NewSource) => call<Source>("POST", at("sources"), source),
  changeSource: (id: string, change: SourceChange) => call<Source>("PATCH", at("sources", id), change),
  removeSource: (id: string) => call<void>("DELETE", at("sources", id)),
  sync: (id: string) => call<Source>("POST", `${at("sources", id)}/sync`),
  pages: (id: string, asked: Asked) => call<Page<SourcePage>>("GET", `${at("sources", id)}/pages?${query(asked)}`),
  removePage: (id: string, page: string) => call<void>("DELETE", at("sources", id, "pages", page)),

  articles: (asked: Asked) => call<Page<Article>>("GET", `${at("articles")}?${query(asked)}`),
  article: (id: string) => tagged("GET", at("articles", id)),
  write: (article: ArticleContent) => tagged("POST", at("articles"), article),
  change: (id: string, change: ArticleChange, tag: string) => tagged("PATCH", at("articles", id), change, tag),
  remove: (id: string, tag: string) => call<void>("DELETE", at("articles", id), undefined, { "if-match": tag }),
  versions: (id: string) => call<Page<ArticleVersion>>("GET", `${at("articles", id)}/versions`),

  documents: (asked: Asked) => call<Page<DocumentRow>>("GET", `${at("documents")}?${query(asked)}`),
  document: (id: string) => call<KnownDocument>("GET", at("documents", id)),

  ask: (question: Question) => call<Answered>("POST", "agent/ask", question),
};

export function upload(file: File, source: string, onProgress: (share: number) => void): Promise<Uploaded> {
  const form = new FormData();
  form.append("source", source);
  form.append("files", file, file.webkitRelativePath || file.name);
  return post("knowledge/uploads", form, onProgress);
}
