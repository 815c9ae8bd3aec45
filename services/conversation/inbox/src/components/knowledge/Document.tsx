import { REACH, SOURCE_KINDS, type KnownDocument, type Source } from "../../knowledge-model.ts";
import { knowledge } from "../../knowledge.ts";
import { places } from "../../pages.ts";
import { useReading } from "../../reading.ts";
import { address, route } from "../../route.ts";
import { Words } from "../MessageView.tsx";
import { Frame, State } from "./Frame.tsx";
import { count } from "./SourceCard.tsx";

const sourcesPage = places.find(({ section, name }) => section === "knowledge" && name === "sources")!;

/** An article of a source: it is read here, and changed there. */
export function DocumentPage({ id }: { id: string }) {
  const { value, failure } = useReading(async () => {
    const [known, sources] = await Promise.all([knowledge.document(id), knowledge.sources()]);
    return { known, source: sources.items.find((source) => source.id === known.source) };
  }, [id]);
  const back = (
    <a class="button" href={address({ page: route.value.page, item: null })}>
      All articles
    </a>
  );
  return (
    <Frame acts={back} failure={failure && `The article could not be read. ${failure}`}>
      {value && <Shown {...value} />}
    </Frame>
  );
}

function Shown({ known, source }: { known: KnownDocument; source: Source | undefined }) {
  return (
    <article class="document">
      <h2>{known.title}</h2>
      <p class="states">
        <State kind={known.state === "failed" ? "bad" : known.state === "pending" ? "busy" : "ok"}>
          {known.state === "failed" ? `Not found by search: ${known.reason}` : known.state === "pending" ? "Waits" : "Found by search"}
        </State>
        <span class="quiet">
          Version {known.version} · {REACH[known.audience]}
          {known.locale && ` · ${known.locale}`} · {count(known.passages, "passage")}
        </span>
      </p>
      <p>
        Read only: it comes from{" "}
        {source ? (
          <>
            {SOURCE_KINDS[source.kind].toLowerCase()} <a href={address({ page: sourcesPage, item: source.id })}>{source.name}</a>
          </>
        ) : (
          known.source
        )}
        . Change it there, and it changes here with the next reading.
      </p>
      {known.url && (
        <p class="address">
          <a href={known.url} target="_blank" rel="noopener noreferrer">
            {known.url}
          </a>
        </p>
      )}
      <div class="passage">
        <Words text={known.text} />
      </div>
      {known.wordings.length > 0 && <p class="quiet">Questions that it answers: {known.wordings.join(" · ")}</p>}
    </article>
  );
}
