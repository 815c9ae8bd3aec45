import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../api.ts";
import { merging } from "../merging.ts";
import { customerName, type Person } from "../model.ts";
import { reasonOf } from "../threads.ts";
import { Dialog } from "./Dialog.tsx";
import { MergePreviewForm } from "./MergePreviewForm.tsx";

const PAUSE = 200;

/** First whom, then what it would do, and only then the deed. */
export function MergeDialog() {
  const open = merging.value;
  if (!open) return null;
  const { customer, other, reason } = open;
  const close = () => (merging.value = null);
  return (
    <Dialog title={other ? "What will move" : `Merge ${customerName(customer)} with`} close={close}>
      {other ? (
        <MergePreviewForm customer={customer} other={other} reason={reason} close={close} />
      ) : (
        <FindCustomer customer={customer} pick={(found) => (merging.value = { customer, other: found })} close={close} />
      )}
    </Dialog>
  );
}

interface FindProps {
  customer: Person;
  pick(other: Person): void;
  close(): void;
}

function FindCustomer({ customer, pick, close }: FindProps) {
  const [words, setWords] = useState("");
  const { found, failure } = useFound(words, customer.id);
  return (
    <div class="stack">
      <label class="field">
        Name or address
        <input type="search" autofocus value={words} onInput={(event) => setWords(event.currentTarget.value)} />
      </label>
      <p class="quiet" aria-live="polite">
        {failure || (found && words.trim() ? (found.length ? `${found.length} found` : "Nobody found.") : "")}
      </p>
      <ul class="found">
        {(found ?? []).map((other) => (
          <li key={other.id}>
            <button type="button" class="plain" onClick={() => pick(other)}>
              <b>{customerName(other)}</b>
              {other.name && other.email && <span class="quiet">{other.email}</span>}
            </button>
          </li>
        ))}
      </ul>
      <div class="buttons">
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
      </div>
    </div>
  );
}

function useFound(words: string, except: string): { found: Person[] | null; failure: string } {
  const [found, setFound] = useState<Person[] | null>(null);
  const [failure, setFailure] = useState("");
  const asked = useRef(0);
  useEffect(() => {
    const turn = ++asked.current;
    const timer = setTimeout(async () => {
      try {
        const { items } = await api.customers(words.trim());
        if (turn === asked.current) setFound(items.filter(({ id }) => id !== except));
        setFailure("");
      } catch (error) {
        setFailure(`Could not search. ${reasonOf(error)}`);
      }
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [words]);
  return { found, failure };
}
