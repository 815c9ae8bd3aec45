import { useEffect, useRef, useState } from "preact/hooks";
import { attach, detach, type Attached } from "../attaching.ts";
import { sizeOf } from "../attachments.ts";
import type { Mode } from "../drafts.ts";
import { Icon } from "./Icon.tsx";

const CLIP = "M20.5 11.5l-8.6 8.6a5.4 5.4 0 0 1-7.7-7.7l8.9-8.9a3.6 3.6 0 0 1 5.1 5.1l-8.8 8.8a1.8 1.8 0 0 1-2.6-2.6l8-8";

interface Props {
  threadId: string;
  mode: Mode;
}

/** What goes along with the message, and how far it is. */
export function ComposerFiles({ threadId, mode, files }: Props & { files: readonly Attached[] }) {
  if (!files.length) return null;
  return (
    <ul class="composer-files" aria-label="Files that go along">
      {files.map((one) => (
        <li key={one.key} class={one.reason ? "refused" : undefined}>
          {one.picture && <img src={one.picture} alt="" />}
          <span class="what">
            <span class="name" title={one.name}>
              {one.name}
            </span>
            {one.reason ? <small role="alert">Not attached: {one.reason}</small> : <small>{howFar(one)}</small>}
          </span>
          {!one.file && !one.reason && <progress value={one.share} aria-label={`${one.name} on its way`} />}
          <button type="button" class="plain" aria-label={`Remove ${one.name}`} onClick={() => detach(threadId, mode, one)}>
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}

const howFar = ({ file, share, size }: Attached): string =>
  file ? sizeOf(size) : `${Math.floor(share * 100)} % of ${sizeOf(size)}`;

export function AttachButton({ threadId, mode }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const take = (chosen: HTMLInputElement) => {
    attach(threadId, mode, [...(chosen.files ?? [])]);
    chosen.value = ""; // The same file may be chosen again.
  };
  return (
    <>
      <button type="button" class="button attach" aria-label="Attach files" title="Attach files" onClick={() => field.current!.click()}>
        <Icon path={CLIP} />
      </button>
      <input ref={field} type="file" multiple hidden aria-label="Files" onChange={(event) => take(event.currentTarget)} />
    </>
  );
}

/** Files may be dropped anywhere: beside the composer the browser would leave the page for them. Returns whether some
 * are held above it. */
export function useDrop(take: ((files: File[]) => void) | undefined): boolean {
  const [over, setOver] = useState(false);
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    const listening = new AbortController();
    const on = (event: "dragover" | "dragleave" | "drop", then: (event: DragEvent) => void) =>
      addEventListener(event, (dragged) => dragged.dataTransfer?.types.includes("Files") && then(dragged), listening);
    on("dragover", (event) => (event.preventDefault(), setOver(latest.current !== undefined)));
    on("dragleave", (event) => event.relatedTarget === null && setOver(false));
    on("drop", (event) => {
      event.preventDefault();
      setOver(false);
      latest.current?.([...event.dataTransfer!.files]);
    });
    return () => listening.abort();
  }, []);
  return over;
}

/** A picture that is pasted is attached. Programs that copy text put a picture of it beside it: the text is meant. */
export function pasted(event: ClipboardEvent): File[] {
  const held = event.clipboardData;
  return !held || held.types.includes("text/plain") ? [] : [...held.files];
}
