import { LONGEST_TEXT } from "@onethread/browser/protocol.ts";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Chat } from "./chat.ts";

export function Composer({ chat }: { chat: Chat }) {
  const [text, setText] = useState(chat.draft);
  const field = useGrowingField(text);
  const excess = text.length - LONGEST_TEXT;
  const write = (value: string) => {
    setText(value);
    chat.keepDraft(value);
  };
  const send = () => {
    if (!text.trim() || excess > 0) return;
    chat.say(text.trim());
    setText("");
    field.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <footer>
      {excess > 0 && (
        <p class="by bad" role="alert">
          This is {excess} characters too long for one message.
        </p>
      )}
      <div class="compose">
        <textarea
          ref={field}
          rows={1}
          value={text}
          aria-label="Your message"
          placeholder="Write a message"
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        <button type="button" class="send" aria-label="Send" aria-disabled={!text.trim() || excess > 0} onClick={send}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M12 19V5M6 11l6-6 6 6" />
          </svg>
        </button>
      </div>
      {!answeredByPerson(chat) && (
        <button type="button" class="link person" onClick={() => chat.say("I would like to talk to a person.")}>
          Talk to a person
        </button>
      )}
    </footer>
  );
}

function answeredByPerson(chat: Chat): boolean {
  const last = chat.timeline.messages.findLast(({ author }) => author.kind === "agent" || author.kind === "teammate");
  return last?.author.kind === "teammate";
}

function useGrowingField(text: string) {
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const element = field.current!;
    element.style.blockSize = "auto";
    element.style.blockSize = `${Math.min(element.scrollHeight + 2, 160)}px`;
  }, [text]);
  return field;
}
