import { channelWord } from "@onethread/browser/channels.ts";
import { renderMarkdown, safeHref } from "@onethread/browser/markdown.ts";
import { clock, fullTime } from "@onethread/browser/time.ts";
import { h, type ComponentChildren } from "preact";
import { me } from "../api.ts";
import { customerName, type Feedback, type Message, type Thread } from "../model.ts";
import { discard, retry, type Outgoing } from "../sending.ts";
import type { Item } from "../stream.ts";
import { trustOf } from "../trust.ts";
import type { Live } from "../writing.ts";
import { DeliveryState } from "./Delivery.tsx";

interface Props {
  item: Extract<Item, { kind: "message" }>;
  customer: Thread["customer"];
}

export function MessageView({ item: { message, first, last }, customer }: Props) {
  if (message.note) return <Note author={authorName(message, customer)} at={message.created_at} text={message.text} />;
  const ours = message.author.kind !== "customer";
  const trust = trustOf(message);
  return (
    <div class={`message ${ours ? "ours" : "theirs"} by-${message.author.kind}`}>
      {first && <Byline message={message} customer={customer} />}
      <Bubble text={message.text} />
      {trust?.open && <p class="unproven">{trust.text}</p>}
      {message.sources.length > 0 && <Sources sources={message.sources} />}
      {message.feedback && <FeedbackLine feedback={message.feedback} />}
      <DeliveryState message={message} last={last} />
    </div>
  );
}

function Byline({ message, customer }: { message: Message; customer: Thread["customer"] }) {
  const trust = trustOf(message);
  return (
    <p class="byline">
      {message.channel && <b class={`channel-${message.channel.kind}`}>{channelWord(message.channel.kind)}</b>}
      <span class="author">{authorName(message, customer)}</span>
      <time dateTime={message.created_at} title={fullTime(message.created_at)}>
        {clock(message.created_at)}
      </time>
      {trust && !trust.open && <span>{trust.text}</span>}
      {message.audience.shared && <span>seen by everyone in {message.audience.name ?? "this place"}</span>}
    </p>
  );
}

export function authorName({ author }: Message, customer: Thread["customer"]): string {
  if (author.kind === "agent") return "AI assistant";
  if (author.kind === "customer") return author.name || customerName(customer);
  return author.id === me.value?.id ? "You" : author.name || "Teammate";
}

export function Bubble({ text }: { text: string }) {
  return (
    <div class="bubble">
      <Words text={text} />
    </div>
  );
}

export function Words({ text }: { text: string }) {
  return <>{renderMarkdown<ComponentChildren>(h as never, text)}</>;
}

function FeedbackLine({ feedback }: { feedback: Feedback }) {
  const thumb = feedback.score > 0 ? "👍 The customer found this helpful" : "👎 The customer did not find this helpful";
  const words = feedback.scale === "thumbs" ? thumb : `The customer gave this ${feedback.score} of 5`;
  return <p class="feedback">{feedback.comment ? `${words}: “${feedback.comment}”` : words}</p>;
}

function Note({ author, at, text }: { author: string; at: string; text: string }) {
  return (
    <div class="note">
      <p class="head">
        Note · {author} <time dateTime={at}>{clock(at)}</time>
      </p>
      {renderMarkdown<ComponentChildren>(h as never, text)}
    </div>
  );
}

export function Sources({ sources }: { sources: Message["sources"] }) {
  return (
    <ul class="sources" aria-label="Sources">
      {sources.map((source) => {
        const href = safeHref(source.url);
        return (
          <li key={source.url ?? source.title}>
            {href ? (
              <a href={href} target="_blank" rel="noopener noreferrer">
                {source.title}
              </a>
            ) : (
              <span>{source.title}</span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

export function OutgoingView({ message }: { message: Outgoing }) {
  const copy = () => void navigator.clipboard.writeText(message.text);
  return (
    <div class="message ours outgoing">
      {message.note ? <Note author="You" at={message.created_at} text={message.text} /> : <Bubble text={message.text} />}
      {message.failure ? (
        <p class="delivery bad" role="alert">
          Not sent. {message.failure}{" "}
          <button type="button" class="link" onClick={() => retry(message)}>
            Retry
          </button>{" "}
          <button type="button" class="link" onClick={copy}>
            Copy
          </button>{" "}
          <button type="button" class="link" onClick={() => discard(message)}>
            Discard
          </button>
        </p>
      ) : (
        <p class="delivery">Sending…</p>
      )}
    </div>
  );
}

export function LiveAnswer({ answer }: { answer: Live }) {
  if (answer.author === "customer") return <p class="byline">The customer is writing…</p>;
  return (
    <div class="message ours by-agent" aria-busy="true">
      <p class="byline">
        <span class="author">AI assistant is writing</span>
      </p>
      {answer.text && <Bubble text={answer.text} />}
    </div>
  );
}
