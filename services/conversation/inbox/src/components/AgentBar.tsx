import { giveBack, takeOver } from "../acts.ts";
import { needsPerson, type Thread } from "../model.ts";

/** Who answers the customer now, the AI or people, and the way to change it. */
export function AgentBar({ thread }: { thread: Thread }) {
  if (thread.status !== "open") return null;
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
      <span>The AI is quiet here. People answer.</span>
      <button type="button" class="link" onClick={() => void giveBack(thread)}>
        Give back to AI
      </button>
    </div>
  );
}
