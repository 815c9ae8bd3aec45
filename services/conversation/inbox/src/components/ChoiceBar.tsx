import { useState } from "preact/hooks";
import { bench } from "../bench.ts";
import type { Thread } from "../model.ts";
import { chosen, split, stopChoosing } from "../moving.ts";
import { reasonOf } from "../threads.ts";
import { show } from "../toasts.ts";
import { MoveDialog } from "./ThreadPicker.tsx";

/** Stands where the composer was while messages are being chosen. */
export function ChoiceBar({ thread }: { thread: Thread }) {
  const [moving, setMoving] = useState(false);
  const count = chosen.value?.size ?? 0;
  return (
    <section class="choice-bar" aria-label="Chosen messages">
      <p aria-live="polite">{count === 0 ? "Choose the messages to split off, to move, or to ask the agent again." : `${count} chosen`}</p>
      <button type="button" class="button primary" aria-disabled={count === 0} onClick={() => count && void split(thread.id)}>
        Split off
      </button>
      <button type="button" class="button" aria-disabled={count === 0} onClick={() => count && setMoving(true)}>
        Move to…
      </button>
      <button type="button" class="button" aria-disabled={count === 0} onClick={() => count && void keepAsQuestions()}>
        Add to the test bench
      </button>
      <button type="button" class="button" onClick={stopChoosing}>
        Cancel <kbd>Esc</kbd>
      </button>
      {moving && <MoveDialog thread={thread} close={() => setMoving(false)} />}
    </section>
  );
}

/** What a customer wrote becomes a question; for what others wrote the server says why not. */
async function keepAsQuestions(): Promise<void> {
  const ids = [...chosen.value!];
  try {
    for (const message_id of ids) await bench.addOf({ message_id });
    stopChoosing();
    show({ text: ids.length === 1 ? "It is a question of the test bench now." : `${ids.length} questions were added to the test bench.` });
  } catch (error) {
    show({ text: `Not added. ${reasonOf(error)}`, failed: true });
  }
}
