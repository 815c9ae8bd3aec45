import type { Opening, OpenHours } from "../agent-model.ts";
import { DAYS, linesOf, OFFICE, shortTime, zoneHere } from "../agent-settings.ts";

interface Props {
  hours: OpenHours | null;
  set(hours: OpenHours | null): void;
}

/** When people answer: what a customer is told who is handed over. */
export function OpenHoursFields({ hours, set }: Props) {
  const begin = (): OpenHours => ({ timezone: zoneHere(), openings: [OFFICE], closed_on: [] });
  return (
    <fieldset>
      <legend>When people answer</legend>
      <label class="check">
        <input type="checkbox" checked={hours !== null} onChange={({ currentTarget }) => set(currentTarget.checked ? begin() : null)} />
        Tell customers when a person will be there
      </label>
      {hours && <Hours hours={hours} set={set} />}
    </fieldset>
  );
}

function Hours({ hours, set }: { hours: OpenHours; set(hours: OpenHours): void }) {
  const replace = (at: number, ...by: Opening[]) => set({ ...hours, openings: hours.openings.toSpliced(at, 1, ...by) });
  return (
    <>
      <label class="field">
        Time zone
        <input
          list="time-zones"
          required
          value={hours.timezone}
          onInput={({ currentTarget: { value } }) => set({ ...hours, timezone: value })}
        />
        <datalist id="time-zones">
          {Intl.supportedValuesOf("timeZone").map((zone) => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
      </label>
      {hours.openings.map((opening, at) => (
        <OpeningFields key={at} opening={opening} set={(one) => replace(at, one)} remove={() => replace(at)} />
      ))}
      {hours.openings.length === 0 && <p class="quiet">Without openings: always.</p>}
      <button type="button" class="button" onClick={() => set({ ...hours, openings: [...hours.openings, OFFICE] })}>
        Add an opening
      </button>
      <label class="field">
        Closed on, one date a line (2026-12-25)
        <textarea
          rows={2}
          defaultValue={hours.closed_on.join("\n")}
          onInput={({ currentTarget: { value } }) => set({ ...hours, closed_on: linesOf(value) })}
        />
      </label>
    </>
  );
}

interface OpeningProps {
  opening: Opening;
  set(opening: Opening): void;
  remove(): void;
}

function OpeningFields({ opening, set, remove }: OpeningProps) {
  const toggle = (day: string, on: boolean) => {
    const days = Object.keys(DAYS).filter((one) => (one === day ? on : opening.days.includes(one)));
    set({ ...opening, days });
  };
  return (
    <div class="opening" role="group" aria-label="Opening">
      <div class="days">
        {Object.entries(DAYS).map(([day, word]) => (
          <label key={day} class="check">
            <input
              type="checkbox"
              checked={opening.days.includes(day)}
              onChange={({ currentTarget: { checked } }) => toggle(day, checked)}
            />
            {word}
          </label>
        ))}
      </div>
      <input
        type="time"
        aria-label="Opens"
        required
        value={shortTime(opening.opens)}
        onInput={({ currentTarget: { value } }) => set({ ...opening, opens: value })}
      />
      –
      <input
        type="time"
        aria-label="Closes"
        required
        value={shortTime(opening.closes)}
        onInput={({ currentTarget: { value } }) => set({ ...opening, closes: value })}
      />
      <button type="button" class="link" onClick={remove}>
        Remove
      </button>
    </div>
  );
}
