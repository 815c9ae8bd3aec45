import { percent } from "../../agent-model.ts";
import { bench } from "../../bench.ts";
import { CHANGES, type Result, type Run } from "../../bench-model.ts";
import type { Answered } from "../../knowledge-model.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { AnswerShown } from "../knowledge/AnswerShown.tsx";
import { State } from "../knowledge/Frame.tsx";
import { Words } from "../MessageView.tsx";

interface Props {
  run: Run;
  result: Result;
  judged(): Promise<unknown>;
}

/** A question with its answer, beside the one before it where they differ in what counts. */
export function ResultView({ run, result, judged }: Props) {
  const { answered, before, change } = result;
  const differs = change !== "same" && before !== null;
  return (
    <li class="card">
      <div class="head">
        <h3>{result.question}</h3>
        <Marks result={result} />
      </div>
      {result.edited && <p class="quiet">The question was changed since. This is the answer to its earlier wording.</p>}
      <Reasons result={result} />
      {answered === null && <p class="quiet">It was not asked yet.</p>}
      {answered && (
        <div class="sides" data-both={differs}>
          {differs && <Side title="Before" answered={before} />}
          <Side title={run.trial ? "With the change" : "Now"} answered={answered} />
        </div>
      )}
      {answered && <Judging run={run} result={result} judged={judged} />}
    </li>
  );
}

function Marks({ result: { change, passed, judged } }: { result: Result }) {
  const right = judged ?? passed;
  return (
    <span class="states">
      {change && <State kind={CHANGES[change][0]}>{CHANGES[change][1]}</State>}
      {right !== null && <State kind={right ? "ok" : "bad"}>{right ? "Right" : "Wrong"}</State>}
    </span>
  );
}

/** What failed now is often what made it worse: it is said once. */
function Reasons({ result: { changes, failures } }: { result: Result }) {
  const reasons = [...new Set([...changes, ...failures])];
  if (reasons.length === 0) return null;
  return (
    <ul class="reasons">
      {reasons.map((reason) => (
        <li key={reason}>{reason}</li>
      ))}
    </ul>
  );
}

function Side({ title, answered }: { title: string; answered: Answered }) {
  const { text, confidence, sources, decision, reason } = answered;
  return (
    <section aria-label={title}>
      <p class="quiet">
        {title}: {decision === "handoff" ? "hands over" : decision === "clarify" ? "asks back" : "answers"}, {percent(confidence)} sure
      </p>
      <div class="as-read">
        <Words text={text} />
      </div>
      {sources.length > 0 && <p class="quiet">From {[...new Set(sources.map((one) => one.title))].join(", ")}</p>}
      {decision === "handoff" && <p class="quiet">{reason}</p>}
      <details>
        <summary>Passages and all that led to it</summary>
        <AnswerShown answered={answered} />
      </details>
    </section>
  );
}

function Judging({ run, result, judged }: Props) {
  const judge = async (right: boolean) => {
    try {
      await bench.judge(run.id, result.question_id, right);
      await judged();
    } catch (error) {
      show({ text: `Not kept. ${reasonOf(error)}`, failed: true });
    }
  };
  return (
    <div class="buttons">
      <button type="button" class="button" aria-pressed={result.judged === true} onClick={() => void judge(true)}>
        It is right
      </button>
      <button type="button" class="button" aria-pressed={result.judged === false} onClick={() => void judge(false)}>
        It is wrong
      </button>
      {result.judged_by && (
        <span class="quiet">
          {result.judged_by} says that it is {result.judged ? "right" : "wrong"}.
        </span>
      )}
    </div>
  );
}
