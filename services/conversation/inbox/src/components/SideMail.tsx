import { useState } from "preact/hooks";
import { api } from "../api.ts";
import { readAgain } from "../messages.ts";
import type { Thread } from "../model.ts";
import { address, route } from "../route.ts";
import { statusWord } from "../status.ts";
import { currentDetail, reasonOf } from "../threads.ts";
import { show } from "../toasts.ts";
import { Dialog } from "./Dialog.tsx";

/** Asking a third party about a conversation, without its customer. */
export function SideMail({ thread }: { thread: Thread }) {
  const [writing, setWriting] = useState(false);
  if (thread.side_of_id) return <SideOf threadId={thread.side_of_id} />;
  const sides = currentDetail.value?.sides ?? [];
  return (
    <section>
      <h3>Side mail</h3>
      <ul class="others">
        {sides.map((side) => (
          <li key={side.id}>
            <a href={address({ view: route.value.view, threadId: side.id })}>
              {side.to}: {side.subject}
            </a>{" "}
            <span class="quiet">{statusWord(side.status)}</span>
          </li>
        ))}
      </ul>
      <button type="button" class="button" onClick={() => setWriting(true)}>
        Ask somebody else by mail…
      </button>
      {writing && (
        <Dialog title="Ask somebody else by mail" close={() => setWriting(false)}>
          <SideMailForm threadId={thread.id} close={() => setWriting(false)} />
        </Dialog>
      )}
    </section>
  );
}

function SideOf({ threadId }: { threadId: string }) {
  return (
    <section>
      <h3>Side mail</h3>
      <p class="quiet">
        This is with a third party. The customer sees none of it.{" "}
        <a href={address({ view: route.value.view, threadId })}>Open the customer's conversation</a>
      </p>
    </section>
  );
}

function SideMailForm({ threadId, close }: { threadId: string; close(): void }) {
  const [failure, setFailure] = useState("");
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const said = new FormData(event.currentTarget as HTMLFormElement);
    const [to = "", subject = "", text = ""] = ["to", "subject", "text"].map((name) => String(said.get(name)).trim());
    try {
      await api.sideMail(threadId, { to, subject, text });
      close();
      show({ text: `Sent to ${to}. The answer will be told in this conversation.` });
      await readAgain(threadId);
    } catch (error) {
      setFailure(`Not sent. ${reasonOf(error)}`);
    }
  };
  return (
    <form class="stack" onSubmit={send}>
      <p class="quiet">The customer sees none of it, and nothing of the conversation goes along but what you write.</p>
      <label class="field">
        To
        <input name="to" type="email" required autofocus />
      </label>
      <label class="field">
        Subject
        <input name="subject" required maxLength={200} />
      </label>
      <label class="field">
        Message
        <textarea name="text" rows={6} required maxLength={50_000} />
      </label>
      <p class="failure" role="alert">
        {failure}
      </p>
      <div class="buttons">
        <button class="button primary">Send</button>
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}
