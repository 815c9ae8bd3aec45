import { useState } from "preact/hooks";
import { dismiss, link } from "../merging.ts";
import { customerName, type Customer, type Suggestion } from "../model.ts";
import { CAREFUL, Warning } from "./Warning.tsx";

const FEW = 3;

/** Who this may also be. Nothing is joined until somebody says so. */
export function Suggestions({ customer }: { customer: Customer }) {
  const [all, setAll] = useState(false);
  const hidden = customer.maybe.length - FEW;
  return (
    <>
      {customer.maybe.slice(0, all ? undefined : FEW).map((other) => (
        <Maybe key={other.id} customer={customer} other={other} />
      ))}
      {hidden > 0 && !all && (
        <button type="button" class="button" onClick={() => setAll(true)}>
          May be {hidden} others…
        </button>
      )}
    </>
  );
}

function Maybe({ customer, other }: { customer: Customer; other: Suggestion }) {
  const name = customerName(other);
  return (
    <section class="maybe" aria-label={`May be ${name}`}>
      <p>
        <b>May be {name}</b>
        {other.name && other.email && <span class="quiet"> {other.email}</span>}
      </p>
      {CAREFUL.test(other.reason) ? <Warning>{other.reason}</Warning> : <p>{other.reason}</p>}
      <div class="buttons">
        <button type="button" class="button" onClick={() => link(customer, other)}>
          Link…
        </button>
        <button type="button" class="button" onClick={() => void dismiss(customer, other)}>
          Dismiss
        </button>
      </div>
    </section>
  );
}
