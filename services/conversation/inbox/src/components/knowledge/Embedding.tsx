import { useState } from "preact/hooks";
import { isAdministrator } from "../../api.ts";
import { KINDS, searching, type Embedding, type EmbeddingModel } from "../../searching.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { ConfirmDialog } from "./ConfirmDialog.tsx";
import { State } from "./Frame.tsx";

interface Props {
  embedding: Embedding;
  changed(): Promise<void>;
}

/** Which model is in use, what each is good for, and how far the change to another is. */
export function EmbeddingView({ embedding, changed }: Props) {
  const choose = async (model: string) => {
    await searching.choose(model);
    await changed();
  };
  return (
    <>
      {embedding.error && (
        <p class="failure" role="alert">
          Nothing can be searched now: questions are handed to people, and new articles wait. {embedding.error}
        </p>
      )}
      {embedding.building && <Building embedding={embedding} choose={choose} />}
      <ul class="cards" aria-label="Embedding models">
        {embedding.models.map((model) => (
          <ModelCard key={model.id} model={model} embedding={embedding} choose={choose} />
        ))}
      </ul>
    </>
  );
}

interface Choosing {
  embedding: Embedding;
  choose(model: string): Promise<void>;
}

function Building({ embedding: { building, live, models }, choose }: Choosing) {
  const { model, passages, of, error } = building!;
  const name = (id: string) => models.find((one) => one.id === id)?.name ?? id;
  return (
    <div class="card" role="status">
      {error ? (
        <p class="failure">
          The change to {name(model)} is held up. {error} It is tried again by itself.
        </p>
      ) : (
        <label class="progress">
          <progress max={Math.max(of, 1)} value={passages} />
          <span>
            {name(model)} reads all articles: {passages.toLocaleString()} of {of.toLocaleString()} passages
          </span>
        </label>
      )}
      <p class="quiet">Search goes on with {name(live)} until it is done.</p>
      {isAdministrator() && (
        <div class="buttons">
          <button type="button" class="button" onClick={() => void told(choose(live), "Not stopped.")}>
            Stop it
          </button>
        </div>
      )}
    </div>
  );
}

function ModelCard({ model, embedding, choose }: Choosing & { model: EmbeddingModel }) {
  const [asking, setAsking] = useState(false);
  const isLive = model.id === embedding.live;
  const isNext = model.id === embedding.building?.model;
  const pick = () => (model.sends_text_to ? setAsking(true) : void told(choose(model.id), "Nothing was changed."));
  return (
    <li class="card" aria-current={isLive ? "true" : undefined}>
      <div class="head">
        <h3>{model.name}</h3>
        {isLive && <State kind="ok">In use</State>}
        {isNext && <State kind="busy">Being prepared</State>}
        {!model.available && <State kind="plain">Not available</State>}
      </div>
      <p class="facts">
        <span>Languages: {model.languages}</span>
        <span>{KINDS[model.kind]}</span>
        <span class="address">{model.id}</span>
      </p>
      {model.available && <p>{model.sends_text_to ? `Articles and questions are sent to ${model.sends_text_to}.` : "No text leaves your servers."}</p>}
      {model.available && !model.calibrated && (
        <p class="quiet">It ships without a measured confidence. Judge answers before you let the agent answer by itself.</p>
      )}
      {model.why_not && <p class="reason">{model.why_not}</p>}
      {isAdministrator() && !isLive && !isNext && model.available && (
        <div class="buttons">
          <button type="button" class="button" aria-label={`Use ${model.name}`} onClick={pick}>
            {model.sends_text_to ? "Use it…" : "Use it"}
          </button>
        </div>
      )}
      {asking && <SendsText model={model} choose={choose} close={() => setAsking(false)} />}
    </li>
  );
}

function SendsText({ model, choose, close }: { model: EmbeddingModel; choose(model: string): Promise<void>; close(): void }) {
  return (
    <ConfirmDialog title={`Use ${model.name}?`} act={`Send texts to ${model.sends_text_to}`} run={() => choose(model.id)} close={close}>
      <p>
        The text of all articles, also of those for teammates only, is sent to <strong>{model.sends_text_to}</strong>, and from then on every
        question of your customers, in their own words.
      </p>
      <p>See that your contract with them, and what you tell your customers, allow it.</p>
    </ConfirmDialog>
  );
}

/** Says so where it is refused. */
async function told(act: Promise<void>, otherwise: string): Promise<void> {
  try {
    await act;
  } catch (error) {
    show({ text: `${otherwise} ${reasonOf(error)}`, failed: true });
  }
}
