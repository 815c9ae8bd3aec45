import { fullTime } from "@onethread/browser/time.ts";
import { useState } from "preact/hooks";
import { percent } from "../../agent-model.ts";
import { isAdministrator } from "../../api.ts";
import { ORIGINS, searching, type Bin, type Calibration, type Figures, type Origin } from "../../searching.ts";
import { show } from "../../toasts.ts";
import { Tip } from "../Tip.tsx";
import { ConfirmDialog } from "./ConfirmDialog.tsx";
import { State } from "./Frame.tsx";

const FEW = 10;

interface Props {
  calibration: Calibration;
  changed(): Promise<void>;
}

/** What is in use, how right it was, and what is offered instead. */
export function ConfidenceView({ calibration, changed }: Props) {
  const { in_use, figures, offer, why_not } = calibration;
  return (
    <>
      <div class="card">
        <div class="head">
          <h3>Calibration {in_use.version}</h3>
          <State kind="ok">In use</State>
        </div>
        <p class="facts">
          <span>
            {in_use.by === null ? "Shipped with Onethread, the same for everybody" : `Adopted by ${in_use.by}`}
            {in_use.since && <span title={fullTime(in_use.since)}>, {fullTime(in_use.since)}</span>}
          </span>
        </p>
        <Judged calibration={calibration} />
        {isAdministrator() && in_use.by !== null && <GoBack changed={changed} />}
      </div>
      {figures && <Reliability bins={figures.bins} />}
      {offer ? <OfferCard calibration={calibration} offer={offer} changed={changed} /> : why_not && <p>{why_not}</p>}
    </>
  );
}

function Judged({ calibration: { judged, needed } }: { calibration: Calibration }) {
  const origins = (Object.keys(ORIGINS) as Origin[]).filter((origin) => judged.origins[origin]);
  const wrong = judged.total - judged.right;
  return (
    <>
      <label class="progress">
        <progress max={needed.total} value={Math.min(judged.total, needed.total)} />
        <span>
          {judged.total.toLocaleString()} judged {judged.total === 1 ? "answer" : "answers"}: {judged.right} right, {wrong} wrong
        </span>
      </label>
      {origins.length > 0 && <p class="facts">{origins.map((origin) => <span key={origin}>{`${ORIGINS[origin]}: ${judged.origins[origin]}`}</span>)}</p>}
    </>
  );
}

/** As sure as it was, as often should it have been right. */
function Reliability({ bins }: { bins: Bin[] }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="How sure and how right">
      <p class="quiet about-bars">The upper bar says how sure it was, the lower one how often it was right. Where both are as long, one can rely on it. Thumbs of customers are left out: who is cross gives one sooner.</p>
      <table class="reliability">
        <thead>
          <tr>
            <th scope="col">Sure</th>
            <th scope="col">Judged</th>
            <th scope="col">Right</th>
            <th scope="col">As sure as right?</th>
          </tr>
        </thead>
        <tbody>
          {bins.map((bin) => (
            <tr key={bin.belief}>
              <th scope="row">{percent(bin.belief)}</th>
              <td>{bin.count}</td>
              <td>{percent(bin.right)}</td>
              <td>
                <span class="pair-of-bars" aria-hidden="true">
                  <span style={{ inlineSize: `${bin.belief * 100}%` }} />
                  <span class="truth" style={{ inlineSize: `${bin.right * 100}%` }} />
                </span>
                <span class="verdict">{verdict(bin)}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What can be said of so few: two standard errors of a share. */
function verdict({ count, belief, right }: Bin): string {
  if (count < FEW) return "Too few to tell";
  if (Math.abs(belief - right) <= 2 * Math.sqrt((belief * (1 - belief)) / count)) return "Yes";
  return belief > right ? "Too sure" : "Not sure enough";
}

function OfferCard({ calibration, offer, changed }: Props & { offer: NonNullable<Calibration["offer"]> }) {
  const [asking, setAsking] = useState(false);
  const adopt = async () => {
    await searching.adopt(offer.id);
    show({ text: `${offer.version} is in use from now on.` });
    await changed();
  };
  return (
    <section class="card" aria-label="Offer">
      <div class="head">
        <h3>A better fit is offered</h3>
        <State kind="busy">{offer.version}</State>
      </div>
      <p>
        It is fitted to your judged answers. Its figures are of answers that it had not seen; both columns are of the same{" "}
        {calibration.judged.total.toLocaleString()} answers.
      </p>
      <Comparison before={offer.before} after={offer.after} threshold={calibration.threshold} />
      {isAdministrator() ? (
        <div class="buttons">
          <button type="button" class="button primary" onClick={() => setAsking(true)}>
            Use it…
          </button>
        </div>
      ) : (
        <p class="quiet">An administrator decides.</p>
      )}
      {asking && (
        <ConfirmDialog title={`Use ${offer.version}?`} act="Use it" run={adopt} close={() => setAsking(false)}>
          <p>
            It holds from the next search on. Of the judged answers the agent would give {percent(offer.after.coverage)} by itself; with the one in
            use it is {percent(offer.before.coverage)}. The rest goes to people. You can go back at any time.
          </p>
        </ConfirmDialog>
      )}
    </section>
  );
}

function Comparison({ before, after, threshold }: { before: Figures; after: Figures; threshold: number }) {
  const share = (value: number | null) => (value === null ? "–" : percent(value));
  const points = ({ off }: Figures) => `${(off * 100).toFixed(1)} points`;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Before and after">
      <table class="before-after">
        <thead>
          <tr>
            <th scope="col">At {percent(threshold)} and more it answers</th>
            <th scope="col">In use</th>
            <th scope="col">Offered</th>
          </tr>
        </thead>
        <tbody>
          <Row name="Off the truth" tip="How far how sure it is, and how often it is right, are apart on average." of={[points(before), points(after)]} />
          <Row name="Right, of the answered" tip="Of the judged answers that it would give by itself." of={[share(before.precision), share(after.precision)]} />
          <Row name="Answered" tip="Of all judged answers. The rest goes to people." of={[share(before.coverage), share(after.coverage)]} />
        </tbody>
      </table>
    </div>
  );
}

function Row({ name, tip, of }: { name: string; tip: string; of: string[] }) {
  return (
    <tr>
      <th scope="row">
        {name} <Tip about={name}>{tip}</Tip>
      </th>
      {of.map((words, at) => (
        <td key={at}>{words}</td>
      ))}
    </tr>
  );
}

function GoBack({ changed }: { changed(): Promise<void> }) {
  const [asking, setAsking] = useState(false);
  const goBack = async () => {
    await searching.goBack();
    show({ text: "The shipped calibration is in use again." });
    await changed();
  };
  return (
    <div class="buttons">
      <button type="button" class="button" onClick={() => setAsking(true)}>
        Go back to the shipped one…
      </button>
      {asking && (
        <ConfirmDialog title="Go back to the shipped calibration?" act="Go back" run={goBack} close={() => setAsking(false)}>
          <p>It holds from the next search on. The judged answers are kept, and what they make is offered again.</p>
        </ConfirmDialog>
      )}
    </div>
  );
}
