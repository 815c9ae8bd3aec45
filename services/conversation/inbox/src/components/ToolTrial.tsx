import { clock } from "@onethread/browser/time.ts";
import { useEffect, useState } from "preact/hooks";
import { api } from "../api.ts";
import type { Person } from "../model.ts";
import { reasonOf } from "../threads.ts";
import { fromLines, STATES, type Tool, type ToolCall, type Trial } from "../tool-model.ts";

/** Try a tool as one customer, and see what it did for others. */
export function ToolTrial({ tool }: { tool: Tool }) {
  return (
    <>
      {tool.access === "reads" && <TryIt tool={tool} />}
      <LastCalls tool={tool} />
    </>
  );
}

function TryIt({ tool }: { tool: Tool }) {
  const [search, setSearch] = useState("");
  const [people, setPeople] = useState<Person[]>([]);
  const [customer, setCustomer] = useState("");
  const [said, setSaid] = useState("");
  const [trial, setTrial] = useState<Trial | null>(null);
  const [failure, setFailure] = useState("");
  const look = async (words: string) => {
    setSearch(words);
    if (words.trim()) setPeople((await api.customers(words).catch(() => ({ items: [] }))).items);
  };
  const run = async (event: SubmitEvent) => {
    event.preventDefault();
    setTrial(null);
    setFailure("");
    try {
      setTrial(await api.tryTool(tool.id, customer, fromLines(said)));
    } catch (error) {
      setFailure(reasonOf(error));
    }
  };
  return (
    <form class="agent-form" aria-label="Try it" onSubmit={run}>
      <fieldset>
        <legend>Try it, as it was saved</legend>
        <label class="field">
          Find a customer
          <input type="search" value={search} onInput={({ currentTarget: { value } }) => void look(value)} />
        </label>
        <label class="field">
          Ask as
          <select required value={customer} onChange={({ currentTarget: { value } }) => setCustomer(value)}>
            <option value="">Choose a customer</option>
            {people.map((one) => (
              <option key={one.id} value={one.id}>
                {one.name ?? one.email ?? "Unknown"} {one.name && one.email ? `(${one.email})` : ""}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          What they say, such as order: 1042
          <textarea rows={2} class="code" value={said} onInput={({ currentTarget: { value } }) => setSaid(value)} />
        </label>
        <button class="button">Ask the system</button>
        {failure && <p role="alert">{failure}</p>}
        {trial && <TrialResult trial={trial} />}
      </fieldset>
    </form>
  );
}

function TrialResult({ trial }: { trial: Trial }) {
  const status = trial.status === null ? "" : `HTTP ${trial.status}, `;
  return (
    <div role="status">
      <p class="quiet">
        {status}
        {trial.milliseconds} ms
      </p>
      {trial.outcome === "done" ? (
        <blockquote class="said">{trial.text}</blockquote>
      ) : (
        <p>
          {trial.outcome === "nothing" ? "Nothing of this customer's. " : "It failed. "}
          {trial.reason}
        </p>
      )}
    </div>
  );
}

function LastCalls({ tool }: { tool: Tool }) {
  const [calls, setCalls] = useState<ToolCall[] | null>(null);
  const [failure, setFailure] = useState("");
  useEffect(() => {
    api.callsOfTool(tool.id).then(
      ({ items }) => setCalls(items),
      (error: unknown) => setFailure(reasonOf(error)),
    );
  }, [tool.id]);
  return (
    <div>
      <h2>Last calls</h2>
      {failure && <p role="alert">{failure}</p>}
      {calls?.length === 0 && <p class="quiet">None so far. What was asked and answered is not kept.</p>}
      {calls && calls.length > 0 && (
        <div class="scroll">
          <table class="words">
            <thead>
              <tr>
                <th>When</th>
                <th>What came of it</th>
                <th>Took</th>
              </tr>
            </thead>
            <tbody>
              {calls.map((call) => (
                <tr key={call.id}>
                  <th>
                    <a href={`/inbox/all/${call.thread_id}`}>
                      <time dateTime={call.created_at}>{clock(call.created_at)}</time>
                    </a>
                  </th>
                  <td>{[STATES[call.state], call.reason, call.by && `by ${call.by}`].filter(Boolean).join(", ")}</td>
                  <td>{call.milliseconds === null ? "" : `${call.milliseconds} ms`}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}
