import { fullTime } from "@onethread/browser/time.ts";
import { useEffect, useState } from "preact/hooks";
import { api } from "../../api.ts";
import type { ListedSuppression } from "../../model.ts";
import { address } from "../../route.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";

const SHOWN = 200;
const PAUSE = 200;

/** What came back, and therefore stopped what is sent there. */
const REPORTS: Record<ListedSuppression["report"], string> = {
  hard: "Dead address",
  soft: "Many mails came back",
  complaint: "Complaint",
};

/** Addresses to which nothing goes any more: why, since when, and the way to end it. */
export function StoppedPage() {
  const [words, setWords] = useState("");
  const [found, setFound] = useState<ListedSuppression[] | null>(null);
  const [failure, setFailure] = useState("");
  const [again, setAgain] = useState(0);
  useEffect(() => {
    let isOver = false;
    const look = async () => {
      try {
        const { items } = await api.suppressions(words);
        if (!isOver) setFound(items);
        if (!isOver) setFailure("");
      } catch (error) {
        if (!isOver) setFailure(reasonOf(error));
      }
    };
    const waiting = setTimeout(() => void look(), words ? PAUSE : 0);
    return () => {
      isOver = true;
      clearTimeout(waiting);
    };
  }, [words, again]);
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
        {found && <Found found={found} words={words} done={() => setAgain(again + 1)} />}
      </div>
    </section>
  );
}

function Found({ found, words, done }: { found: ListedSuppression[]; words: string; done(): void }) {
  if (found.length === 0) {
    return <p role="status">{words ? "No stopped address has these words." : "Mail goes to every address."}</p>;
  }
  return (
    <>
      <p class="quiet" role="status">
        {found.length === SHOWN ? `The latest ${SHOWN}. Search to find others.` : `${found.length} found`}
      </p>
      <ul class="records">
        {found.map((one) => (
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
