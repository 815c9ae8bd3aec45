import { fullTime } from "@onethread/browser/time.ts";
import { isUnderWay, regressions, summaryOf, whyOf, type Run } from "../../bench-model.ts";
import { address, route } from "../../route.ts";
import { State } from "../knowledge/Frame.tsx";

const STATES: Record<Run["state"], string> = {
  waiting: "Waits",
  running: "Runs",
  done: "Done",
  canceled: "Canceled",
  stopped: "Stopped",
};

export function RunList({ runs, shown }: { runs: Run[]; shown: Run | null }) {
  return (
    <section>
      <h2>Last runs</h2>
      <ul class="rows" aria-label="Last runs">
        {runs.map((run) => (
          <li key={run.id} aria-current={run.id === shown?.id}>
            <a href={address({ page: route.value.page, item: run.id })}>{whyOf(run)}</a>
            <span class="states">
              <RunState run={run} />
            </span>
            <span class="quiet">
              {fullTime(run.created_at)} · {summaryOf(run)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function RunState({ run }: { run: Run }) {
  if (isUnderWay(run)) return <State kind="busy">{STATES[run.state]}</State>;
  if (run.state !== "done") return <State kind="plain">{STATES[run.state]}</State>;
  const worse = regressions(run);
  if (worse > 0) return <State kind={run.accepted_by ? "plain" : "bad"}>{worse} worse</State>;
  return <State kind="ok">{run.counts.failed ? "Nothing worse" : "All right"}</State>;
}
