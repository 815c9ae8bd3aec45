import { refusal, setAgent, setPriority } from "../acts.ts";
import { MODES } from "../agent-model.ts";
import type { AgentState, Priority, Thread } from "../model.ts";
import { currentDetail } from "../threads.ts";
import { AgentSetBy } from "./AgentBar.tsx";
import { Tags } from "./Tags.tsx";
import { Topic } from "./Topic.tsx";

const PRIORITIES: Record<Priority, string> = { low: "Low", normal: "Normal", high: "High", urgent: "Urgent" };
const AGENT: Record<AgentState, string> = { active: "Answers", drafting: "Writes drafts", quiet: "Quiet", off: "Off" };

/** What belongs to the conversation and holds across channels. */
export function ThreadFacts({ thread }: { thread: Thread }) {
  return (
    <section class="facts">
      <h3>This conversation</h3>
      <Topic thread={thread} />
      <Choice label="Priority" words={PRIORITIES} value={thread.priority} pick={(priority) => setPriority(thread, priority)} />
      <Choice label="AI" words={{ ...AGENT, active: onChannel() }} value={thread.agent} pick={(agent) => setAgent(thread, agent)} />
      {thread.agent_set && (
        <p class="quiet under">
          <AgentSetBy thread={thread} />
        </p>
      )}
      <Tags thread={thread} />
      {refusal.value?.threadId === thread.id && <p class="failure for-drawer">{refusal.value.text}</p>}
    </section>
  );
}

/** What an agent that nobody quieted does is its channel's to say. */
function onChannel(): string {
  const mode = currentDetail.value?.channel_mode ?? "auto";
  return mode === "auto" ? AGENT.active : `As the channel: ${MODES[mode].toLowerCase()}`;
}

interface ChoiceProps<Value extends string> {
  label: string;
  words: Record<Value, string>;
  value: Value;
  pick(value: Value): void;
}

function Choice<Value extends string>({ label, words, value, pick }: ChoiceProps<Value>) {
  return (
    <label class="fact">
      {label}
      <select value={value} onChange={(event) => pick(event.currentTarget.value as Value)}>
        {(Object.keys(words) as Value[]).map((one) => (
          <option key={one} value={one}>
            {words[one]}
          </option>
        ))}
      </select>
    </label>
  );
}
