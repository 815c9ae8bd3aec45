import { channelWord } from "@onethread/browser/channels.ts";
import { renderMarkdown, safeHref } from "@onethread/browser/markdown.ts";
import { clock, fullTime } from "@onethread/browser/time.ts";
import { h, type ComponentChildren } from "preact";
import { me } from "../api.ts";
import { customerName, MACHINES, type Feedback, type Machine, type Message, type Thread } from "../model.ts";
import { address, route } from "../route.ts";
import { discard, retry, type Outgoing } from "../sending.ts";
import type { Item } from "../stream.ts";
import { trustOf } from "../trust.ts";
import type { Live } from "../writing.ts";
import { Attachments, FileNames } from "./Attachments.tsx";
import { DeliveryState } from "./Delivery.tsx";
import { besides, isLaidOut, Mail } from "./Mail.tsx";
import { Warning } from "./Warning.tsx";

interface Props {
  item: Extract<Item, { kind: "message" }>;
  customer: Thread["customer"];
}

export function MessageView({ item: { message, files, first, last, subject }, customer }: Props) {
  if (message.note)
    return (
      <Note author={authorName(message, customer)} at={message.created_at} text={message.text}>
        <Attachments message={message} files={files} />
      </Note>
    );
  const ours = message.author.kind !== "customer";
  const trust = trustOf(message);
  const laidOut = isLaidOut(message);
  const by = message.machine && ASIDE.includes(message.machine) && MACHINES[message.machine];
  const said = laidOut ? <Mail message={message} /> : message.text || !files.length ? <Bubble text={message.text} /> : null;
  return (
    <div class={`message ${ours ? "ours" : "theirs"} by-${message.author.kind}`}>
      {first && <Byline message={message} customer={customer} />}
      {trust?.open && <p class={trust.forged ? "unproven forged" : "unproven"}>{trust.text}</p>}
      {subject && <p class="subject">{subject}</p>}
      {message.warnings?.map((warning) => <Warning key={warning}>{warning}</Warning>)}
      {by ? <ByMachine what={by} text={message.text}>{said}</ByMachine> : said}
      <Attachments message={message} files={laidOut ? besides(message, files) : files} />
      <Remarks message={message} />
      {message.sources.length > 0 && <Sources sources={message.sources} />}
      {message.feedback && <FeedbackLine feedback={message.feedback} />}
      <DeliveryState message={message} last={last} />
    </div>
  );
}

function Remarks({ message: { remarks, may_belong_to } }: { message: Message }) {
  if (!remarks?.length) return null;
  return (
    <p class="remarks">
      {remarks.join(" ")}
      {may_belong_to && (
        <>
          {" "}
          <a href={address({ view: route.value.view, threadId: may_belong_to })}>Open that conversation</a>
        </>
      )}
    </p>
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

/** What says nothing to a teammate. A list or a contact form brings what people wrote. */
const ASIDE: Machine[] = ["auto_reply", "bounce", "complaint"];

/** It takes no more than a line, until somebody wants to read it. */
function ByMachine({ what, text, children }: { what: string; text: string; children: ComponentChildren }) {
  return (
    <details class="by-machine">
      <summary>
        {what}
        <span class="start">{text.slice(0, 120)}</span>
      </summary>
      {children}
    </details>
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

interface NoteProps {
  author: string;
  at: string;
  text: string;
  children?: ComponentChildren;
}

function Note({ author, at, text, children }: NoteProps) {
  return (
    <div class="note">
      <p class="head">
        Note · {author} <time dateTime={at}>{clock(at)}</time>
      </p>
      {renderMarkdown<ComponentChildren>(h as never, text)}
      {children}
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
      {message.note ? (
        <Note author="You" at={message.created_at} text={message.text} />
      ) : (
        (message.text || !message.files) && <Bubble text={message.text} />
      )}
      <FileNames files={message.files ?? []} />
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
