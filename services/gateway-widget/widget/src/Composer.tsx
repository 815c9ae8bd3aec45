import { LONGEST_TEXT } from "@onethread/browser/protocol.ts";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Chat } from "./chat.ts";
import { ProofForm } from "./ProofForm.tsx";

export function Composer({ chat }: { chat: Chat }) {
  const [text, setText] = useState(chat.draft);
  const field = useGrowingField(text);
  const excess = text.length - LONGEST_TEXT;
  useReturningFocus(chat, field);
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
      <ProofForm proof={chat.proof} />
      {chat.proof.step.at === "proven" && (
        <p class="proven" role="status">
          {chat.proof.step.said}
        </p>
      )}
      <div class="offers">
        {!answeredByPerson(chat) && (
          <button type="button" class="link person" onClick={() => chat.say("I would like to talk to a person.")}>
            Talk to a person
          </button>
        )}
        {chat.nameless && chat.proof.step.at === "closed" && (
          <button type="button" class="link person" onClick={() => chat.proof.open()}>
            Continue by email
          </button>
        )}
      </div>
    </footer>
  );
}

function answeredByPerson(chat: Chat): boolean {
  const last = chat.timeline.messages.findLast(({ author }) => author.kind === "agent" || author.kind === "teammate");
  return last?.author.kind === "teammate";
}

/** Back to writing, once the customer has proven their address or left it. */
function useReturningFocus(chat: Chat, field: { current: HTMLTextAreaElement | null }) {
  const asking = chat.proof.step.at === "address" || chat.proof.step.at === "code";
  const asked = useRef(false);
  useEffect(() => {
    if (asked.current && !asking) field.current?.focus();
    asked.current = asking;
  }, [asking]);
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
