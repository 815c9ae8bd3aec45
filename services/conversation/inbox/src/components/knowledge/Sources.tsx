import { useState } from "preact/hooks";
import { isAdministrator } from "../../api.ts";
import type { Source } from "../../knowledge-model.ts";
import { knowledge } from "../../knowledge.ts";
import { useReading } from "../../reading.ts";
import { route } from "../../route.ts";
import { Frame } from "./Frame.tsx";
import { SourceCard } from "./SourceCard.tsx";
import { NewSourceDialog } from "./SourceForm.tsx";
import { FilesDropped } from "./Uploads.tsx";

/** The place of files that were sent nowhere else: it is there from the first of them on. */
const UPLOADS = "uploads";

const runs = (sources: Source[]): boolean => sources.some(({ state }) => state === "syncing" || state === "waiting");

/** Where knowledge comes from, how far each source is, and what of it could not be read. */
export function SourcesPage() {
  const [adding, setAdding] = useState(false);
  const { value: sources, failure, again } = useReading(async () => (await knowledge.sources()).items, [], runs);
  const add = isAdministrator() && (
    <button type="button" class="button primary" onClick={() => setAdding(true)}>
      Add a source
    </button>
  );
  return (
    <Frame acts={add} failure={failure && `The sources could not be read. ${failure}`}>
      {sources?.length === 0 && (
        <p class="empty">
          Nothing is known yet. {isAdministrator() ? "Add a website or a Git folder, or drop files here." : "An administrator adds sources."}
        </p>
      )}
      {isAdministrator() && sources && !sources.some(({ id }) => id === UPLOADS) && (
        <FilesDropped source={UPLOADS} name="Uploads" done={again} />
      )}
      <ul class="cards">
        {sources?.map((source) => (
          <SourceCard key={source.id} source={source} opened={route.value.item === source.id} changed={again} />
        ))}
      </ul>
      {adding && <NewSourceDialog close={() => setAdding(false)} added={again} />}
    </Frame>
  );
}
