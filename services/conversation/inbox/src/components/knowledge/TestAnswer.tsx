import type { ChannelKind } from "@onethread/browser/protocol.ts";
import { useState } from "preact/hooks";
import { bench } from "../../bench.ts";
import type { Answered, Question, Said } from "../../knowledge-model.ts";
import { knowledge } from "../../knowledge.ts";
import { reasonOf } from "../../threads.ts";
import { KeepQuestion } from "../bench/KeepQuestion.tsx";
import { AnswerShown } from "./AnswerShown.tsx";
import { Choice, Frame } from "./Frame.tsx";

export const CHANNELS: Record<ChannelKind, string> = { widget: "Website chat", email: "Email", slack: "Slack" };
const AUTHORS: Record<Said["author"], string> = { customer: "Customer", agent: "AI", teammate: "Teammate" };

/** What the agent would say to a question, and all that led to it. Nobody is told, and nothing is kept. */
export function TestAnswerPage() {
  const [question, setQuestion] = useState("");
  const [channel, setChannel] = useState<ChannelKind>("widget");
  const [history, setHistory] = useState<Said[]>([]);
  const [answered, setAnswered] = useState<Answered | null>(null);
  const [asked, setAsked] = useState<Question | null>(null);
  const [failure, setFailure] = useState("");
  const [asking, setAsking] = useState(false);
  const ask = async (event: SubmitEvent) => {
    event.preventDefault();
    if (asking) return;
    setAsking(true);
    setFailure("");
    try {
      const given = { question, channel, history: history.filter(({ text }) => text.trim()) };
      setAnswered(await knowledge.ask(given));
      setAsked(given);
    } catch (error) {
      setFailure(reasonOf(error));
    } finally {
      setAsking(false);
    }
  };
  return (
    <Frame>
      <form class="asking" onSubmit={ask}>
        <label class="field">
          What a customer asks
          <textarea rows={3} required maxLength={20_000} value={question} onInput={({ currentTarget }) => setQuestion(currentTarget.value)} />
        </label>
        <Choice label="Channel" value={channel} pick={(one) => setChannel(one as ChannelKind)}>
          {CHANNELS}
        </Choice>
        <SaidBefore history={history} set={setHistory} />
        <p class="failure" role="alert">
          {failure && `No answer. ${failure}`}
        </p>
        <div class="buttons">
          <button class="button primary" aria-disabled={asking}>
            {asking ? "Asking…" : "Ask"}
          </button>
        </div>
      </form>
      <div aria-live="polite">{answered && <AnswerShown answered={answered} />}</div>
      {asked && <KeepQuestion key={JSON.stringify(asked)} label="Save as a question of the test bench" keep={() => keep(asked, answered)} />}
    </Frame>
  );
}

/** That it answers is expected from now on, or that it hands over, as it did. */
function keep(asked: Question, answered: Answered | null): Promise<unknown> {
  const expect = answered === null || answered.decision === "draft" ? null : answered.decision;
  return bench.add({ ...asked, expect, sources: [], contains: [], lacks: [], note: "" });
}

export function SaidBefore({ history, set }: { history: Said[]; set(history: Said[]): void }) {
  const change = (at: number, change: Partial<Said>) => set(history.map((one, index) => (index === at ? { ...one, ...change } : one)));
  return (
    <>
      {history.map((said, at) => (
        <div key={at} class="said">
          <select
            aria-label={`Who said it, line ${at + 1}`}
            value={said.author}
            onChange={({ currentTarget }) => change(at, { author: currentTarget.value as Said["author"] })}
          >
            {Object.entries(AUTHORS).map(([one, words]) => (
              <option key={one} value={one}>
                {words}
              </option>
            ))}
          </select>
          <input
            type="text"
            aria-label={`What was said before, line ${at + 1}`}
            value={said.text}
            onInput={({ currentTarget }) => change(at, { text: currentTarget.value })}
          />
          <button
            type="button"
            class="link"
            aria-label={`Leave out line ${at + 1}`}
            onClick={() => set(history.filter((_, index) => index !== at))}
          >
            Remove
          </button>
        </div>
      ))}
      <button type="button" class="link" onClick={() => set([...history, { author: history.length % 2 ? "agent" : "customer", text: "" }])}>
        {history.length ? "Add another line" : "Add what was said before"}
      </button>
    </>
  );
}
