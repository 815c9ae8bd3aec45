import { useState } from "preact/hooks";
import { now } from "../clock.ts";
import type { Customer } from "../model.ts";
import { ProfileForm } from "./ProfileForm.tsx";

export function Profile({ customer }: { customer: Customer }) {
  const [editing, setEditing] = useState(false);
  return (
    <section>
      <h3>
        Customer
        {!editing && (
          <button type="button" class="link" aria-label="Edit the customer" onClick={() => setEditing(true)}>
            Edit
          </button>
        )}
      </h3>
      {editing ? <ProfileForm customer={customer} done={() => setEditing(false)} /> : <Facts customer={customer} />}
    </section>
  );
}

function Facts({ customer }: { customer: Customer }) {
  const attributes = Object.entries(customer.attributes ?? {});
  const { company } = customer;
  const facts: [string, string | null | undefined][] = [
    ["Name", customer.name],
    ["Language", customer.language && languageName(customer.language)],
    ["Time zone", customer.time_zone && zoneWords(customer.time_zone)],
    [
      "Company",
      company && (company.name && company.name !== company.domain ? `${company.name}, ${company.domain}` : company.domain),
    ],
    ...attributes.map(([name, value]): [string, string] => [name, typeof value === "string" ? value : JSON.stringify(value)]),
    ["Since", new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric" }).format(new Date(customer.created_at))],
  ];
  return <dl>{facts.map(([name, value]) => value && <Fact key={name} name={name} value={value} />)}</dl>;
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function languageName(code: string): string {
  try {
    return new Intl.DisplayNames(undefined, { type: "language" }).of(code) ?? code;
  } catch {
    return code; // Not a language tag; whoever set it meant something by it.
  }
}

function zoneWords(zone: string): string {
  try {
    const there = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(now.value);
    return `${zone.replaceAll("_", " ")}, ${there} there`;
  } catch {
    return zone; // Not a zone that this browser knows.
  }
}
