import { currentCustomer } from "../customers.ts";
import { overlay } from "../keys.ts";
import { merging } from "../merging.ts";
import { customerName, type Customer } from "../model.ts";
import { address, route } from "../route.ts";
import { currentDetail, currentThread } from "../threads.ts";
import { Icon } from "./Icon.tsx";
import { Identities } from "./Identities.tsx";
import { Merges } from "./Merges.tsx";
import { Profile } from "./Profile.tsx";
import { SideMail } from "./SideMail.tsx";
import { Suggestions } from "./Suggestions.tsx";
import { ThreadFacts } from "./ThreadFacts.tsx";
import { ThreadLine } from "./ThreadPicker.tsx";

export function CustomerPane() {
  const thread = currentThread.value;
  const known = currentCustomer.value;
  return (
    <aside class="pane customer" aria-label="Customer">
      <header>
        <h2>{thread ? customerName(thread.customer) : "Customer"}</h2>
        <button type="button" class="plain for-drawer" aria-label="Close" onClick={() => (overlay.value = null)}>
          <Icon path="M6 6l12 12M18 6L6 18" />
        </button>
      </header>
      {thread && (
        <div class="profile" key={thread.id} tabIndex={-1}>
          {known && "customer" in known && <Suggestions customer={known.customer} />}
          <ThreadFacts thread={thread} />
          <SideMail thread={thread} />
          {known && "failure" in known && <p class="failure">Could not load the customer. {known.failure}</p>}
          {known && "customer" in known && <Known customer={known.customer} />}
        </div>
      )}
    </aside>
  );
}

function Known({ customer }: { customer: Customer }) {
  return (
    <>
      <Profile key={customer.id} customer={customer} />
      <Identities customer={customer} />
      <Merges customer={customer} />
      <Participants customer={customer} />
      <OtherThreads customer={customer} />
      <button type="button" class="button" onClick={() => (merging.value = { customer, other: null })}>
        Merge with another customer…
      </button>
    </>
  );
}

function Participants({ customer }: { customer: Customer }) {
  const own = new Set(customer.identities.map(({ value }) => value));
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

function OtherThreads({ customer }: { customer: Customer }) {
  const others = customer.threads.filter(({ id }) => id !== route.value.threadId);
  if (others.length === 0) return null;
  return (
    <section>
      <h3>Other conversations</h3>
      <ul class="others">
        {others.map((one) => (
          <li key={one.id}>
            <a href={address({ view: route.value.view, threadId: one.id })}>
              <ThreadLine summary={one} />
            </a>
          </li>
        ))}
      </ul>
    </section>
  );
}
