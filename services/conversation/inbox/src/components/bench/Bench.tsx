import { bench, benchTold } from "../../bench.ts";
import { isUnderWay, regressions, type Run } from "../../bench-model.ts";
import { useReading } from "../../reading.ts";
import { address, route } from "../../route.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { Frame } from "../knowledge/Frame.tsx";
import { QuestionsPage } from "./Questions.tsx";
import { RunList } from "./RunList.tsx";
import { RunView } from "./RunView.tsx";

export const QUESTIONS = "questions";

/** What the agent says to the kept questions, run after run: what got worse comes first. */
export function BenchPage() {
  const { item } = route.value;
  return item === QUESTIONS ? <QuestionsPage /> : <RunsPage id={item} />;
}

function RunsPage({ id }: { id: string | null }) {
  const told = benchTold.value;
  const { value, failure, again } = useReading(
    async () => {
      const [{ items: runs }, { items: questions }] = await Promise.all([bench.runs(), bench.questions({ limit: "1" })]);
      const shown = id === null ? (runs[0] ?? null) : (runs.find((run) => run.id === id) ?? (await bench.run(id)));
      return { runs, shown, hasQuestions: questions.length > 0 };
    },
    [id, told],
    ({ runs }) => runs.some(isUnderWay),
  );
  const start = async () => {
    try {
      await bench.start();
      await again();
    } catch (error) {
      show({ text: `Not started. ${reasonOf(error)}`, failed: true });
    }
  };
  const acts = (
    <>
      <a class="button" href={address({ page: route.value.page, item: QUESTIONS })}>
        Questions
      </a>
      {value?.hasQuestions && (
        <button type="button" class="button primary" onClick={() => void start()}>
          Run now
        </button>
      )}
    </>
  );
  return (
    <Frame acts={acts} failure={failure && `The runs could not be read. ${failure}`}>
      {value && !value.hasQuestions && <NoQuestions />}
      {value && <Banner runs={value.runs} shown={value.shown} />}
      {value?.shown && <RunView key={value.shown.id} run={value.shown} again={again} />}
      {value && value.runs.length > 0 && <RunList runs={value.runs} shown={value.shown} />}
    </Frame>
  );
}

function NoQuestions() {
  return (
    <p class="empty">
      There are no questions yet. <a href={address({ page: route.value.page, item: QUESTIONS })}>Add some</a> that your customers ask: they are
      asked again after each change of articles or settings, and what got worse is shown here before a customer sees it.
    </p>
  );
}

/** Of the latest run of what is live, wherever one looks. */
function Banner({ runs, shown }: { runs: Run[]; shown: Run | null }) {
  const latest = runs.find((run) => run.why !== "trial" && run.state === "done");
  if (!latest || latest.accepted_by || regressions(latest) === 0) return null;
  const count = regressions(latest);
  return (
    <p class="bench-banner" role="alert">
      {count === 1 ? "One question gets" : `${count} questions get`} a worse answer than before.{" "}
      {latest.id !== shown?.id && <a href={address({ page: route.value.page, item: latest.id })}>See what changed</a>}
    </p>
  );
}
