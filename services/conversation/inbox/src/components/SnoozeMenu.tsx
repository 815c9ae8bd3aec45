import { useState } from "preact/hooks";
import { snoozeAndGoOn, waitAndGoOn } from "../acts.ts";
import type { Thread } from "../model.ts";
import { momentWords, snoozeChoices } from "../snooze.ts";
import { Dialog } from "./Dialog.tsx";
import { Menu } from "./Menu.tsx";

export function SnoozeMenu({ thread }: { thread: Thread }) {
  const [picking, setPicking] = useState(false);
  const now = new Date();
  const items = [
    ...snoozeChoices(now).map(({ label, until }) => ({
      label,
      detail: momentWords(until, now),
      run: () => snoozeAndGoOn(thread, until),
    })),
    { label: "Pick a time…", run: () => setPicking(true) },
    { label: "Until the customer answers", run: () => waitAndGoOn(thread) },
  ];
  return (
    <>
      <Menu label="Snooze" shortcut="h" items={items}>
        Snooze
      </Menu>
      {picking && <PickTime thread={thread} close={() => setPicking(false)} />}
    </>
  );
}

function PickTime({ thread, close }: { thread: Thread; close(): void }) {
  const [failure, setFailure] = useState("");
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault();
    const until = new Date(String(new FormData(event.currentTarget as HTMLFormElement).get("until")));
    if (!(until.getTime() > Date.now())) return setFailure("Pick a time that is still to come.");
    close();
    snoozeAndGoOn(thread, until);
  };
  return (
    <Dialog title="Snooze until" close={close}>
      <form onSubmit={onSubmit}>
        <label class="field">
          Date and time
          <input name="until" type="datetime-local" required />
        </label>
        <p class="failure" role="alert">
          {failure}
        </p>
        <div class="buttons">
          <button class="button primary">Snooze</button>
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}
