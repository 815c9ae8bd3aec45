import { channelWord } from "@onethread/browser/channels.ts";
import { EndFollower } from "@onethread/browser/follow-end.ts";
import { renderMarkdown, safeHref } from "@onethread/browser/markdown.ts";
import type { Unsent } from "@onethread/browser/outbox.ts";
import type { Author, Source, WidgetMessage } from "@onethread/browser/protocol.ts";
import { clock, day } from "@onethread/browser/time.ts";
import { h, type ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Chat } from "./chat.ts";
import { Files } from "./Files.tsx";
import { VerdictBar } from "./VerdictBar.tsx";

const GROUP_GAP = 10 * 60_000;

export function MessageLog({ chat }: { chat: Chat }) {
  const { messages, streaming, typing } = chat.timeline;
  const log = useScrollToEnd(chat);
  return (
    <div ref={log} class="log" role="log" aria-label="Messages" aria-busy={streaming.length > 0} tabIndex={0}>
      <p class="greeting">{chat.config.greeting || "Hello! Ask us anything. An AI assistant answers first, a person when you want one."}</p>
      {messages.map((message, index) => (
        <MessageItem key={message.client_id ?? message.id} chat={chat} message={message} before={messages[index - 1]} />
      ))}
      {chat.unsent.map((message) => (
        <UnsentItem key={message.client_id} message={message} waiting={chat.lost} retry={() => chat.retry(message.client_id)} />
      ))}
      {streaming.map((stream) => (
        <div key={stream.reply_id} class="item theirs" aria-busy="true">
          <p class="by ai">AI assistant</p>
          <Bubble text={stream.text} />
        </div>
      ))}
      {typing && <TypingDots author={typing} />}
    </div>
  );
}

interface MessageProps {
  chat: Chat;
  message: WidgetMessage;
  before: WidgetMessage | undefined;
}

function MessageItem({ chat, message, before }: MessageProps) {
  const item = useSighting(chat, message);
  if (message.author.kind === "system") return <p class="event">{message.text}</p>;
  const own = message.author.kind === "customer";
  const newDay = before && day(before.created_at) !== day(message.created_at);
  return (
    <>
      {newDay && <p class="event">{day(message.created_at)}</p>}
      <div ref={item} class={own ? "item own" : "item theirs"}>
        {!continues(message, before) && <Byline message={message} />}
        {message.text && <Bubble text={message.text} />}
        {message.attachments?.length ? <Files chat={chat} messageId={message.id} files={message.attachments} /> : null}
        {message.sources.length > 0 && <Sources sources={message.sources} />}
        {isAnswer(message) && <VerdictBar chat={chat} message={message} />}
      </div>
    </>
  );
}

/** A question back or a handoff rests on no source, and is nothing to judge. */
function isAnswer({ author, sources }: WidgetMessage): boolean {
  return author.kind === "agent" && sources.length > 0;
}

function continues(message: WidgetMessage, before: WidgetMessage | undefined): boolean {
  if (!before || before.author.kind !== message.author.kind || before.author.name !== message.author.name) return false;
  const gap = Date.parse(message.created_at) - Date.parse(before.created_at);
  return before.channel === message.channel && gap < GROUP_GAP;
}

function Byline({ message }: { message: WidgetMessage }) {
  const elsewhere = message.channel !== "widget";
  return (
    <p class={message.author.kind === "agent" ? "by ai" : "by"}>
      {authorName(message.author)}
      {elsewhere && <span> · {channelWord(message.channel)}</span>}
      <time dateTime={message.created_at}> · {clock(message.created_at)}</time>
    </p>
  );
}

function authorName(author: Author): string {
  if (author.kind === "customer") return "You";
  return author.kind === "agent" ? "AI assistant" : author.name || "Support team";
}

function Bubble({ text }: { text: string }) {
  return <div class="bubble">{renderMarkdown<ComponentChildren>(h as never, text)}</div>;
}

function Sources({ sources }: { sources: Source[] }) {
  return (
    <ul class="sources" aria-label="Sources">
      {sources.map((source) => (
        <li key={source.url ?? source.title}>
          <SourceLink source={source} />
        </li>
      ))}
    </ul>
  );
}

function SourceLink({ source }: { source: Source }) {
  const href = safeHref(source.url);
  if (!href) return <span>{source.title}</span>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {source.title}
    </a>
  );
}

interface UnsentProps {
  message: Unsent;
  waiting: boolean;
  retry(): void;
}

function UnsentItem({ message, waiting, retry }: UnsentProps) {
  const stuck = waiting || message.refusal !== undefined;
  return (
    <div class="item own unsent">
      <Bubble text={message.text} />
      <p class={stuck ? "by bad" : "by"}>
        {stuck ? `Not sent.${message.refusal ? ` ${message.refusal}` : ""} ` : "Sending…"}
        {stuck && (
          <button type="button" class="link" onClick={retry}>
            Retry
          </button>
        )}
      </p>
    </div>
  );
}

function TypingDots({ author }: { author: Author }) {
  return (
    <div class="item theirs">
      <p class={author.kind === "agent" ? "by ai" : "by"}>{authorName(author)} is writing</p>
      <div class="bubble dots" aria-hidden="true">
        <i />
        <i />
        <i />
      </div>
    </div>
  );
}

/** Tells the chat when a message of ours is within sight: half of it, or as much as fills half of the log. */
function useSighting(chat: Chat, { id, author }: WidgetMessage) {
  const item = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = item.current;
    if (!element || author.kind === "customer") return;
    const look = ([entry]: IntersectionObserverEntry[]) => {
      const { isIntersecting, intersectionRatio, intersectionRect, rootBounds } = entry!;
      const fills = rootBounds !== null && intersectionRect.height >= rootBounds.height / 2;
      chat.sighted(id, isIntersecting && (intersectionRatio >= 0.5 || fills));
    };
    const observer = new IntersectionObserver(look, { root: element.closest(".log"), threshold: [0, 0.1, 0.25, 0.5, 1] });
    observer.observe(element);
    return () => {
      observer.disconnect();
      chat.sighted(id, false);
    };
  }, [chat, id]);
  return item;
}

/** Follows the newest message, unless the customer has scrolled up to read; an own message always shows. */
function useScrollToEnd(chat: Chat) {
  const log = useRef<HTMLDivElement>(null);
  const follower = useRef<EndFollower | null>(null);
  const unsent = useRef(0);
  useLayoutEffect(() => {
    follower.current = new EndFollower(log.current!);
    return () => follower.current?.stop();
  }, []);
  useLayoutEffect(() => {
    follower.current?.settle(chat.unsent.length > unsent.current);
    unsent.current = chat.unsent.length;
  });
  return log;
}
