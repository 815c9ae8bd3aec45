import { fullTime } from "@onethread/browser/time.ts";
import { useState } from "preact/hooks";
import { api } from "../../api.ts";
import type { ListedSuppression, Page } from "../../model.ts";
import { firstOf, useReading } from "../../reading.ts";
import { address } from "../../route.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { More } from "../knowledge/Frame.tsx";

const AT_ONCE = 100;

/** What came back, and therefore stopped what is sent there. */
const REPORTS: Record<ListedSuppression["report"], string> = {
  hard: "Dead address",
  soft: "Many mails came back",
  complaint: "Complaint",
};

/** Addresses to which nothing goes any more: why, since when, and the way to end it. */
export function StoppedPage() {
  const [words, setWords] = useState("");
  const [shown, setShown] = useState(AT_ONCE);
  const read = () => firstOf(shown, (page) => api.suppressions({ q: words, ...page }));
  const { value, failure, again } = useReading(read, [words, shown]);
  return (
    <section class="pane page" aria-label="Email: stopped addresses">
      <header>
        <h1>Email: stopped addresses</h1>
      </header>
      <div class="content records">
        <p class="quiet">
          Nothing is sent to an address that is dead, or from which many mails came back, until somebody writes from there. Whoever
          complained gets nothing automatic.
        </p>
        <label class="field">
          Search by address or reason
          <input type="search" value={words} onInput={({ currentTarget: { value } }) => setWords(value)} />
        </label>
        {failure && (
          <p class="failure" role="alert">
            The addresses could not be read. {failure}
          </p>
        )}
        {value && <Found found={value} words={words} done={() => void again()} />}
        <More of={value} show={() => setShown(shown + AT_ONCE)} />
      </div>
    </section>
  );
}

function Found({ found, words, done }: { found: Page<ListedSuppression>; words: string; done(): void }) {
  if (found.items.length === 0) {
    return <p role="status">{words ? "No stopped address has these words." : "Mail goes to every address."}</p>;
  }
  return (
    <>
      <p class="quiet" role="status">
        {found.next === null ? `${found.items.length} found` : `The latest ${found.items.length}`}
      </p>
      <ul class="records">
        {found.items.map((one) => (
          <StoppedAddress key={one.id} stopped={one} done={done} />
        ))}
      </ul>
    </>
  );
}

function StoppedAddress({ stopped, done }: { stopped: ListedSuppression; done(): void }) {
  const [failure, setFailure] = useState("");
  const send = async () => {
    try {
      await api.liftSuppression(stopped.id);
      show({ text: `Mail goes to ${stopped.address} again, until the next one comes back.` });
      done();
    } catch (error) {
      setFailure(reasonOf(error));
    }
  };
  const { report, scope, reason, since, thread_id } = stopped;
  return (
    <li class="record wrong" aria-label={stopped.address}>
      <h2>
        {stopped.address} <span class="tag">{REPORTS[report]}</span>
      </h2>
      <p>
        {reason || "No reason was told"}. {scope === "automatic" ? "What a teammate writes is sent." : "Nothing is sent."}
      </p>
      <p class="quiet">
        Since <time dateTime={since}>{fullTime(since)}</time>.{" "}
        {thread_id && <a href={address({ view: "all", threadId: thread_id })}>Open the mail that came back</a>}
      </p>
      <div class="buttons">
        <button type="button" class="button" onClick={() => void send()}>
          Send there again
        </button>
      </div>
      <p class="failure" role="alert">
        {failure}
      </p>
    </li>
  );
}
