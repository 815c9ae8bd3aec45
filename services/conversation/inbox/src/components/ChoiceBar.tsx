import { useState } from "preact/hooks";
import type { Thread } from "../model.ts";
import { chosen, split, stopChoosing } from "../moving.ts";
import { MoveDialog } from "./ThreadPicker.tsx";

/** Stands where the composer was while messages are being chosen. */
export function ChoiceBar({ thread }: { thread: Thread }) {
  const [moving, setMoving] = useState(false);
  const count = chosen.value?.size ?? 0;
  return (
    <section class="choice-bar" aria-label="Chosen messages">
      <p aria-live="polite">{count === 0 ? "Choose the messages to split off or move." : `${count} chosen`}</p>
      <button type="button" class="button primary" aria-disabled={count === 0} onClick={() => count && void split(thread.id)}>
        Split off
      </button>
      <button type="button" class="button" aria-disabled={count === 0} onClick={() => count && setMoving(true)}>
        Move to…
      </button>
      <button type="button" class="button" onClick={stopChoosing}>
        Cancel <kbd>Esc</kbd>
      </button>
      {moving && <MoveDialog thread={thread} close={() => setMoving(false)} />}
    </section>
  );
}
