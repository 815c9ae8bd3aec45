import { useState } from "preact/hooks";
import { assignToMe, closeAndGoOn, reopen } from "../acts.ts";
import { me } from "../api.ts";
import { overlay } from "../keys.ts";
import { customerName, type Thread } from "../model.ts";
import { startChoosing } from "../moving.ts";
import { address, route } from "../route.ts";
import { statusWords } from "../status.ts";
import { Icon } from "./Icon.tsx";
import { Menu } from "./Menu.tsx";
import { SnoozeMenu } from "./SnoozeMenu.tsx";
import { MergeThreadDialog } from "./ThreadPicker.tsx";

export function ThreadHeader({ thread }: { thread: Thread }) {
  const mine = thread.assignee?.id === me.value?.id;
  return (
    <header>
      <a class="back" href={address({ ...route.value, threadId: null })} aria-label="Back to the list">
        <Icon path="M15 5l-7 7 7 7" />
      </a>
      <h2>{customerName(thread.customer)}</h2>
      <span class="tag">{statusWords(thread)}</span>
      {thread.assignee && <span class="assignee quiet">{mine ? "Yours" : thread.assignee.name}</span>}
      <span class="acts">
        {!mine && (
          <button type="button" class="button" title="Assign to me (i)" onClick={() => void assignToMe(thread)}>
            Assign to me
          </button>
        )}
        {thread.status === "open" && <SnoozeMenu thread={thread} />}
        {thread.status !== "open" && (
          <button type="button" class="button" onClick={() => void reopen(thread)}>
            Reopen
          </button>
        )}
        {thread.status !== "closed" && (
          <button type="button" class="button" title="Close, go to the next (e)" onClick={() => closeAndGoOn(thread)}>
            Close
          </button>
        )}
        <More thread={thread} />
        <button type="button" class="button for-drawer" title="Customer (])" onClick={() => (overlay.value = "customer")}>
          <Icon path="M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0" />
          <span class="hidden">Customer</span>
        </button>
      </span>
    </header>
  );
}

function More({ thread }: { thread: Thread }) {
  const [merging, setMerging] = useState(false);
  const items = [
    { label: "Select messages", detail: "x", run: startChoosing },
    { label: "Merge another conversation…", run: () => setMerging(true) },
  ];
  return (
    <>
      <Menu label="More" items={items}>
        <Icon path="M5 12h.01M12 12h.01M19 12h.01" />
      </Menu>
      {merging && <MergeThreadDialog thread={thread} close={() => setMerging(false)} />}
    </>
  );
}
