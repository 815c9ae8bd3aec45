import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Attachment, Message } from "../model.ts";
import { Words } from "./MessageView.tsx";

/** Elements that say nothing which the text does not say too. */
const BARE = /<\/?(?:p|br|div|span)(?: [^>]*)?>/g;

/** Whether the mail is more than its text: it has a picture, a table, a link, a history to unfold. */
export function isLaidOut({ html, author }: Message): boolean {
  return author.kind === "customer" && Boolean(html?.replaceAll(BARE, "").includes("<"));
}

/** The attachments that do not stand in the mail itself. */
export const besides = ({ html }: Message, files: readonly Attachment[]): Attachment[] =>
  files.filter(({ sha256 }) => !html?.includes(` data-file="${sha256}"`));

/** A mail as it was sent. Pictures of other servers wait until somebody asks for them. */
export function Mail({ message }: { message: Message }) {
  const [asSent, setAsSent] = useState(true);
  const [pictures, setPictures] = useState(false);
  const waiting = asSent && !pictures && Boolean(message.html?.includes(" data-picture="));
  return (
    <>
      <div class="bubble mail">
        {asSent ? <Page key={pictures} message={message} pictures={pictures} /> : <Said message={message} />}
      </div>
      <p class="mail-acts">
        {waiting && (
          <button
            type="button"
            class="link"
            title="Their server learns that the mail is read, but not by whom"
            onClick={() => setPictures(true)}
          >
            Show pictures
          </button>
        )}
        <button type="button" class="link" onClick={() => setAsSent(!asSent)}>
          {asSent ? "Plain text" : "As it was sent"}
        </button>
      </p>
    </>
  );
}

/** The text stands there until the page has come, and stays where it does not come. */
function Page({ message, pictures }: { message: Message; pictures: boolean }) {
  const frame = useRef<HTMLIFrameElement>(null);
  const [height, follow] = useHeight(frame);
  return (
    <>
      {height === null && <Said message={message} />}
      <iframe
        ref={frame}
        title={`Mail of ${message.author.name ?? "the customer"}`}
        src={`/api/v1/messages/${message.id}/page${pictures ? "?pictures=true" : ""}`}
        sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
        loading="lazy"
        referrerpolicy="no-referrer"
        class={height === null ? "coming" : undefined}
        style={height === null ? undefined : { blockSize: `${height}px` }}
        onLoad={follow}
      />
    </>
  );
}

function Said({ message }: { message: Message }) {
  return (
    <div class="words">
      <Words text={message.text} />
    </div>
  );
}

/** As high as its page, also when something is unfolded there. The page runs no scripts: it is measured from here. */
function useHeight(frame: { current: HTMLIFrameElement | null }): [number | null, () => void] {
  const [height, setHeight] = useState<number | null>(null);
  const observer = useRef<ResizeObserver | null>(null);
  useLayoutEffect(() => () => observer.current?.disconnect(), []);
  useLayoutEffect(() => {
    if (height !== null) frame.current?.dispatchEvent(new Event("resize", { bubbles: true }));
  }, [height]);
  const follow = (): void => {
    const page = frame.current?.contentDocument;
    if (page?.title !== "Mail") return;
    const fit = (): void => {
      const bar = (page.defaultView?.innerHeight ?? 0) - page.documentElement.clientHeight;
      setHeight(Math.ceil(page.body.getBoundingClientRect().height) + bar);
    };
    observer.current?.disconnect();
    observer.current = new ResizeObserver(fit);
    observer.current.observe(page.body);
  };
  return [height, follow];
}
