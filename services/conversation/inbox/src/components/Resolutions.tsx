import { percent, type Ending, type ResolutionReport } from "../agent-model.ts";
import { Figure } from "./Figure.tsx";

/** In this order: what is proven, what is only assumed, what speaks against it. */
const ENDINGS: [Ending, string, (report: ResolutionReport) => string][] = [
  ["confirmed", "Confirmed", () => "The customer said so: only thanks, a thumb up, or a score of 4 or 5."],
  [
    "assumed",
    "Assumed",
    ({ window_hours }) => `The customer said nothing for ${window_hours} hours after the answer. Silence is no proof.`,
  ],
  [
    "reopened",
    "Reopened",
    ({ reopen_days }) => `It counted as resolved, and the customer came back within ${reopen_days} days.`,
  ],
  ["negative", "Negative", () => "A thumb down, or a score of 1 or 2. It outweighs thanks."],
  ["pending", "Too early to say", ({ window_hours }) => `The customer said nothing, but the ${window_hours} hours are not over.`],
];

export function ResolutionFigures({ report }: { report: ResolutionReport }) {
  const { total } = report;
  if (total.answered_last + total.handed_off + total.taken_over === 0) return null;
  return (
    <section>
      <h2>What became of its answers</h2>
      <dl class="figures">
        <Figure name="Answered last" value={total.answered_last}>
          Answers to the customer after which nobody said more before the customer did.
        </Figure>
        {ENDINGS.map(([ending, name, means]) => (
          <Figure key={ending} name={name} value={shown(total[ending], total.answered_last)}>
            {means(report)}
          </Figure>
        ))}
        <Figure name="Handed off" value={total.handed_off}>
          Conversations that the agent gave to people.
        </Figure>
        <Figure name="Taken over" value={total.taken_over}>
          A teammate went on after the answer, unasked by the customer.
        </Figure>
      </dl>
    </section>
  );
}

const shown = (count: number, of: number): string => (of ? `${count} · ${percent(count / of)}` : String(count));
