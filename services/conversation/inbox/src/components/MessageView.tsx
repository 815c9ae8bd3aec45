import { channelWord } from "@onethread/browser/channels.ts";
import { renderMarkdown, safeHref } from "@onethread/browser/markdown.ts";
import { clock, fullTime } from "@onethread/browser/time.ts";
import { h, type ComponentChildren } from "preact";
import { me } from "../api.ts";
import { discard, retry, type Live, type Outgoing } from "../messages.ts";
import { customerName, type Delivery, type Message, type Thread } from "../model.ts";
import type { Item } from "../stream.ts";

interface Props {
  item: Extract<Item, { kind: "message" }>;
  customer: Thread["customer"];
}

export function MessageView({ item: { message, first, last }, customer }: Props) {
  if (message.note) return <Note author={authorName(message, customer)} at={message.created_at} text={message.text} />;
  const ours = message.author.kind !== "customer";
  return (
    <div class={`message ${ours ? "ours" : "theirs"} by-${message.author.kind}`}>
      {first && <Byline message={message} customer={customer} />}
      <Bubble text={message.text} />
      <Unproven message={message} />
      {message.sources.length > 0 && <Sources sources={message.sources} />}
      {message.delivery && <DeliveryState delivery={message.delivery} last={last} />}
    </div>
  );
}

function Byline({ message, customer }: { message: Message; customer: Thread["customer"] }) {
  return (
    <p class="byline">
      {message.channel && <b class={`channel-${message.channel.kind}`}>{channelWord(message.channel.kind)}</b>}
      <span class="author">{authorName(message, customer)}</span>
      <time dateTime={message.created_at} title={fullTime(message.created_at)}>
        {clock(message.created_at)}
      </time>
      {message.audience.shared && <span>seen by everyone in {message.audience.name ?? "this place"}</span>}
    </p>
  );
}

function authorName({ author }: Message, customer: Thread["customer"]): string {
  if (author.kind === "agent") return "AI assistant";
  if (author.kind === "customer") return author.name || customerName(customer);
  return author.id === me.value?.id ? "You" : author.name || "Teammate";
}

function Bubble({ text }: { text: string }) {
  return <div class="bubble">{renderMarkdown<ComponentChildren>(h as never, text)}</div>;
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

/** A claimed address proves nothing; whoever answers must see that at the message itself. */
function Unproven({ message: { identity, channel, author } }: { message: Message }) {
  const claims = identity?.kind === "email" || identity?.kind === "site_user";
  if (author.kind !== "customer" || identity?.trust !== "asserted" || !claims) return null;
  const what = channel?.kind === "email" ? "mail" : "message";
  return (
    <p class="unproven">
      Not verified: this {what} only claims to be from {identity.value}.
    </p>
  );
}

function Sources({ sources }: { sources: Message["sources"] }) {
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

const DELIVERY: Record<Delivery["state"], string> = {
  queued: "Sending…",
  sent: "Sent",
  delivered: "Delivered",
  failed: "Not delivered",
};

function DeliveryState({ delivery: { state, reason }, last }: { delivery: Delivery; last: boolean }) {
  if (!last && state !== "failed") return null;
  return (
    <p class={state === "failed" ? "delivery bad" : "delivery"}>
      {DELIVERY[state]}
      {reason && `: ${reason}`}
    </p>
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
