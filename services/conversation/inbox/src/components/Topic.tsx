import { useSignal } from "@preact/signals";
import { refusal, sayOvertaken, setTopic } from "../acts.ts";
import type { Thread } from "../model.ts";
import { threads } from "../threads.ts";

interface Typed {
  text: string;
  /** The topic that was shown when the typing began: it is what the text replaces. */
  over: string;
  /** Being saved, or refused and told so: only Enter or more typing saves it then, leaving the field does not. */
  held: boolean;
}

/** What was typed stays until it is saved, even if somebody else was faster. Esc gives it up. */
export function Topic({ thread }: { thread: Thread }) {
  const typed = useSignal<Typed | null>(null);
  const topic = thread.topic ?? "";
  const save = async (asked: boolean) => {
    const mine = typed.value;
    if (!mine || (mine.held && !asked)) return;
    const text = mine.text.trim();
    typed.value = { ...mine, held: true };
    if (text !== topic && mine.over !== topic) sayOvertaken(thread, "topic");
    else if (text !== topic) await setTopic(thread, text);
    const now = threads.value.get(thread.id)?.topic ?? "";
    typed.value = now === text ? null : { ...mine, over: now, held: true };
  };
  const onKeyDown = ({ key }: KeyboardEvent) => {
    if (key === "Enter") void save(true);
    else if (key === "Escape") typed.value = null;
    if (key === "Escape" && refusal.value?.threadId === thread.id) refusal.value = null;
  };
  return (
    <label class="fact">
      Topic
      <input
        value={typed.value?.text ?? topic}
        placeholder="None"
        maxLength={200}
        onInput={({ currentTarget: { value } }) =>
          (typed.value = { text: value, over: typed.value?.over ?? topic, held: false })
        }
        onKeyDown={onKeyDown}
        onBlur={() => void save(false)}
      />
    </label>
  );
}
