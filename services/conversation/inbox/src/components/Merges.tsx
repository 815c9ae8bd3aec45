import { unmerge } from "../merging.ts";
import { customerName, type Customer, type Merge } from "../model.ts";

/** The customers who were joined to this one, each with the way back. */
export function Merges({ customer }: { customer: Customer }) {
  const merges = customer.merges ?? [];
  if (merges.length === 0) return null;
  return (
    <section>
      <h3>Includes</h3>
      <ul class="merges">
        {merges.map((merge) => (
          <li key={merge.act_id}>
            <p>
              {who(customer, merge)}, joined {by(merge)} on {date(merge.at)}
            </p>
            {merge.reason && <p class="quiet">{merge.reason}</p>}
            <button
              type="button"
              class="link"
              aria-label={`Unmerge ${customerName(merge.customer)}`}
              onClick={() => void unmerge(customer, merge)}
            >
              Unmerge
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

const AS = { visitor: "widget visitor", email: "email", slack_user: "Slack", site_user: "the site's own account" };

/** "Bo (widget visitor)": the name, and the way in which they came. */
function who(customer: Customer, { customer: other }: Merge): string {
  const came = customer.identities.find(({ customer_id }) => customer_id === other.id);
  if (!came) return customerName(other);
  if (other.name) return `${other.name} (${AS[came.kind] ?? came.kind})`;
  return came.kind === "visitor" ? "A widget visitor" : came.value;
}

function by({ how, by: teammate }: Merge): string {
  if (how === "proof") return "by proof";
  const name = typeof teammate === "string" ? teammate : teammate?.name;
  return `by ${name ?? "a teammate"}`;
}

function date(iso: string): string {
  return new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" }).format(new Date(iso));
}
