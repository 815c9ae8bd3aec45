import { useEffect, useState } from "preact/hooks";
import { api } from "../../api.ts";
import { KINDS, STATES, type DnsRecord, type Domain, type MailKey } from "../../email-model.ts";
import { reasonOf } from "../../threads.ts";
import { Copied } from "./Copied.tsx";

/** What must stand in the DNS of a domain so that others take our mail for genuine, and what does. */
export function DomainRecords({ domain }: { domain: string }) {
  const [read, setRead] = useState<Domain | null>(null);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState("");
  const run = async (asking: () => Promise<Domain>) => {
    setFailure("");
    setBusy(true);
    try {
      setRead(await asking());
    } catch (error) {
      setFailure(reasonOf(error));
    }
    setBusy(false);
  };
  const check = () => run(() => api.checkDomain(domain));
  useEffect(() => void check(), [domain]);
  return (
    <section class="records" aria-label={`DNS of ${domain}`} aria-busy={busy}>
      <h2>DNS of {domain}</h2>
      <p class="quiet">{busy ? "Asking the DNS…" : read ? summary(read) : ""}</p>
      <p class="failure" role="alert">
        {failure}
      </p>
      {read && <Keys keys={read.keys} />}
      {read?.records.map((record) => (
        <RecordView key={`${record.kind} ${record.name}`} record={record} retires={retiring(read, record)} />
      ))}
      <div class="buttons">
        <button type="button" class="button primary" disabled={busy} onClick={() => void check()}>
          Check now
        </button>
        <button type="button" class="button" disabled={busy} onClick={() => void run(() => api.makeMailKey(domain))}>
          {read?.keys.length ? "Make a new key" : "Make a key"}
        </button>
      </div>
    </section>
  );
}

function summary({ records }: Domain): string {
  const wrong = records.filter(({ state }) => state === "missing" || state === "wrong").length;
  if (wrong === 0) return "Nothing is missing. It is looked at by itself every day.";
  return `${wrong === 1 ? "One record is" : `${wrong} records are`} missing or wrong. Whoever runs this domain adds them where its DNS is kept.`;
}

const retiring = ({ keys }: Domain, { selector }: DnsRecord): string | null =>
  keys.find((key) => key.selector === selector)?.keep_until ?? null;

const day = (at: string): string => new Date(at).toLocaleDateString(undefined, { dateStyle: "medium" });

function Keys({ keys }: { keys: MailKey[] }) {
  const used = keys.find(({ in_use }) => in_use);
  if (keys.length === 0) {
    return <p>Mail is not signed: there is no key yet. Make one, and put its record into the DNS.</p>;
  }
  if (!used) return <p>Mail is not signed yet: the DNS does not show the key. It is looked for every ten minutes.</p>;
  const waits = keys[0] !== used;
  return (
    <p>
      Mail is signed with the key <b>{used.selector}</b>
      {used.seen_at && `, which the DNS shows since ${day(used.seen_at)}`}.
      {waits && ` The key ${keys[0]!.selector} takes over when its record is there.`}
    </p>
  );
}

function RecordView({ record, retires }: { record: DnsRecord; retires: string | null }) {
  const { kind, type, name, value, found, state, words } = record;
  return (
    <div class={`record ${state}`}>
      <h3>
        {KINDS[kind]} <span class="tag">{STATES[state]}</span>
      </h3>
      <p>{retires ? `An older key. Leave its record there until ${day(retires)}, then remove it.` : words}</p>
      {value && state !== "right" && (
        <dl>
          <dt>Name</dt>
          <dd>
            <Copied text={name} />
          </dd>
          <dt>Type</dt>
          <dd>{type}</dd>
          <dt>Value</dt>
          <dd>
            <Copied text={value} />
          </dd>
        </dl>
      )}
      {found.length > 0 && (
        <details>
          <summary>What stands there now</summary>
          {found.map((text) => (
            <code key={text}>{text}</code>
          ))}
        </details>
      )}
    </div>
  );
}
