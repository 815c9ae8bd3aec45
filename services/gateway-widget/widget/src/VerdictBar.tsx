import type { WidgetMessage } from "@onethread/browser/protocol.ts";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Chat } from "./chat.ts";
import type { Thumb } from "./verdicts.ts";

const LONGEST_COMMENT = 2000;

interface Props {
  chat: Chat;
  message: WidgetMessage;
}

/** Was this answer any good? A thumb down asks what was wrong; nobody has to say. */
export function VerdictBar({ chat, message }: Props) {
  const [asking, setAsking] = useState(false);
  const [thanks, setThanks] = useState("");
  const given = chat.verdicts.of(message);
  const choose = (score: Thumb) => {
    if (given !== score) chat.judge(message.id, score);
    setAsking(score < 0);
    setThanks(score > 0 ? "Thank you." : "");
  };
  const explain = (comment: string) => {
    if (comment) chat.judge(message.id, -1, comment);
    setAsking(false);
    setThanks("Thank you. People read this.");
  };
  return (
    <>
      <div class="verdict" role="group" aria-label="Was this helpful?">
        <Thumbs name="Helpful" pressed={given === 1} choose={() => choose(1)} />
        <Thumbs name="Not helpful" down pressed={given === -1} choose={() => choose(-1)} />
        <span role="status">{thanks}</span>
      </div>
      {asking && <Why explain={explain} />}
    </>
  );
}

function Thumbs({ name, pressed, down, choose }: { name: string; pressed: boolean; down?: boolean; choose(): void }) {
  return (
    <button type="button" class={down ? "thumb down" : "thumb"} aria-label={name} aria-pressed={pressed} onClick={choose}>
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M7 10v11M7 10l4-8a3 3 0 0 1 3 3v5h5.5a2 2 0 0 1 2 2.5l-2 7a2 2 0 0 1-2 1.5H4a2 2 0 0 1-2-2v-7a2 2 0 0 1 2-2z" />
      </svg>
    </button>
  );
}

function Why({ explain }: { explain(comment: string): void }) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current!.focus(), []);
  const onSubmit = (event: Event) => {
    event.preventDefault(); // The page's own address stays as it is.
    explain(field.current!.value.trim());
  };
  return (
    <form class="why" aria-label="What was wrong?" onSubmit={onSubmit}>
      <input ref={field} aria-label="What was wrong?" placeholder="What was wrong? (optional)" maxLength={LONGEST_COMMENT} />
      <button type="submit" class="link">
        Done
      </button>
    </form>
  );
}
