import { useState } from "preact/hooks";
import { bench } from "../../bench.ts";
import { isUnderWay, regressions, summaryOf, type Run, type Trial } from "../../bench-model.ts";
import { places } from "../../pages.ts";
import { useReading } from "../../reading.ts";
import { address } from "../../route.ts";
import { reasonOf } from "../../threads.ts";
import { State } from "../knowledge/Frame.tsx";

const page = places.find(({ section, name }) => section === "knowledge" && name === "bench")!;

interface Props {
  label?: string | undefined;
  /** What is not live yet. */
  change(): Promise<Trial>;
}

/** Asks the kept questions as if the change were live: "12 questions: 1 worse, 2 better". */
export function TryChange({ label = "Try it on the test bench", change }: Props) {
  const [runId, setRunId] = useState<string | null>(null);
  const [failure, setFailure] = useState("");
  const { value: run } = useReading(async () => (runId ? bench.run(runId) : null), [runId], (one) => one !== null && isUnderWay(one));
  const start = async () => {
    setFailure("");
    try {
      setRunId((await bench.start(await change())).id);
    } catch (error) {
      setFailure(`Not tried. ${reasonOf(error)}`);
    }
  };
  return (
    <div class="knowledge trial" aria-live="polite">
      <button type="button" class="button" aria-disabled={run !== null && isUnderWay(run)} onClick={() => void start()}>
        {label}
      </button>
      {failure && <p class="failure">{failure}</p>}
      {run && run.id === runId && <Tried run={run} />}
    </div>
  );
}

function Tried({ run }: { run: Run }) {
  const details = <a href={address({ page, item: run.id })}>See each answer</a>;
  if (isUnderWay(run)) {
    return <p class="quiet">{run.state === "waiting" ? "What is live is asked first…" : `${run.counts.asked} of ${run.counts.questions} asked…`}</p>;
  }
  return (
    <p class="states">
      <State kind={run.state !== "done" ? "busy" : regressions(run) ? "bad" : "ok"}>{summaryOf(run)}</State>
      {run.reason} {details}
    </p>
  );
}
