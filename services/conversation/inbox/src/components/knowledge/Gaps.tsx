import { channelWord } from "@onethread/browser/channels.ts";
import { day } from "@onethread/browser/time.ts";
import { useState } from "preact/hooks";
import { isAdministrator } from "../../api.ts";
import { GAP_STATES, gaps, type Gap, type GapSettings, type GapState } from "../../gaps.ts";
import { firstOf, useReading } from "../../reading.ts";
import { address, route } from "../../route.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { Choice, Frame, More, State } from "./Frame.tsx";
import { GapPage } from "./Gap.tsx";

const AT_ONCE = 100;
const SHOW: Record<string, string> = { open: "Open", drafted: "With a draft", closed: "Closed", ignored: "Ignored", "": "All" };
const ORDER: Record<string, string> = { count: "Asked most", latest: "Asked last" };
const KINDS: Record<GapState, "ok" | "busy" | "plain"> = { open: "plain", drafted: "busy", closed: "ok", ignored: "plain" };

/** What customers asked and got no good answer to; or the one gap that is looked at. */
export function GapsPage() {
  const { item } = route.value;
  return item === null ? <GapList /> : <GapPage key={item} id={item} />;
}

function GapList() {
  const [state, setState] = useState("open");
  const [sort, setSort] = useState("count");
  const [shown, setShown] = useState(AT_ONCE);
  const asked = { sort, ...(state ? { state } : {}) };
  const { value, failure } = useReading(() => firstOf(shown, (page) => gaps.all({ ...asked, ...page })), [state, sort, shown]);
  return (
    <Frame failure={failure && `The gaps could not be read. ${failure}`}>
      <p>Questions that the agent handed off, or answered wrong. What means the same is one line.</p>
      <div class="filters">
        <Choice label="Show" value={state} pick={setState}>
          {SHOW}
        </Choice>
        <Choice label="Order" value={sort} pick={setSort}>
          {ORDER}
        </Choice>
        {isAdministrator() && <Solved />}
      </div>
      {value?.items.length === 0 && <p class="empty">{state === "open" ? "No question waits for an answer." : "There is none."}</p>}
      {value && value.items.length > 0 && <GapTable items={value.items} />}
      <More of={value} show={() => setShown(shown + AT_ONCE)} />
    </Frame>
  );
}

function GapTable({ items }: { items: Gap[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Gaps">
      <table>
        <thead>
          <tr>
            <th scope="col">Question</th>
            <th scope="col">Asked</th>
            <th scope="col">Customers</th>
            <th scope="col">Channels</th>
            <th scope="col">Last</th>
            <th scope="col">State</th>
          </tr>
        </thead>
        <tbody>
          {items.map((gap) => (
            <tr key={gap.id}>
              <th scope="row">
                <a href={address({ page: route.value.page, item: gap.id })}>{gap.question}</a>
              </th>
              <td>{gap.count}</td>
              <td>{gap.customers}</td>
              <td>{gap.channels.map(channelWord).join(", ")}</td>
              <td>{day(gap.last)}</td>
              <td>
                <GapStates gap={gap} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function GapStates({ gap: { state, covered } }: { gap: Gap }) {
  return (
    <span class="states">
      <State kind={KINDS[state]}>{GAP_STATES[state]}</State>
      {covered && state !== "closed" && <State kind="ok">Covered now</State>}
    </span>
  );
}

/** Whether what teammates answer is proposed by itself. */
function Solved() {
  const { value, again } = useReading(() => gaps.settings());
  const pick = async (proposals: string) => {
    try {
      await gaps.choose({ proposals: proposals as GapSettings["proposals"] });
      show({ text: "Saved." });
    } catch (error) {
      show({ text: `Not saved. ${reasonOf(error)}` });
    }
    await again();
  };
  return (
    <Choice label="When a conversation with a gap is closed" value={value?.proposals ?? "ask"} pick={(one) => void pick(one)}>
      {{ ask: "Propose the answer as an article", off: "Propose nothing" }}
    </Choice>
  );
}
