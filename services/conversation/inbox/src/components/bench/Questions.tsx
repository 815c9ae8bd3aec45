import { useRef, useState } from "preact/hooks";
import { bench } from "../../bench.ts";
import { EXPECT, type BenchQuestion } from "../../bench-model.ts";
import { firstOf, useReading } from "../../reading.ts";
import { address, route } from "../../route.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { ConfirmDialog } from "../knowledge/ConfirmDialog.tsx";
import { Frame, More } from "../knowledge/Frame.tsx";
import { QuestionForm } from "./QuestionForm.tsx";

const AT_ONCE = 50;

/** The set: what is asked, and what is expected. */
export function QuestionsPage() {
  const [words, setWords] = useState("");
  const [shown, setShown] = useState(AT_ONCE);
  const [adding, setAdding] = useState(false);
  const { value, failure, again } = useReading(() => firstOf(shown, (page) => bench.questions({ q: words, ...page })), [words, shown]);
  const done = async () => {
    setAdding(false);
    await again();
  };
  return (
    <Frame acts={<Acts again={again} />} failure={failure && `The questions could not be read. ${failure}`}>
      <div class="buttons">
        {!adding && (
          <button type="button" class="button primary" onClick={() => setAdding(true)}>
            Add a question
          </button>
        )}
      </div>
      {adding && <QuestionForm done={done} cancel={() => setAdding(false)} />}
      <label class="field">
        Search in questions
        <input type="text" value={words} onInput={({ currentTarget }) => setWords(currentTarget.value)} />
      </label>
      {value?.items.length === 0 && <p class="empty">{words ? "Nothing fits." : "There are no questions yet."}</p>}
      <ul class="rows" aria-label="Questions">
        {value?.items.map((question) => (
          <QuestionRow key={question.id} question={question} again={again} />
        ))}
      </ul>
      <More of={value} show={() => setShown(shown + AT_ONCE)} />
    </Frame>
  );
}

function QuestionRow({ question, again }: { question: BenchQuestion; again(): Promise<void> }) {
  const [doing, setDoing] = useState<"edit" | "remove" | null>(null);
  const close = () => setDoing(null);
  const done = async () => {
    close();
    await again();
  };
  const expected = [
    question.expect ? EXPECT[question.expect] : null,
    question.sources.length && `from ${question.sources.join(", ")}`,
    question.contains.length && `says ${quoted(question.contains)}`,
    question.lacks.length && `does not say ${quoted(question.lacks)}`,
    question.from_message && "made of a customer's message",
    question.note,
  ].filter(Boolean);
  return (
    <li>
      <button type="button" class="link" aria-expanded={doing === "edit"} onClick={() => setDoing(doing === "edit" ? null : "edit")}>
        {question.question}
      </button>
      <button type="button" class="link" aria-label={`Delete “${question.question}”`} onClick={() => setDoing("remove")}>
        Delete
      </button>
      <span class="quiet">{expected.join(" · ") || "Nothing is expected: only changes are shown."}</span>
      {doing === "edit" && <QuestionForm question={question} done={done} cancel={close} />}
      {doing === "remove" && (
        <ConfirmDialog title="Delete this question?" act="Delete it" run={() => bench.remove(question.id).then(again)} close={close}>
          <p>What it got in each run is deleted with it.</p>
        </ConfirmDialog>
      )}
    </li>
  );
}

const quoted = (words: string[]): string => words.map((one) => `“${one}”`).join(", ");

function Acts({ again }: { again(): Promise<void> }) {
  const file = useRef<HTMLInputElement>(null);
  const bring = async (csv: File | undefined) => {
    if (!csv) return;
    try {
      const { added, changed, same } = await bench.bring(await csv.text());
      show({ text: `${added} added, ${changed} changed, ${same} as they were.` });
      await again();
    } catch (error) {
      show({ text: reasonOf(error), failed: true });
    } finally {
      file.current!.value = "";
    }
  };
  const take = async () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await bench.table());
    link.download = "questions.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <>
      <a class="button" href={address({ page: route.value.page, item: null })}>
        Runs
      </a>
      <button type="button" class="button" onClick={() => file.current!.click()}>
        Import CSV
      </button>
      <input ref={file} class="hidden" type="file" accept=".csv,text/csv" aria-label="CSV of questions" tabIndex={-1} onChange={({ currentTarget }) => void bring(currentTarget.files?.[0])} />
      <button type="button" class="button" onClick={() => void take()}>
        Export CSV
      </button>
    </>
  );
}
