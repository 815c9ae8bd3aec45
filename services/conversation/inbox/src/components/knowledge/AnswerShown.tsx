import { handoffWords, percent } from "../../agent-model.ts";
import type { Answered, Passage } from "../../knowledge-model.ts";
import { places } from "../../pages.ts";
import { address } from "../../route.ts";
import { Words } from "../MessageView.tsx";
import { State } from "./Frame.tsx";

const articles = places.find(({ section, name }) => section === "knowledge" && name === "articles")!;
const DECISIONS: Record<Answered["decision"], [kind: "ok" | "busy" | "bad", words: string]> = {
  answer: ["ok", "Answers"],
  draft: ["ok", "Writes a draft"],
  clarify: ["busy", "Asks back"],
  handoff: ["bad", "Hands over to a person"],
};

/** The decision and all that led to it. */
export function AnswerShown({ answered }: { answered: Answered }) {
  const { sources, passages } = answered;
  return (
    <div class="answered">
      <Decision answered={answered} />
      <section aria-label="What the customer reads">
        <h2>What the customer reads</h2>
        <div class="as-read">
          <Words text={answered.text} />
        </div>
        {sources.length > 0 && (
          <ul class="cited" aria-label="Sources">
            {sources.map((source) => (
              <li key={source.document_id}>
                <ArticleLink id={source.document_id} title={source.title} /> <Outside url={source.url} />
              </li>
            ))}
          </ul>
        )}
      </section>
      {answered.decision === "handoff" && <ForTeammate answered={answered} />}
      <section aria-label="What was found">
        <h2>What was found</h2>
        <p class="quiet">
          {answered.query ? `Searched for “${answered.query}”.` : "Nothing was searched for."}
          {answered.calibration && ` Calibration ${answered.calibration}.`}
        </p>
        <ol class="found-passages">
          {passages.map((passage, at) => (
            <FoundPassage key={at} passage={passage} />
          ))}
        </ol>
      </section>
    </div>
  );
}

function Decision({ answered: { decision, confidence, threshold, handoff, reason, query, usage } }: { answered: Answered }) {
  const [kind, words] = DECISIONS[decision];
  const tokens = usage.reduce((sum, one) => sum + one.input_tokens + one.output_tokens, 0);
  return (
    <section aria-label="Decision">
      <p class="states">
        <State kind={kind}>{words}</State>
        {handoff && <span>{handoffWords(handoff)}</span>}
      </p>
      {query && (
        <label class="progress">
          <meter max={1} value={confidence} low={threshold ?? 0} high={threshold ?? 1} optimum={1} />
          <span>
            {percent(confidence)} sure
            {threshold !== null && `; it answers by itself from ${percent(threshold)}`}
          </span>
        </label>
      )}
      {reason && <p>{reason}</p>}
      {tokens > 0 && (
        <p class="quiet">
          {tokens.toLocaleString()} tokens of {usage[0]!.model}, cost {usage.reduce((sum, one) => sum + one.cost, 0).toFixed(4)}
        </p>
      )}
    </section>
  );
}

function ForTeammate({ answered: { summary, suggested_reply, tags } }: { answered: Answered }) {
  return (
    <section aria-label="What the teammate gets">
      <h2>What the teammate gets</h2>
      {summary && <p class="lines">{summary}</p>}
      {suggested_reply && (
        <blockquote>
          <p class="quiet">Suggested reply</p>
          <Words text={suggested_reply} />
        </blockquote>
      )}
      {tags.length > 0 && (
        <p class="states">
          {tags.map((tag) => (
            <span key={tag} class="tag">
              {tag}
            </span>
          ))}
        </p>
      )}
    </section>
  );
}

export function FoundPassage({ passage }: { passage: Passage }) {
  const { document_id, title, heading_path, text, score, version, url } = passage;
  const path = heading_path[0] === title ? heading_path.slice(1) : heading_path;
  return (
    <li>
      <p>
        <ArticleLink id={document_id} title={title} />
        {path.map((heading) => ` › ${heading}`)}
      </p>
      <p class="quiet">
        Score {score.toFixed(2)} · version {version} <Outside url={url} />
      </p>
      <div class="passage">
        <Words text={text} />
      </div>
    </li>
  );
}

function ArticleLink({ id, title }: { id: string | null | undefined; title: string }) {
  return id ? <a href={address({ page: articles, item: id })}>{title}</a> : <>{title}</>;
}

function Outside({ url }: { url: string | null | undefined }) {
  if (!url) return null;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer">
      {url}
    </a>
  );
}
