import { assignToMe, closeAndGoOn, refusal, reopen } from "../acts.ts";
import { me } from "../api.ts";
import { overlay } from "../keys.ts";
import { customerName, type Thread } from "../model.ts";
import { address, route } from "../route.ts";
import { threadFailure } from "../start.ts";
import { currentThread } from "../threads.ts";
import { AgentBar } from "./AgentBar.tsx";
import { Composer } from "./Composer.tsx";
import { Icon } from "./Icon.tsx";
import { MessageStream } from "./MessageStream.tsx";

export function ThreadPane() {
  const thread = currentThread.value;
  return (
    <section class="pane thread" aria-label="Conversation">
      {thread ? <OpenThread thread={thread} /> : <NoThread />}
    </section>
  );
}

function OpenThread({ thread }: { thread: Thread }) {
  return (
    <>
      <ThreadHeader thread={thread} />
      <MessageStream key={thread.id} thread={thread} />
      {refusal.value?.threadId === thread.id && (
        <p class="failure" role="alert">
          {refusal.value.text}
        </p>
      )}
      <AgentBar thread={thread} />
      <Composer key={`${thread.id} composer`} thread={thread} />
    </>
  );
}

function ThreadHeader({ thread }: { thread: Thread }) {
  const mine = thread.assignee?.id === me.value?.id;
  return (
    <header>
      <a class="back" href={address({ ...route.value, threadId: null })} aria-label="Back to the list">
        <Icon path="M15 5l-7 7 7 7" />
      </a>
      <h2>{customerName(thread.customer)}</h2>
      <span class="tag">{statusWord(thread)}</span>
      {thread.assignee && <span class="assignee quiet">{mine ? "Yours" : thread.assignee.name}</span>}
      <span class="acts">
        {!mine && (
          <button type="button" class="button" title="Assign to me (i)" onClick={() => void assignToMe(thread)}>
            Assign to me
          </button>
        )}
        {thread.status === "closed" ? (
          <button type="button" class="button" onClick={() => void reopen(thread)}>
            Reopen
          </button>
        ) : (
          <button type="button" class="button" title="Close, go to the next (e)" onClick={() => closeAndGoOn(thread)}>
            Close
          </button>
        )}
        <button type="button" class="button for-drawer" title="Customer (])" onClick={() => (overlay.value = "customer")}>
          Customer
        </button>
      </span>
    </header>
  );
}

function statusWord(thread: Thread): string {
  return thread.status.charAt(0).toUpperCase() + thread.status.slice(1);
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
