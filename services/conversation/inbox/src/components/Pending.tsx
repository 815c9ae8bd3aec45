import { useEffect, useState } from "preact/hooks";
import { me } from "../api.ts";
import type { PendingReply } from "../model.ts";
import { takeBack } from "../sending.ts";
import { FileNames } from "./Attachments.tsx";
import { Bubble } from "./MessageView.tsx";

/** A reply that has not left yet. Its seconds are for eyes only: `said` tells the others once. */
export function PendingView({ threadId, reply }: { threadId: string; reply: PendingReply }) {
  const left = useSecondsTo(reply.send_at);
  const mine = reply.author.id === me.value?.id;
  const when = left > 0 ? `in ${left} s` : "now";
  return (
    <div class="message ours pending" aria-live="off">
      {reply.text && <Bubble text={reply.text} />}
      <FileNames files={reply.attachments ?? []} />
      <p class="delivery">
        <span class="countdown">{mine ? `Goes out ${when}` : `${reply.author.name ?? "A teammate"} sends this ${when}`}</span>
        {mine && (
          <button type="button" class="link" onClick={() => void takeBack(threadId, reply)}>
            Undo <kbd>z</kbd>
          </button>
        )}
      </p>
    </div>
  );
}

function useSecondsTo(moment: string): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  return Math.max(0, Math.ceil((Date.parse(moment) - now) / 1_000));
}
