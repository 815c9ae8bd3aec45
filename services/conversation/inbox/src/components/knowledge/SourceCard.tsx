import { age, fullTime } from "@onethread/browser/time.ts";
import { useEffect, useRef, useState } from "preact/hooks";
import { isAdministrator } from "../../api.ts";
import { now } from "../../clock.ts";
import { everyWords, REACH, SOURCE_KINDS, type Source } from "../../knowledge-model.ts";
import { knowledge } from "../../knowledge.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { ConfirmDialog } from "./ConfirmDialog.tsx";
import { State } from "./Frame.tsx";
import { ChangeSourceDialog } from "./SourceForm.tsx";
import { SourcePages } from "./SourcePages.tsx";
import { FilesDropped } from "./Uploads.tsx";

interface Props {
  source: Source;
  /** It is the one that was looked for. */
  opened: boolean;
  changed(): Promise<void>;
}

export function SourceCard({ source, opened, changed }: Props) {
  const card = useRef<HTMLLIElement>(null);
  useEffect(() => void (opened && card.current?.scrollIntoView({ block: "nearest" })), [opened]);
  return (
    <li ref={card} class="card" aria-current={opened ? "true" : undefined}>
      <div class="head">
        <h2>{source.name}</h2>
        <SourceState source={source} />
      </div>
      <p class="quiet">
        {SOURCE_KINDS[source.kind]} · {REACH[source.audience]}
        {source.locale && ` · ${source.locale}`}
        {source.branch && ` · branch ${source.branch}`}
        {source.folder && ` · folder ${source.folder}`}
      </p>
      {source.url && (
        <p class="address">
          <a href={source.url} target="_blank" rel="noopener noreferrer">
            {source.url}
          </a>
        </p>
      )}
      <Reached source={source} />
      {source.reason && <p class="failure">The last reading failed. {source.reason}</p>}
      {isAdministrator() && source.kind === "upload" && (
        <FilesDropped source={source.id} name={source.name} done={changed} />
      )}
      <SourcePages source={source} changed={changed} />
      {isAdministrator() && source.kind !== "api" && <Acts source={source} changed={changed} />}
    </li>
  );
}

function SourceState({ source: { state, progress } }: { source: Source }) {
  if (state === "syncing") return <State kind="busy">Reading now</State>;
  if (state === "waiting") return <State kind="busy">Waits to be read</State>;
  if (state === "failed") return <State kind="bad">Failed</State>;
  return progress.failed ? <State kind="bad">{progress.failed} not read</State> : <State kind="ok">Up to date</State>;
}

/** How far the reading is, or what came of the last one, and when the next is. */
function Reached({ source }: { source: Source }) {
  const { progress, state, documents, last_synced, next_sync, every } = source;
  const done = progress.read + progress.failed;
  return (
    <>
      {state === "syncing" && (
        <label class="progress">
          <progress max={Math.max(progress.total, done, 1)} value={done} />
          <span>{progress.total ? `${done} of ${Math.max(progress.total, done)} pages` : "Looking for pages"}</span>
        </label>
      )}
      <p class="facts">
        <span>{count(documents, "article")}</span>
        {last_synced && <span title={fullTime(last_synced)}>read {passed(last_synced)}</span>}
        {(source.kind === "website" || source.kind === "git") && <span>{everyWords(every).toLowerCase()}</span>}
        {next_sync && state !== "waiting" && <span title={fullTime(next_sync)}>next {until(next_sync)}</span>}
      </p>
    </>
  );
}

export const count = (number: number, word: string): string => `${number.toLocaleString()} ${word}${number === 1 ? "" : "s"}`;

function passed(iso: string): string {
  const words = age(iso, now.value);
  return words === "now" ? "just now" : /^\d+[mhd]$/.test(words) ? `${words} ago` : words;
}

function until(iso: string): string {
  const minutes = Math.max(1, Math.round((Date.parse(iso) - now.value) / 60_000));
  if (minutes < 90) return `in ${minutes} min`;
  return minutes < 36 * 60 ? `in ${Math.round(minutes / 60)} h` : `in ${Math.round(minutes / 1440)} days`;
}

function Acts({ source, changed }: { source: Source; changed(): Promise<void> }) {
  const [dialog, setDialog] = useState<"change" | "remove" | null>(null);
  const sync = async () => {
    try {
      await knowledge.sync(source.id);
      await changed();
    } catch (error) {
      show({ text: `Not read. ${reasonOf(error)}`, failed: true });
    }
  };
  const remove = async () => {
    await knowledge.removeSource(source.id);
    show({ text: `${source.name} is removed. Its articles are out of search.` });
    await changed();
  };
  return (
    <div class="buttons">
      <button type="button" class="button" aria-label={`Read ${source.name} now`} onClick={() => void sync()}>
        {source.kind === "upload" ? "Read failed files again" : "Read now"}
      </button>
      <button type="button" class="button" aria-label={`Change ${source.name}`} onClick={() => setDialog("change")}>
        Change…
      </button>
      <button type="button" class="button" aria-label={`Remove ${source.name}`} onClick={() => setDialog("remove")}>
        Remove…
      </button>
      {dialog === "change" && <ChangeSourceDialog source={source} close={() => setDialog(null)} changed={changed} />}
      {dialog === "remove" && (
        <ConfirmDialog title={`Remove ${source.name}?`} act="Remove it" run={remove} close={() => setDialog(null)}>
          <p>
            {count(source.documents, "article")} of it will be out of every search at once: the AI no longer answers from
            them. {source.kind === "upload" ? "The uploaded files are deleted here." : "Where they come from, nothing is changed."}
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
}
