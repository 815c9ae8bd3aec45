import { age } from "@onethread/browser/time.ts";
import { now } from "../clock.ts";
import { currentCustomer } from "../customers.ts";
import { overlay } from "../keys.ts";
import { customerName, type Customer, type Identity } from "../model.ts";
import { address, route } from "../route.ts";
import { currentDetail, currentThread } from "../threads.ts";
import { Icon } from "./Icon.tsx";

const IDENTITY: Record<Identity["kind"], string> = {
  email: "Email",
  slack_user: "Slack",
  site_user: "Site",
  visitor: "Chat",
};

export function CustomerPane() {
  const thread = currentThread.value;
  const known = currentCustomer.value;
  return (
    <aside class="pane customer" aria-label="Customer">
      <header>
        <h2>Customer</h2>
        <button type="button" class="plain for-drawer" aria-label="Close" onClick={() => (overlay.value = null)}>
          <Icon path="M6 6l12 12M18 6L6 18" />
        </button>
      </header>
      {thread && (
        <div class="profile">
          <div>
            <h3 class="who">{customerName(thread.customer)}</h3>
            {known && "customer" in known && <p class="quiet">{since(known.customer)}</p>}
          </div>
          {known && "failure" in known && <p class="failure">Could not load the customer. {known.failure}</p>}
          {known && "customer" in known && <Profile customer={known.customer} />}
          <Participants />
        </div>
      )}
    </aside>
  );
}

function since(customer: Customer): string {
  const month = new Intl.DateTimeFormat(undefined, { month: "short", year: "numeric" }).format(new Date(customer.created_at));
  const count = customer.threads.length;
  return `Since ${month} · ${count} ${count === 1 ? "conversation" : "conversations"}`;
}

function Profile({ customer }: { customer: Customer }) {
  const others = customer.threads.filter((thread) => thread.id !== route.value.threadId);
  return (
    <>
      {customer.maybe.map((other) => (
        <p key={other.id} class="maybe">
          <b>May be {other.name ?? "another customer"}</b>: {other.reason}
        </p>
      ))}
      <section>
        <h3>Identities</h3>
        <dl>
          {distinct(customer.identities).map((identity) => (
            <IdentityLine key={identity.kind + identity.value} identity={identity} />
          ))}
        </dl>
      </section>
      {others.length > 0 && (
        <section>
          <h3>Other conversations</h3>
          <ul class="others">
            {others.map((thread) => (
              <li key={thread.id}>
                <a href={address({ view: route.value.view, threadId: thread.id })}>
                  {thread.status === "open" ? "Open" : thread.status === "closed" ? "Closed" : "Snoozed"} ·{" "}
                  {age(thread.updated_at, now.value)}
                </a>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

/** Each browser is a visitor; that there were several says nothing about the person. */
function distinct(identities: Identity[]): Identity[] {
  const visitor = identities.find(({ kind }) => kind === "visitor");
  return identities.filter((identity) => identity.kind !== "visitor" || identity === visitor);
}

function IdentityLine({ identity }: { identity: Identity }) {
  const anonymous = identity.kind === "visitor";
  const verified = identity.trust === "verified";
  return (
    <>
      <dt>{IDENTITY[identity.kind] ?? identity.kind}</dt>
      <dd>
        {verified || anonymous ? (anonymous ? "visitor of the website" : identity.value) : `claims to be ${identity.value}`}
        {!anonymous && (
          <span class={verified ? "trust proven" : "trust"}>
            {verified ? "verified" : "not proven"}
            {identity.evidence && `: ${identity.evidence}`}
          </span>
        )}
      </dd>
    </>
  );
}

function Participants() {
  const known = currentCustomer.value;
  const own = new Set(known && "customer" in known ? known.customer.identities.map(({ value }) => value) : []);
  const participants = (currentDetail.value?.participants ?? []).filter(({ identity }) => !own.has(identity.value));
  if (participants.length === 0) return null;
  return (
    <section>
      <h3>Also in this conversation</h3>
      <ul class="others">
        {participants.map(({ name, identity }) => (
          <li key={identity.value}>{name ? `${name}, ${identity.value}` : identity.value}</li>
        ))}
      </ul>
    </section>
  );
}
