import { channelWord } from "@onethread/browser/channels.ts";
import { plainLine } from "@onethread/browser/markdown.ts";
import { age, fullTime } from "@onethread/browser/time.ts";
import { me } from "../api.ts";
import { now } from "../clock.ts";
import { draftOf } from "../drafts.ts";
import { customerName, MACHINES, needsPerson, type Priority, type Thread } from "../model.ts";
import { withDraft } from "../proposals.ts";
import { address, route } from "../route.ts";
import { isUnread } from "../seen.ts";
import { statusWords } from "../status.ts";
import { Avatar } from "./Icon.tsx";

const URGENCY: Partial<Record<Priority, string>> = { high: "High", urgent: "Urgent" };
const LATE = 60 * 60_000;

export function ThreadRow({ thread }: { thread: Thread }) {
  const name = customerName(thread.customer);
  const current = route.value.threadId === thread.id;
  const at = thread.last_message?.created_at ?? thread.created_at;
  return (
    <li class={isUnread(thread) ? "row" : "row read"} data-thread={thread.id}>
      <a href={address({ ...route.value, threadId: thread.id })} aria-current={current ? "true" : undefined}>
        <Avatar name={name} channel={thread.channel?.kind} />
        <b>
          {name}
          {isUnread(thread) && <span class="hidden"> (unread)</span>}
        </b>
        <span class="when">
          {URGENCY[thread.priority] && <span class={`priority ${thread.priority}`}>{URGENCY[thread.priority]}</span>}
          <time dateTime={at} title={fullTime(at)}>
            {age(at, now.value)}
          </time>
        </span>
        <span class="preview">{preview(thread)}</span>
        <span class="meta">
          {thread.channel && <span>{channelWord(thread.channel.kind)}</span>}
          <Doubt thread={thread} />
          {withDraft.value.has(thread.id) && <span class="ai-word">AI draft</span>}
          <Standing thread={thread} />
          {thread.tags.slice(0, 2).map((tag) => (
            <span key={tag} class="tag">
              {tag}
            </span>
          ))}
        </span>
      </a>
    </li>
  );
}

function preview(thread: Thread): string {
  const draft = draftOf(thread.id, "reply") || draftOf(thread.id, "note");
  if (draft) return `Draft: ${plainLine(draft)}`;
  if (!thread.last_message) return "";
  const { author, text } = thread.last_message;
  return speaker(author) + plainLine(text);
}

function speaker(author: NonNullable<Thread["last_message"]>["author"]): string {
  if (author.kind === "agent") return "AI: ";
  if (author.kind !== "teammate") return "";
  return author.id === me.value?.id ? "You: " : `${author.name ?? "Teammate"}: `;
}

/** What speaks against its sender. */
function Doubt({ thread }: { thread: Thread }) {
  if (thread.verdict === "forged") return <span class="asserted forged">Forged</span>;
  return thread.trust === "asserted" ? <span class="asserted">Not proven</span> : null;
}

/** Who holds the thread, and how long the customer has waited for a person. */
function Standing({ thread }: { thread: Thread }) {
  if (thread.status !== "open") return <span>{statusWords(thread)}</span>;
  const waited = thread.waiting_since ? now.value - Date.parse(thread.waiting_since) : 0;
  return (
    <>
      {thread.machine && <span>{MACHINES[thread.machine]}</span>}
      {!thread.assignee && !needsPerson(thread) && <span class="ai-word">AI answering</span>}
      {thread.handoff && needsPerson(thread) && <span class="ai-word">AI handed over</span>}
      {thread.waiting_since && (
        <span class={waited > LATE ? "waiting late" : "waiting"}>
          {waited < 60_000 ? "Waiting" : `Waiting ${age(thread.waiting_since, now.value)}`}
        </span>
      )}
      {thread.assignee && thread.assignee.id !== me.value?.id && <span>{thread.assignee.name}</span>}
    </>
  );
}
