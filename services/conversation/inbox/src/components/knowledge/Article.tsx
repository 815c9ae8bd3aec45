import { useState } from "preact/hooks";
import { contentOf, EMPTY, keepUnsaved, same, unsavedOf } from "../../article-drafts.ts";
import { isAdministrator, Problem } from "../../api.ts";
import type { Trial } from "../../bench-model.ts";
import type { Article, ArticleContent, Tagged } from "../../knowledge-model.ts";
import { knowledge } from "../../knowledge.ts";
import { useReading } from "../../reading.ts";
import { address, go, route } from "../../route.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { TryChange } from "../bench/TryChange.tsx";
import { ArticleFields } from "./ArticleFields.tsx";
import { ArticleState, NEW, toList } from "./Articles.tsx";
import { ArticleVersions } from "./ArticleVersions.tsx";
import { ConfirmDialog } from "./ConfirmDialog.tsx";
import { Frame } from "./Frame.tsx";

const CHANGED_MEANWHILE = 412;

/** Articles that were written here have ids of their own kind; all others belong to a source. */
export const isWritten = (id: string): boolean => id.startsWith("art_");

export function ArticlePage({ id }: { id: string }) {
  const { value, failure, again } = useReading(async () => (id === NEW ? null : await knowledge.article(id)), [id]);
  const ready = id === NEW || value;
  return (
    <Frame acts={<Back />} failure={failure && `The article could not be read. ${failure}`}>
      {ready && <Editor key={value?.tag ?? NEW} id={id} read={value} again={again} />}
      {value && <ArticleVersions article={value.article} />}
    </Frame>
  );
}

function Back() {
  return (
    <a class="button" href={address({ page: route.value.page, item: null })}>
      All articles
    </a>
  );
}

interface EditorProps {
  id: string;
  /** Null: it is new. */
  read: Tagged | null;
  again(): Promise<void>;
}

function Editor({ id, read, again }: EditorProps) {
  const [kept] = useState(unsavedOf(id)); // Of an earlier look at the page, not what is typed now.
  const before = read ? contentOf(read.article) : EMPTY;
  const [content, setContent] = useState<ArticleContent>(kept?.content ?? before);
  const [tag, setTag] = useState(kept?.tag ?? read?.tag ?? "");
  const [failure, setFailure] = useState<{ text: string; overtaken: boolean } | null>(null);
  const set = (change: Partial<ArticleContent>) => {
    const now = { ...content, ...change };
    setContent(now);
    keepUnsaved(id, same(now, before) ? null : { content: now, tag });
  };
  const [busy, setBusy] = useState(false); // One act at a time: the next needs the tag that this one brings.
  const act = async (state: "draft" | "published" | "dismissed" | null, done: string) => {
    setFailure(null);
    setBusy(true);
    try {
      const saved = read
        ? await knowledge.change(id, { ...content, ...(state ? { state } : {}) }, tag)
        : await created(content, state);
      keepUnsaved(id, null);
      show({ text: done });
      if (read) await again();
      else go(address({ page: route.value.page, item: saved.article.id }), true);
    } catch (error) {
      const overtaken = error instanceof Problem && error.status === CHANGED_MEANWHILE;
      setFailure({ text: reasonOf(error), overtaken });
    } finally {
      setBusy(false);
    }
  };
  const giveUp = () => {
    keepUnsaved(id, null);
    if (read) void again().then(() => setContent(before));
    else toList();
  };
  const overwrite = async () => {
    setBusy(true);
    try {
      const { tag: theirs } = await knowledge.article(id);
      setTag(theirs);
      keepUnsaved(id, { content, tag: theirs });
      setFailure(null);
    } catch (error) {
      setFailure({ text: reasonOf(error), overtaken: true });
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="editor" aria-label="Article" onSubmit={(event) => (event.preventDefault(), void act(null, "Saved as a draft."))}>
      {read && <Status article={read.article} />}
      {kept && content === kept.content && <p class="quiet">What you typed and did not save is here again.</p>}
      <ArticleFields content={content} set={set} />
      {failure && (
        <div class="failure" role="alert">
          <p>Not saved; your text is still here. {failure.text}</p>
          {failure.overtaken && (
            <div class="buttons">
              <button type="button" class="button" onClick={giveUp}>
                Give up mine, show theirs
              </button>
              <button type="button" class="button" onClick={() => void overwrite()}>
                Keep mine; the next save replaces theirs
              </button>
            </div>
          )}
        </div>
      )}
      <fieldset class="acts" disabled={busy}>
        <ArticleActs read={read} tag={tag} unsaved={!same(content, before)} act={act} />
      </fieldset>
    </form>
  );
}

async function created(content: ArticleContent, state: string | null): Promise<Tagged> {
  const draft = await knowledge.write(content);
  return state === "published" ? knowledge.change(draft.article.id, { state }, draft.tag) : draft;
}

function Status({ article }: { article: Article }) {
  const thread = article.thread_id && <a href={`/inbox/all/${article.thread_id}`}>the conversation</a>;
  return (
    <div>
      <p class="states">
        <ArticleState article={article} />
        <span class="quiet">
          Version {article.version} by {article.author}
          {article.changed && `; customers are told version ${article.live_version}`}
        </span>
      </p>
      {article.why && (
        <p>
          Proposed because: {article.why} {thread && <>See {thread}.</>}
        </p>
      )}
    </div>
  );
}

/** Published it can only be taken away. */
const trialOf = ({ id }: Article, live: boolean): Trial => (live ? { without: [id] } : { articles: [id] });

interface ActsProps {
  read: Tagged | null;
  tag: string;
  unsaved: boolean;
  act(state: "draft" | "published" | "dismissed" | null, done: string): Promise<void>;
}

function ArticleActs({ read, tag, unsaved, act }: ActsProps) {
  const [removing, setRemoving] = useState(false);
  const state = read?.article.state;
  const live = state === "published" && !read?.article.changed && !unsaved;
  const remove = async () => {
    await knowledge.remove(read!.article.id, tag);
    keepUnsaved(read!.article.id, null);
    show({ text: "The article is deleted." });
    toList();
  };
  return (
    <div class="buttons">
      {isAdministrator() && !live && (
        <button type="button" class="button primary" onClick={() => void act("published", "Published. Customers are told this within seconds.")}>
          {state === "proposed" ? "Approve and publish" : "Publish"}
        </button>
      )}
      {!live && <button class="button">Save draft</button>}
      {isAdministrator() && state === "published" && (
        <button type="button" class="button" onClick={() => void act("draft", "It is a draft again, and out of search.")}>
          Unpublish
        </button>
      )}
      {isAdministrator() && state === "proposed" && (
        <button type="button" class="button" onClick={() => void act("dismissed", "Dismissed. It is not proposed again.")}>
          Dismiss
        </button>
      )}
      {isAdministrator() && read && (
        <button type="button" class="button" onClick={() => setRemoving(true)}>
          Delete…
        </button>
      )}
      {!isAdministrator() && <p class="quiet">An administrator publishes it.</p>}
      {read && !unsaved && <TryChange label={live ? "Try the test bench without it" : undefined} change={async () => trialOf(read.article, live)} />}
      {removing && (
        <ConfirmDialog title="Delete this article?" act="Delete it" run={remove} close={() => setRemoving(false)}>
          <p>It is deleted with all its versions and is out of every search at once. To keep them, unpublish it instead.</p>
        </ConfirmDialog>
      )}
    </div>
  );
}
