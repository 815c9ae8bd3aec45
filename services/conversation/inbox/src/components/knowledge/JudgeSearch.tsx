import { useState } from "preact/hooks";
import { percent } from "../../agent-model.ts";
import { searching, type Found } from "../../searching.ts";
import { reasonOf } from "../../threads.ts";
import { FoundPassage } from "./AnswerShown.tsx";

interface Asked {
  query: string;
  found: Found;
}

/** Teammates say of a search whether it was right, also where the agent would not have been sure enough to answer. */
export function JudgeSearch({ judged }: { judged(): Promise<void> }) {
  const [query, setQuery] = useState("");
  const [asked, setAsked] = useState<Asked | null>(null);
  const [said, setSaid] = useState("");
  const [failure, setFailure] = useState("");
  const trying = async (act: () => Promise<void>, otherwise: string) => {
    setFailure("");
    try {
      await act();
    } catch (error) {
      setFailure(`${otherwise} ${reasonOf(error)}`);
    }
  };
  const search = (event: SubmitEvent) => {
    event.preventDefault();
    setSaid("");
    void trying(async () => setAsked({ query, found: await searching.find(query) }), "Nothing was searched.");
  };
  const judge = (right: boolean) =>
    void trying(async () => {
      await searching.judge(asked!.query, right, asked!.found.evidence);
      setSaid(right ? "Counted as right." : "Counted as wrong.");
      setAsked(null);
      setQuery("");
      await judged();
    }, "Not counted.");
  return (
    <section aria-label="Judge a search" class="document">
      <h2>Judge a search</h2>
      <p>
        Customers judge only what the agent was sure enough to answer. Judge questions of all kinds here, also such that no article answers. The
        words of the question are not kept.
      </p>
      <form class="asking" onSubmit={search}>
        <label class="field">
          What a customer asks
          <input type="text" required maxLength={2_000} value={query} onInput={({ currentTarget }) => setQuery(currentTarget.value)} />
        </label>
        <p class="failure" role="alert">
          {failure}
        </p>
        <div class="buttons">
          <button class="button">Search</button>
        </div>
      </form>
      <div aria-live="polite">
        {said && <p>{said}</p>}
        {asked && <Judging asked={asked} judge={judge} />}
      </div>
    </section>
  );
}

function Judging({ asked: { found }, judge }: { asked: Asked; judge(right: boolean): void }) {
  if (found.passages.length === 0) return <p class="empty">Nothing was found. That says nothing about the confidence.</p>;
  return (
    <div class="answered">
      <p>Does one of these answer it? The search is {percent(found.confidence)} sure.</p>
      <div class="buttons">
        <button type="button" class="button" onClick={() => judge(true)}>
          Yes, right
        </button>
        <button type="button" class="button" onClick={() => judge(false)}>
          No, wrong
        </button>
      </div>
      <ol class="found-passages">
        {found.passages.map((passage, at) => (
          <FoundPassage key={at} passage={passage} />
        ))}
      </ol>
    </div>
  );
}
