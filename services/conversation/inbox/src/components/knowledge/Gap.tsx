import { channelWord } from "@onethread/browser/channels.ts";
import { day } from "@onethread/browser/time.ts";
import { useState } from "preact/hooks";
import { percent } from "../../agent-model.ts";
import { GAP_KINDS, gaps, type GapExample, type GapState, type OpenedGap } from "../../gaps.ts";
import { places } from "../../pages.ts";
import { useReading } from "../../reading.ts";
import { address, go, route } from "../../route.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { Frame } from "./Frame.tsx";
import { GapStates } from "./Gaps.tsx";

const articles = places.find(({ section, name }) => section === "knowledge" && name === "articles")!;
const times = (count: number): string => (count === 1 ? "once" : `${count} times`);
const customers = (count: number): string => (count === 1 ? "one customer" : `${count} customers`);

function when({ first, last }: OpenedGap): string {
  const [from, to] = [day(first), day(last)];
  return from === to ? `last: ${to}` : `first: ${from}, last: ${to}`;
}

/** One gap: what was asked, where, and what can be done about it. */
export function GapPage({ id }: { id: string }) {
  const { value, failure, again } = useReading(() => gaps.one(id), [id]);
  const back = (
    <a class="button" href={address({ page: route.value.page, item: null })}>
      All gaps
    </a>
  );
  return (
    <Frame acts={back} failure={failure && `The gap could not be read. ${failure}`}>
      {value && (
        <article class="document">
          <h2>{value.question}</h2>
          <Facts gap={value} />
          <GapActs gap={value} changed={again} />
          <h3 id="asked">How it was asked</h3>
          <ul class="rows" aria-labelledby="asked">
            {value.examples.map((example) => (
              <Example key={example.message_id} example={example} />
            ))}
          </ul>
          {value.count > value.examples.length && <p class="quiet">The latest {value.examples.length} are shown.</p>}
        </article>
      )}
    </Frame>
  );
}

function Facts({ gap }: { gap: OpenedGap }) {
  const { nearest } = gap;
  return (
    <>
      <GapStates gap={gap} />
      <p>
        Asked {times(gap.count)} by {customers(gap.customers)}; {when(gap)}.{" "}
        {gap.kinds.map((kind) => GAP_KINDS[kind]).join(" · ")}.
      </p>
      <p>
        {nearest ? (
          <>
            Nearest article: <a href={address({ page: articles, item: nearest.document_id })}>{nearest.title}</a>, {percent(nearest.score)} sure
            that it answers.
          </>
        ) : (
          "No article is near."
        )}
      </p>
    </>
  );
}

function GapActs({ gap, changed }: { gap: OpenedGap; changed(): Promise<void> }) {
  const [failure, setFailure] = useState("");
  const act = async (run: () => Promise<unknown>, done?: string) => {
    setFailure("");
    try {
      await run();
      if (done) show({ text: done });
      await changed();
    } catch (error) {
      setFailure(reasonOf(error));
    }
  };
  const set = (state: Exclude<GapState, "drafted">, done: string) => void act(() => gaps.set(gap.id, state), done);
  const draft = () => act(async () => go(address({ page: articles, item: (await gaps.draft(gap.id)).id })));
  const ended = gap.state === "closed" || gap.state === "ignored";
  return (
    <>
      <p class="failure" role="alert">
        {failure}
      </p>
      <div class="buttons">
        {!ended && (
          <button type="button" class="button primary" onClick={() => void draft()}>
            {gap.article_id ? "Renew the draft" : "Draft an article"}
          </button>
        )}
        {gap.article_id && (
          <a class="button" href={address({ page: articles, item: gap.article_id })}>
            Open its article
          </a>
        )}
        {ended ? (
          <button type="button" class="button" onClick={() => set("open", "The gap is open again.")}>
            Reopen
          </button>
        ) : (
          <>
            <button type="button" class="button" onClick={() => set("closed", "Closed. Asked again, it is open again.")}>
              Close
            </button>
            <button type="button" class="button" onClick={() => set("ignored", "Ignored, also when it is asked again.")}>
              Ignore
            </button>
          </>
        )}
      </div>
    </>
  );
}

function Example({ example: { question, thread_id, kinds, channel, at } }: { example: GapExample }) {
  const detail = [channel && channelWord(channel), day(at), ...kinds.map((kind) => GAP_KINDS[kind])].filter(Boolean).join(" · ");
  return (
    <li>
      <span>{question}</span>
      {thread_id && <a href={`/inbox/all/${thread_id}`}>See the conversation</a>}
      <span class="quiet">{detail}</span>
    </li>
  );
}
