import { channelWord } from "@onethread/browser/channels.ts";
import { useEffect, useState } from "preact/hooks";
import {
  handoffWords,
  KINDS,
  percent,
  type AgentReport,
  type Counts,
  type Pair,
  type ResolutionReport,
} from "../agent-model.ts";
import { api } from "../api.ts";
import { bench } from "../bench.ts";
import { address } from "../route.ts";
import { reasonOf } from "../threads.ts";
import { KeepQuestion } from "./bench/KeepQuestion.tsx";
import { Figure } from "./Figure.tsx";
import { ResolutionFigures } from "./Resolutions.tsx";

const DAYS = [7, 30, 90, 365];

interface Read {
  report: AgentReport;
  resolutions: ResolutionReport;
}

/** What the agent is worth: the numbers by which one decides what it may do where. */
export function AgentReportPage() {
  const [days, setDays] = useState(30);
  const [channel, setChannel] = useState("");
  const [read, setRead] = useState<Read | null>(null);
  const [failure, setFailure] = useState("");
  useEffect(() => {
    let current = true;
    const since = new Date(Date.now() - days * 86_400_000).toISOString();
    const asked = { since, ...(channel ? { channel } : {}) };
    setFailure("");
    Promise.all([api.agentReport(asked), api.resolutions(asked)]).then(
      ([report, resolutions]) => current && setRead({ report, resolutions }),
      (error: unknown) => current && setFailure(reasonOf(error)),
    );
    return () => {
      current = false; // What was asked before the choice changed is not shown any more.
    };
  }, [days, channel]);
  return (
    <section class="pane page" aria-label="AI agent: report">
      <header>
        <h1>AI agent: report</h1>
        <Choice label="Time" value={String(days)} pick={(value) => setDays(Number(value))}>
          {Object.fromEntries(DAYS.map((one) => [String(one), `Last ${one} days`]))}
        </Choice>
        <Choice label="Channels" value={channel} pick={setChannel}>
          {{ "": "All channels", ...KINDS }}
        </Choice>
      </header>
      <div class="content">
        {failure && (
          <p class="failure" role="alert">
            The report could not be read. {failure}
          </p>
        )}
        {read && <Report {...read} />}
      </div>
    </section>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  pick(value: string): void;
  children: Record<string, string>;
}

function Choice({ label, value, pick, children }: ChoiceProps) {
  return (
    <select class="button" aria-label={label} value={value} onChange={(event) => pick(event.currentTarget.value)}>
      {Object.entries(children).map(([one, words]) => (
        <option key={one} value={one}>
          {words}
        </option>
      ))}
    </select>
  );
}

function Report({ report, resolutions }: Read) {
  const channels = report.channels.map((one) => ({
    ...one,
    key: one.channel.id,
    name: `${channelWord(one.channel.kind)} · ${one.channel.id}`,
  }));
  const topics = report.topics.map((one) => ({ ...one, key: one.topic ?? "", name: one.topic ?? "No article was near" }));
  return (
    <>
      <Summary total={report.total} />
      <ResolutionFigures report={resolutions} />
      <Table title="By channel" first="Channel" rows={channels} />
      <Table title="By topic" first="Topic" rows={topics} />
      <Handoffs total={report.total} />
      <Pairs title="Least alike" pairs={report.least_alike} none="No answer was compared and found unlike." />
      <Pairs title="Dismissed drafts" pairs={report.dismissed} none="No draft was dismissed." />
    </>
  );
}

function Summary({ total }: { total: AgentReport["total"] }) {
  const { questions, answered, compared, compared_by_words, alike } = total;
  const byWords = compared_by_words ? ` Of ${compared_by_words} only the words were compared so far.` : "";
  if (total.messages === 0) return <p class="empty">No customer wrote in this time.</p>;
  return (
    <dl class="figures">
      <Figure name="Customer messages" value={total.messages} />
      <Figure name="Questions" value={questions}>
        What it proposed something for. A few short messages in a row are one question, thanks are none.
      </Figure>
      <Figure name="Would answer" value={questions ? percent(answered / questions) : "–"}>
        Questions that it answered, or in draft and shadow would have answered.
      </Figure>
      <Figure name="Alike" value={compared ? percent(alike / compared) : "–"}>
        {`Of ${compared} answers that could be held against what a teammate then sent: how many say the same, in the main (a likeness of 0.8 and more).${byWords}`}
      </Figure>
      <Figure name="Tokens" value={total.input_tokens + total.output_tokens} />
      <Figure name="Cost" value={total.cost.toFixed(2)}>
        Of language models, by the prices that are configured.
      </Figure>
    </dl>
  );
}

type Line = Counts & { key: string; name: string; messages?: number };

function Table({ title, first, rows }: { title: string; first: string; rows: Line[] }) {
  if (rows.length === 0) return null;
  const messages = rows.some((row) => row.messages !== undefined);
  return (
    <section>
      <h2>{title}</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label={title}>
        <table>
          <thead>
            <tr>
              <th scope="col">{first}</th>
              {messages && <th scope="col">Messages</th>}
              {["Questions", "Would answer", "Asks back", "Hands over", "Compared", "Median likeness", "Alike", "Cost"].map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={row.key} row={row} messages={messages} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ row, messages }: { row: Line; messages: boolean }) {
  const share = (part: number, whole: number) => (whole ? percent(part / whole) : "–");
  return (
    <tr>
      <th scope="row">{row.name}</th>
      {messages && <td>{row.messages}</td>}
      <td>{row.questions}</td>
      <td>{share(row.answered, row.questions)}</td>
      <td>{share(row.clarified, row.questions)}</td>
      <td>{share(row.handed_off, row.questions)}</td>
      <td>{row.compared}</td>
      <td>{row.median_likeness === null ? "–" : row.median_likeness.toFixed(2)}</td>
      <td>{share(row.alike, row.compared)}</td>
      <td>{row.cost.toFixed(2)}</td>
    </tr>
  );
}

function Handoffs({ total }: { total: Counts }) {
  const kinds = Object.entries(total.handoffs).sort(([, one], [, other]) => other - one);
  if (kinds.length === 0) return null;
  return (
    <section>
      <h2>Why it hands over</h2>
      <ul class="counts">
        {kinds.map(([kind, count]) => (
          <li key={kind}>
            {handoffWords(kind)} <span class="count">{count}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Pairs({ title, pairs, none }: { title: string; pairs: Pair[]; none: string }) {
  return (
    <section>
      <h2>{title}</h2>
      {pairs.length === 0 && <p class="quiet">{none}</p>}
      <ol class="pairs">
        {pairs.map((pair) => (
          <PairView key={pair.id} pair={pair} />
        ))}
      </ol>
    </section>
  );
}

function PairView({ pair }: { pair: Pair }) {
  const about = [
    pair.topic,
    pair.likeness === null ? null : `likeness ${pair.likeness.toFixed(2)}`,
    `${percent(pair.confidence)} sure`,
    pair.dismissal && `dismissed: ${pair.dismissal}`,
  ];
  return (
    <li>
      <p class="quiet">
        {about.filter(Boolean).join(" · ")} ·{" "}
        <a href={address({ page: null, view: "all", threadId: pair.thread_id })}>Open the conversation</a> ·{" "}
        <KeepQuestion label="Add to the test bench" keep={() => bench.addOf({ proposal_id: pair.id })} />
      </p>
      <dl>
        <dt>Customer</dt>
        <dd>{pair.question}</dd>
        <dt>Agent</dt>
        <dd>{pair.proposed}</dd>
        {pair.said !== null && <dt>Teammate</dt>}
        {pair.said !== null && <dd>{pair.said}</dd>}
      </dl>
    </li>
  );
}
