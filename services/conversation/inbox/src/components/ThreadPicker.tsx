import { channelWord } from "@onethread/browser/channels.ts";
import { plainLine } from "@onethread/browser/markdown.ts";
import { age } from "@onethread/browser/time.ts";
import { useState } from "preact/hooks";
import { now } from "../clock.ts";
import { currentCustomer } from "../customers.ts";
import type { Thread, ThreadSummary } from "../model.ts";
import { mergeThread, move } from "../moving.ts";
import { statusWord } from "../status.ts";
import { threads } from "../threads.ts";
import { Dialog } from "./Dialog.tsx";

interface DialogProps {
  thread: Thread;
  close(): void;
}

export function MoveDialog({ thread, close }: DialogProps) {
  return (
    <PickerDialog
      title="Move to another conversation"
      does="Move"
      thread={thread}
      close={close}
      pick={(other) => move(thread.id, other)}
    >
      The chosen messages go there, at the time at which they were said.
    </PickerDialog>
  );
}

export function MergeThreadDialog({ thread, close }: DialogProps) {
  return (
    <PickerDialog
      title="Merge another conversation"
      does="Merge"
      thread={thread}
      close={close}
      pick={(other) => mergeThread(thread.id, other)}
    >
      All its messages come into this conversation, and it goes on here.
    </PickerDialog>
  );
}

interface PickerProps extends DialogProps {
  title: string;
  does: string;
  children: string;
  pick(threadId: string): Promise<boolean>;
}

function PickerDialog({ title, does, thread, close, pick, children }: PickerProps) {
  const [picked, setPicked] = useState<string | null>(null);
  const known = currentCustomer.value;
  const others = known && "customer" in known ? known.customer.threads.filter(({ id }) => id !== thread.id) : [];
  const onSubmit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (picked && (await pick(picked))) close();
  };
  return (
    <Dialog title={title} close={close}>
      <form onSubmit={onSubmit}>
        <p class="quiet">{others.length ? children : "This customer has no other conversation."}</p>
        <fieldset class="picker">
          <legend class="hidden">Conversation</legend>
          {others.map((one) => (
            <label key={one.id}>
              <input
                type="radio"
                name="thread"
                value={one.id}
                required
                checked={picked === one.id}
                onChange={() => setPicked(one.id)}
              />
              <ThreadLine summary={one} />
            </label>
          ))}
        </fieldset>
        <div class="buttons">
          {others.length > 0 && <button class="button primary">{does}</button>}
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** A conversation in a line or two: what it is about, its state, its channel, its age. */
export function ThreadLine({ summary }: { summary: ThreadSummary }) {
  const known = { ...summary, ...threads.value.get(summary.id) };
  const about = known.topic || summary.subject || plainLine(known.last_message?.text ?? "");
  return (
    <span class="thread-line">
      {about && <span class="about">{about}</span>}
      <span class="quiet">
        {statusWord(summary.status)}
        {known.channel && ` · ${channelWord(known.channel.kind)}`} · {age(summary.updated_at, now.value)}
      </span>
    </span>
  );
}
