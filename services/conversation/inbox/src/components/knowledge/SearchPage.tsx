import { useReading } from "../../reading.ts";
import { searching } from "../../searching.ts";
import { ConfidenceView } from "./Confidence.tsx";
import { EmbeddingView } from "./Embedding.tsx";
import { Frame } from "./Frame.tsx";
import { JudgeSearch } from "./JudgeSearch.tsx";

/** How articles are found, and how sure the agent is of what it found. */
export function SearchPage() {
  const embedding = useReading(searching.embedding, [], ({ building, error }) => building !== null || error !== null);
  const calibration = useReading(searching.calibration, [embedding.value?.live]);
  return (
    <Frame>
      <section aria-label="Embedding model" class="document">
        <h2>Embedding model</h2>
        <p>
          It finds articles by what a question means, whatever its words. With another one all articles are read anew; search goes on with the old
          one until that is done.
        </p>
        <Failure what="The models" why={embedding.failure} />
        {embedding.value && <EmbeddingView embedding={embedding.value} changed={embedding.again} />}
      </section>
      <section aria-label="Confidence" class="document">
        <h2>Confidence</h2>
        <p>How sure the agent is that what was found answers the question. From judged answers one sees whether that is true.</p>
        <Failure what="The confidence" why={calibration.failure} />
        {calibration.value && <ConfidenceView calibration={calibration.value} changed={calibration.again} />}
      </section>
      <JudgeSearch judged={calibration.again} />
    </Frame>
  );
}

function Failure({ what, why }: { what: string; why: string }) {
  return why ? (
    <p class="failure" role="alert">
      {what} could not be read. {why}
    </p>
  ) : null;
}
