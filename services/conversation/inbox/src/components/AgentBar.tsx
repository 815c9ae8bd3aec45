import { clock } from "@onethread/browser/time.ts";
import { giveBack, setAgent, takeOver } from "../acts.ts";
import type { AgentMode } from "../agent-model.ts";
import { me } from "../api.ts";
import { MACHINES, needsPerson, type Author, type Machine, type Thread } from "../model.ts";
import { openDraft } from "../proposals.ts";
import { currentDetail } from "../threads.ts";

const QUIET = {
  drafting: "The AI writes drafts here. People send them.",
  quiet: "The AI is quiet here. People answer.",
  off: "The AI is off here. People answer.",
};

/** Where an administrator lets people answer. */
const ON_CHANNEL: Partial<Record<AgentMode, string>> = {
  draft: "The AI writes drafts on this channel. People send them.",
  shadow: "The AI only watches on this channel. People answer.",
  off: "The AI is off on this channel. People answer.",
};

/** Who answers the customer now, the AI or people, and the way to change it. */
export function AgentBar({ thread }: { thread: Thread }) {
  if (thread.status !== "open") return null;
  const byChannel = ON_CHANNEL[currentDetail.value?.channel_mode ?? "auto"];
  if (byChannel) return <PeopleAnswer thread={thread} words={byChannel} />;
  if (thread.machine && thread.agent === "active") return <ByMachine thread={thread} what={thread.machine} />;
  if (thread.agent === "active") {
    return (
      <div class="agent-bar">
        <strong>{needsPerson(thread) ? "The AI did not answer this. A person should." : "AI is answering"}</strong>
        <button type="button" class="button" onClick={() => void takeOver(thread)}>
          Take over <kbd>t</kbd>
        </button>
      </div>
    );
  }
  return (
    <div class="agent-bar off">
      <span>
        {QUIET[thread.agent]} <AgentSetBy thread={thread} />
      </span>
      <button type="button" class="link" onClick={() => void giveBack(thread)}>
        Give back to AI
      </button>
    </div>
  );
}

/** The AI holds the thread again once a person writes. */
function ByMachine({ thread, what }: { thread: Thread; what: Machine }) {
  return (
    <div class="agent-bar off">
      <span>{MACHINES[what]}: the AI does not answer it.</span>
      <button type="button" class="link" onClick={() => void takeOver(thread)}>
        Take over
      </button>
    </div>
  );
}

/** A draft speaks for itself. What a teammate switched off here is off, whatever the channel's mode. */
function PeopleAnswer({ thread, words }: { thread: Thread; words: string }) {
  if (thread.agent !== "off") return openDraft(thread.id) ? null : <p class="agent-bar off">{words}</p>;
  return (
    <div class="agent-bar off">
      <span>
        {QUIET.off} <AgentSetBy thread={thread} />
      </span>
      <button type="button" class="link" onClick={() => void setAgent(thread, "quiet")}>
        Switch it on again
      </button>
    </div>
  );
}

/** "Set by Sam, 14:02." */
export function AgentSetBy({ thread: { agent_set: set } }: { thread: Thread }) {
  if (!set) return null;
  return (
    <span>
      Set by {nameOf(set.by)}, <time dateTime={set.at}>{clock(set.at)}</time>.
    </span>
  );
}

function nameOf(by: Author | null): string {
  if (!by || by.kind === "system") return "a rule";
  if (by.kind === "agent") return "the AI";
  return by.id === me.value?.id ? "you" : (by.name ?? "a teammate");
}
