import type { ChannelKind } from "@onethread/browser/protocol.ts";
import { useState } from "preact/hooks";
import { linesOf } from "../../agent-settings.ts";
import { bench } from "../../bench.ts";
import { EXPECT, type BenchQuestion, type Expect, type NewQuestion } from "../../bench-model.ts";
import { reasonOf } from "../../threads.ts";
import { Choice } from "../knowledge/Frame.tsx";
import { CHANNELS, SaidBefore } from "../knowledge/TestAnswer.tsx";

const EMPTY: NewQuestion = { question: "", history: [], channel: "widget", expect: null, sources: [], contains: [], lacks: [], note: "" };

interface Props {
  /** Left out: it is new. */
  question?: BenchQuestion;
  done(): Promise<void>;
  cancel(): void;
}

export function QuestionForm({ question, done, cancel }: Props) {
  const [content, setContent] = useState<NewQuestion>(() => contentOf(question ?? EMPTY));
  const [failure, setFailure] = useState("");
  const set = (change: Partial<NewQuestion>) => setContent({ ...content, ...change });
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    setFailure("");
    const given = { ...content, history: content.history.filter(({ text }) => text.trim()) };
    try {
      await (question ? bench.change(question, given) : bench.add(given));
      await done();
    } catch (error) {
      setFailure(`Not saved; what you typed is still here. ${reasonOf(error)}`);
    }
  };
  return (
    <form class="asking card" aria-label={question ? "Change the question" : "New question"} onSubmit={save}>
      <label class="field">
        What a customer asks
        <textarea rows={2} required maxLength={8000} value={content.question} onInput={({ currentTarget }) => set({ question: currentTarget.value })} />
      </label>
      <SaidBefore history={content.history} set={(history) => set({ history })} />
      <div class="filters">
        <Choice label="Channel" value={content.channel} pick={(one) => set({ channel: one as ChannelKind })}>
          {CHANNELS}
        </Choice>
        <Choice label="What is expected" value={content.expect ?? ""} pick={(one) => set({ expect: (one || null) as Expect | null })}>
          {EXPECT}
        </Choice>
      </div>
      <div class="filters">
        <Lines label="Articles that it must rest on, one title a line" lines={content.sources} set={(sources) => set({ sources })} />
        <Lines label="Words that the answer must have, one a line" lines={content.contains} set={(contains) => set({ contains })} />
        <Lines label="Words that it must not have, one a line" lines={content.lacks} set={(lacks) => set({ lacks })} />
      </div>
      <label class="field">
        Note
        <input type="text" maxLength={2000} value={content.note} onInput={({ currentTarget }) => set({ note: currentTarget.value })} />
      </label>
      <p class="failure" role="alert">
        {failure}
      </p>
      <div class="buttons">
        <button class="button primary">Save the question</button>
        <button type="button" class="button" onClick={cancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function Lines({ label, lines, set }: { label: string; lines: string[]; set(lines: string[]): void }) {
  return (
    <label class="field">
      {label}
      <textarea rows={3} defaultValue={lines.join("\n")} onInput={({ currentTarget }) => set(linesOf(currentTarget.value))} />
    </label>
  );
}

const contentOf = ({ question, history, channel, expect, sources, contains, lacks, note }: NewQuestion): NewQuestion => ({
  question,
  history,
  channel,
  expect,
  sources,
  contains,
  lacks,
  note,
});
