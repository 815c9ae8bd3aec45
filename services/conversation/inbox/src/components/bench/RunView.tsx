import { fullTime } from "@onethread/browser/time.ts";
import { useState } from "preact/hooks";
import { bench } from "../../bench.ts";
import { isUnderWay, regressions, summaryOf, whyOf, type Change, type Run } from "../../bench-model.ts";
import { firstOf, useReading } from "../../reading.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { Figure } from "../Figure.tsx";
import { Choice, More } from "../knowledge/Frame.tsx";
import { ResultView } from "./ResultView.tsx";

const AT_ONCE = 25;
const FILTERS: Record<Change | "", string> = {
  "": "All",
  worse: "Worse",
  other: "From other articles",
  better: "Better",
  same: "As before",
  new: "Asked for the first time",
  unclear: "Unclear",
};

interface Props {
  run: Run;
  again(): Promise<void>;
}

/** One run: how far it is, what it found, and each question with what it got before. */
export function RunView({ run, again }: Props) {
  const [change, setChange] = useState<Change | "">("");
  const [shown, setShown] = useState(AT_ONCE);
  const { asked } = run.counts;
  const { value, failure, again: readResults } = useReading(() => firstOf(shown, (page) => bench.results(run.id, change, page)), [run.id, change, shown, asked, run.state]);
  const judged = () => Promise.all([readResults(), again()]);
  return (
    <section class="bench-run" aria-label={whyOf(run)}>
      <h2>{whyOf(run)}</h2>
      <p class="quiet">{fullTime(run.created_at)}</p>
      {isUnderWay(run) ? <Progress run={run} again={again} /> : <Outcome run={run} again={again} />}
      <Choice label="Show" value={change} pick={(one) => (setChange(one as Change | ""), setShown(AT_ONCE))}>
        {FILTERS}
      </Choice>
      {failure && <p class="failure">{`The results could not be read. ${failure}`}</p>}
      {value?.items.length === 0 && <p class="empty">{change ? "Nothing fits." : "Of this run only the counts are kept."}</p>}
      <ol class="cards" aria-label="Questions">
        {value?.items.map((result) => (
          <ResultView key={result.question_id} run={run} result={result} judged={judged} />
        ))}
      </ol>
      <More of={value} show={() => setShown(shown + AT_ONCE)} />
    </section>
  );
}

function Progress({ run, again }: Props) {
  const { asked, questions } = run.counts;
  return (
    <div class="buttons">
      <label class="progress">
        <progress max={questions} value={asked} />
        <span>{run.state === "waiting" ? "Waits for the run before it" : `${asked} of ${questions} asked`}</span>
      </label>
      <button type="button" class="button" onClick={() => void act(() => bench.cancel(run.id), again)}>
        Cancel
      </button>
      {run.reason && <p class="failure">{run.reason}</p>}
    </div>
  );
}

function Outcome({ run, again }: Props) {
  const { counts, cost, input_tokens, output_tokens } = run;
  const mayStand = run.why !== "trial" && run.state === "done" && regressions(run) > 0;
  return (
    <>
      <p>
        {summaryOf(run)}. {run.baseline_id ? compared(run) : "It is the first: there was nothing to compare with."} {run.reason}
      </p>
      <dl class="figures">
        <Figure name="Right" value={counts.passed}>
          As expected, or judged right by a teammate.
        </Figure>
        <Figure name="Wrong" value={counts.failed} />
        <Figure name="Worse" value={regressions(run)}>
          Right before and not now, or answered before and not now, or answered from other articles.
        </Figure>
        <Figure name="Better" value={counts.better} />
        {input_tokens + output_tokens > 0 && <Figure name="Tokens" value={input_tokens + output_tokens} />}
        {cost > 0 && <Figure name="Cost" value={cost.toFixed(2)}>Counts in the month's spending.</Figure>}
      </dl>
      {run.accepted_by && <p class="quiet">{`${run.accepted_by} says that it may stand: later runs are compared with it.`}</p>}
      {mayStand && !run.accepted_by && (
        <div class="buttons">
          <button type="button" class="button" onClick={() => void act(() => bench.accept(run.id), again)}>
            It may stand
          </button>
          <p class="quiet">Later runs are compared with this one then.</p>
        </div>
      )}
    </>
  );
}

const compared = ({ why }: Run): string => (why === "trial" ? "Compared with what is live." : "Compared with the last good run.");

async function act(what: () => Promise<unknown>, again: () => Promise<void>): Promise<void> {
  try {
    await what();
    await again();
  } catch (error) {
    show({ text: `Nothing was changed. ${reasonOf(error)}`, failed: true });
  }
}
