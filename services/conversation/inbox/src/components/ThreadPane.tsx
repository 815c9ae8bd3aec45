import { refusal } from "../acts.ts";
import type { Thread } from "../model.ts";
import { chosen, stopChoosing } from "../moving.ts";
import { route } from "../route.ts";
import { threadFailure } from "../start.ts";
import { currentThread } from "../threads.ts";
import { AgentBar } from "./AgentBar.tsx";
import { ChoiceBar } from "./ChoiceBar.tsx";
import { Composer } from "./Composer.tsx";
import { DraftBar } from "./DraftBar.tsx";
import { MessageStream } from "./MessageStream.tsx";
import { ThreadHeader } from "./ThreadHeader.tsx";
import { ToolCallBar } from "./ToolCallBar.tsx";

export function ThreadPane() {
  const thread = currentThread.value;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !chosen.value || (event.target as Element).closest("dialog")) return;
    event.preventDefault();
    stopChoosing();
  };
  return (
    <section class="pane thread" aria-label="Conversation" onKeyDown={onKeyDown}>
      {thread ? <OpenThread thread={thread} /> : <NoThread />}
    </section>
  );
}

function OpenThread({ thread }: { thread: Thread }) {
  return (
    <>
      <ThreadHeader key={`${thread.id} header`} thread={thread} />
      <MessageStream key={thread.id} thread={thread} />
      {refusal.value?.threadId === thread.id && (
        <p class="failure" role="alert">
          {refusal.value.text}
        </p>
      )}
      {chosen.value && <ChoiceBar thread={thread} />}
      {!chosen.value && <AgentBar thread={thread} />}
      {!chosen.value && <DraftBar thread={thread} />}
      {!chosen.value && <ToolCallBar threadId={thread.id} />}
      {!chosen.value && <Composer key={`${thread.id} composer`} thread={thread} />}
    </>
  );
}

function NoThread() {
  const id = route.value.threadId;
  const failure = threadFailure.value;
  if (id && failure?.threadId === id) return <p class="empty">This conversation cannot be shown. {failure.text}</p>;
  if (id) return null;
  return (
    <p class="empty">
      Choose a conversation. <kbd>j</kbd> and <kbd>k</kbd> go through the list, <kbd>?</kbd> shows all keys.
    </p>
  );
}
