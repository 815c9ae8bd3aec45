import { useState } from "preact/hooks";
import { changerOf } from "../changers.ts";
import { saveProfile } from "../customers.ts";
import type { Customer } from "../model.ts";
import { reasonOf } from "../threads.ts";

const FIELDS = { name: "Name", language: "Language", time_zone: "Time zone" } as const;
type Field = keyof typeof FIELDS;
const ZONES = Intl.supportedValuesOf("timeZone");

/** Only what was typed is sent, and it stays typed if somebody else saved first. */
export function ProfileForm({ customer, done }: { customer: Customer; done(): void }) {
  const [typed, setTyped] = useState<Partial<Record<Field, string>>>({});
  const [seen, setSeen] = useState(customer.version);
  const [notice, setNotice] = useState("");
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    const change = changeOf(customer, typed);
    if (Object.keys(change).length === 0) return done();
    try {
      const outcome = await saveProfile(customer.id, change, seen);
      if (outcome === "saved") return done();
      setSeen(outcome.overtakenBy); // Shown now: saving again replaces it.
      setNotice("overtaken");
    } catch (error) {
      setNotice(`Not saved. ${reasonOf(error)}`);
    }
  };
  return (
    <form class="profile-form" onSubmit={save}>
      {(Object.keys(FIELDS) as Field[]).map((field) => (
        <label key={field} class="field">
          {FIELDS[field]}
          <input
            name={field}
            value={typed[field] ?? customer[field] ?? ""}
            list={field === "time_zone" ? "time-zones" : undefined}
            placeholder={field === "language" ? "en, pt-BR" : undefined}
            autofocus={field === "name"}
            onInput={({ currentTarget: { value } }) => setTyped((before) => ({ ...before, [field]: value }))}
          />
        </label>
      ))}
      <datalist id="time-zones">
        {ZONES.map((zone) => (
          <option key={zone} value={zone} />
        ))}
      </datalist>
      <p class="failure" role="alert">
        {notice === "overtaken" ? overtaken(customer) : notice}
      </p>
      <div class="buttons">
        <button class="button primary">Save</button>
        <button type="button" class="button" onClick={done}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function changeOf(customer: Customer, typed: Partial<Record<Field, string>>): Partial<Record<Field, string | null>> {
  const changes = Object.entries(typed).map(([field, text]) => [field, text.trim() || null] as const);
  return Object.fromEntries(changes.filter(([field, value]) => value !== (customer[field as Field] ?? null)));
}

function overtaken(customer: Customer): string {
  const state = (Object.keys(FIELDS) as Field[]).map((field) => `${FIELDS[field].toLowerCase()} ${customer[field] || "empty"}`);
  return `${changerOf(customer.id)} changed this meanwhile: ${state.join(", ")}. What you typed is kept; save again to use it.`;
}
