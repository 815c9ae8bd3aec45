import { channelIcon } from "@onethread/browser/channels.ts";
import { EndFollower } from "@onethread/browser/follow-end.ts";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { handoffWords } from "../agent-model.ts";
import { currentConversation, loadMessages } from "../messages.ts";
import type { Thread } from "../model.ts";
import { chosen } from "../moving.ts";
import { pendingOf } from "../pending.ts";
import { handoffOf, insert } from "../proposals.ts";
import { outgoing } from "../sending.ts";
import { streamOf, type Item } from "../stream.ts";
import { live } from "../writing.ts";
import { Choosable, useChoosing } from "./Choosable.tsx";
import { SuggestedReply } from "./DraftBar.tsx";
import { Icon } from "./Icon.tsx";
import { LiveAnswer, MessageView, OutgoingView } from "./MessageView.tsx";
import { PendingView } from "./Pending.tsx";

/** Lines drawn at once, so that a long history costs no more than a short one. */
const WINDOW = 60;

export function MessageStream({ thread }: { thread: Thread }) {
  const [shown, setShown] = useState(WINDOW);
  const conversation = currentConversation.value;
  const items = streamOf(conversation?.messages ?? [], thread.handoff);
  const mine = outgoing.value.filter((message) => message.thread_id === thread.id);
  const answer = live.value.get(thread.id);
  const held = pendingOf(thread.id);
  const log = useFollowedEnd(mine.length + held.length);
  useChoosing(log);
  return (
    <div ref={log} class="stream" role="log" aria-label="Messages" aria-busy={Boolean(answer?.text)} tabIndex={0}>
      {items.length > shown && (
        <button type="button" class="button more" onClick={() => setShown(shown + WINDOW)}>
          Show earlier messages
        </button>
      )}
      {items.slice(-shown).map((item) => (
        <Line key={item.key} item={item} thread={thread} />
      ))}
      {held.map((reply) => (
        <PendingView key={reply.id} threadId={thread.id} reply={reply} />
      ))}
      {mine.map((message) => (
        <OutgoingView key={message.key} message={message} />
      ))}
      {answer && <LiveAnswer answer={answer} />}
      {conversation?.state === "failed" && <LoadFailure threadId={thread.id} reason={conversation.reason} />}
    </div>
  );
}

function Line({ item, thread }: { item: Item; thread: Thread }) {
  if (item.kind === "message" && chosen.value) return <Choosable item={item} customer={thread.customer} />;
  if (item.kind === "message") return <MessageView item={item} customer={thread.customer} />;
  if (item.kind === "continued") return <Continued channel={item.channel} />;
  if (item.kind === "handoff") return <HandoffCard thread={thread} handoff={item.handoff} />;
  return <p class="day">{item.kind === "day" ? item.label : item.text}</p>;
}

const CONTINUED: Record<string, string> = { widget: "in the chat", email: "by email", slack: "on Slack" };

function Continued({ channel }: { channel: string }) {
  return (
    <p class="rule">
      <span class={`channel-${channel}`}>
        <Icon path={channelIcon(channel)} />
      </span>
      Continued {CONTINUED[channel] ?? `on ${channel}`}
    </p>
  );
}

function HandoffCard({ thread, handoff }: { thread: Thread; handoff: NonNullable<Thread["handoff"]> }) {
  const proposal = handoffOf(thread.id);
  const why = [proposal?.handoff && handoffWords(proposal.handoff), handoff.reason.replaceAll("_", " ")].filter(Boolean);
  return (
    <section class="handoff" aria-label="Handoff">
      <strong>AI handed over · {why.join(" · ")}</strong>
      {handoff.summary && <p>{handoff.summary}</p>}
      {proposal?.suggested_reply && (
        <>
          <SuggestedReply text={proposal.suggested_reply} />
          <button type="button" class="button" onClick={() => insert(thread.id, proposal.suggested_reply)}>
            Insert the suggested reply
          </button>
        </>
      )}
    </section>
  );
}

function LoadFailure({ threadId, reason }: { threadId: string; reason: string | undefined }) {
  return (
    <p class="failure" role="alert">
      Could not load the messages. {reason}{" "}
      <button type="button" class="link" onClick={() => void loadMessages(threadId)}>
        Retry
      </button>
    </p>
  );
}

function useFollowedEnd(own: number) {
  const log = useRef<HTMLDivElement>(null);
  const follower = useRef<EndFollower | null>(null);
  const before = useRef(own);
  useLayoutEffect(() => {
    const element = log.current!;
    const grown = () => follower.current?.settle();
    follower.current = new EndFollower(element);
    element.addEventListener("resize", grown);
    return () => {
      follower.current?.stop();
      element.removeEventListener("resize", grown);
    };
  }, []);
  useLayoutEffect(() => {
    follower.current?.settle(own > before.current);
    before.current = own;
  });
  return log;
}
