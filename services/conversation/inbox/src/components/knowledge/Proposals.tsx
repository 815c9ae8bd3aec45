import { day } from "@onethread/browser/time.ts";
import { useState } from "preact/hooks";
import { isAdministrator, Problem } from "../../api.ts";
import type { Article } from "../../knowledge-model.ts";
import { knowledge } from "../../knowledge.ts";
import { places } from "../../pages.ts";
import { firstOf, useReading } from "../../reading.ts";
import { address } from "../../route.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { Words } from "../MessageView.tsx";
import { Frame, More } from "./Frame.tsx";

const articles = places.find(({ section, name }) => section === "knowledge" && name === "articles")!;
const AT_ONCE = 50;
const FROM: Record<Article["origin"], string> = {
  written: "Proposed by API",
  gap: "Questions without an answer",
  thread: "A solved conversation",
};

/** Articles that wait for a person's yes. */
export function ProposalsPage() {
  const [shown, setShown] = useState(AT_ONCE);
  const read = () => firstOf(shown, (page) => knowledge.articles({ state: "proposed", ...page }));
  const { value, failure, again } = useReading(read, [shown]);
  return (
    <Frame failure={failure && `The proposals could not be read. ${failure}`}>
      {value?.items.length === 0 && <p class="empty">Nothing waits for a yes.</p>}
      <ul class="cards">
        {value?.items.map((article) => (
          <Proposal key={article.id} article={article} decided={again} />
        ))}
      </ul>
      <More of={value} show={() => setShown(shown + AT_ONCE)} />
    </Frame>
  );
}

function Proposal({ article, decided }: { article: Article; decided(): Promise<void> }) {
  const [failure, setFailure] = useState("");
  const decide = async (state: "published" | "draft" | "dismissed", done: string) => {
    setFailure("");
    try {
      await changed(article, state);
      show({ text: done });
      await decided();
    } catch (error) {
      setFailure(reasonOf(error));
    }
  };
  return (
    <li class="card">
      <h2>{article.title}</h2>
      <p class="quiet">
        {FROM[article.origin]} · {article.author}, {day(article.at)}
      </p>
      <p>
        {article.why} {article.thread_id && <a href={`/inbox/all/${article.thread_id}`}>See the conversation</a>}
      </p>
      <div class="passage">
        <Words text={article.text} />
      </div>
      {article.wordings.length > 0 && <p class="quiet">Questions that it answers: {article.wordings.join(" · ")}</p>}
      <p class="failure" role="alert">
        {failure}
      </p>
      <div class="buttons">
        {isAdministrator() && (
          <button type="button" class="button primary" onClick={() => void decide("published", `“${article.title}” is published.`)}>
            Approve and publish
          </button>
        )}
        <a class="button" href={address({ page: articles, item: article.id })}>
          Edit
        </a>
        {isAdministrator() && (
          <>
            <button type="button" class="button" onClick={() => void decide("draft", `“${article.title}” is a draft now.`)}>
              Keep as a draft
            </button>
            <button type="button" class="button" onClick={() => void decide("dismissed", `“${article.title}” is dismissed.`)}>
              Dismiss
            </button>
          </>
        )}
      </div>
    </li>
  );
}

/** What is approved is what was shown: a version that came meanwhile is looked at first. */
async function changed(shown: Article, state: "published" | "draft" | "dismissed"): Promise<void> {
  const { article, tag } = await knowledge.article(shown.id);
  if (article.version !== shown.version || article.state !== "proposed") {
    throw new Problem(412, "Somebody changed it meanwhile. Nothing was changed: open it with Edit and look again.");
  }
  await knowledge.change(shown.id, { state }, tag);
}
