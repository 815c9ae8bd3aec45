import { useId, useRef, useState } from "preact/hooks";
import { sendAll, sentTo, type Sent } from "../../uploading.ts";
import { State } from "./Frame.tsx";

const READABLE = ".md,.markdown,.html,.htm,.pdf,.docx,.csv,.tsv,.txt,.rst";

interface Props {
  source: string;
  name: string;
  /** Called after each file. */
  done(): Promise<void>;
}

/** Files by a button or dropped here: one after the other, each with how far it is and what came of it. */
export function FilesDropped({ source, name, done }: Props) {
  const [over, setOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const what = useId();
  const onDrop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    void sendAll(source, [...(event.dataTransfer?.files ?? [])], done);
  };
  return (
    <div
      class={over ? "drop over" : "drop"}
      onDragOver={(event) => (event.preventDefault(), setOver(true))}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
    >
      <p id={what}>Drop files here: Markdown, HTML, PDF, Word, CSV of questions and answers, text. Up to 20 MB each.</p>
      <button type="button" class="button" aria-describedby={what} onClick={() => chooser.current!.click()}>
        Upload files to {name}
      </button>
      <input
        ref={chooser}
        type="file"
        multiple
        hidden
        accept={READABLE}
        aria-label={`Files for ${name}`}
        onChange={({ currentTarget }) => {
          const files = [...(currentTarget.files ?? [])];
          currentTarget.value = ""; // The same file can be chosen again.
          void sendAll(source, files, done);
        }}
      />
      <ul class="pages" aria-label={`Sent to ${name}`} aria-live="polite">
        {sentTo.value[source]?.map((sent, at) => (
          <SentLine key={at} sent={sent} />
        ))}
      </ul>
    </div>
  );
}

function SentLine({ sent: { name, share, result, reason } }: { sent: Sent }) {
  return (
    <li>
      {result === "kept" && <State kind="ok">Kept</State>}
      {result === "refused" && <State kind="bad">Not kept</State>}
      {result === "on its way" && <progress aria-label={name} max={1} value={share} />}
      <span class="name">
        {name}
        {reason && <span class="reason">{reason}</span>}
      </span>
    </li>
  );
}
