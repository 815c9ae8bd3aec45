import { useState } from "preact/hooks";
import { api } from "../api.ts";
import { unlink } from "../merging.ts";
import type { Customer, Identity, KnownIdentity } from "../model.ts";
import { reasonOf } from "../threads.ts";
import { proof } from "../trust.ts";

const KIND: Record<Identity["kind"], string> = { email: "Email", slack_user: "Slack", site_user: "Site", visitor: "Chat" };

export function Identities({ customer }: { customer: Customer }) {
  const claims = (customer.claims ?? []).filter(({ value }) => !customer.identities.some((one) => one.value === value));
  return (
    <section>
      <h3>Identities</h3>
      <dl>
        {distinct(customer.identities).map((identity) => (
          <IdentityLine key={`${identity.kind} ${identity.value} ${identity.trust}`} identity={identity} customer={customer} />
        ))}
        {claims.map((claim) => (
          <ClaimLine key={claim.value} kind={claim.kind} value={claim.value} customerId={customer.id} />
        ))}
      </dl>
    </section>
  );
}

/** Each browser is a visitor; that there were several says nothing about the person. */
function distinct(identities: KnownIdentity[]): KnownIdentity[] {
  const visitor = identities.find(({ kind }) => kind === "visitor");
  return identities.filter((identity) => identity.kind !== "visitor" || identity === visitor);
}

function IdentityLine({ identity, customer }: { identity: KnownIdentity; customer: Customer }) {
  const { kind, value, trust } = identity;
  if (kind === "visitor") return <Line kind={kind}>visitor of the website</Line>;
  const verified = trust === "verified";
  return (
    <Line kind={kind}>
      <span class="value">{verified ? value : `claims to be ${value}`}</span>
      <span class={verified ? "trust proven" : "trust"}>{proof(identity)}</span>
      {!verified && kind === "email" && <AskForProof customerId={customer.id} value={value} />}
      {identity.id && customer.identities.length > 1 && (
        <button type="button" class="link" aria-label={`Unlink ${value}`} onClick={() => void unlink(customer, identity)}>
          Unlink
        </button>
      )}
    </Line>
  );
}

function ClaimLine({ kind, value, customerId }: { kind: Identity["kind"]; value: string; customerId: string }) {
  return (
    <Line kind={kind}>
      <span class="value">says: {value}</span>
      <span class="trust">Not proven</span>
      {kind === "email" && <AskForProof customerId={customerId} value={value} />}
    </Line>
  );
}

function Line({ kind, children }: { kind: Identity["kind"]; children: preact.ComponentChildren }) {
  return (
    <>
      <dt>{KIND[kind] ?? kind}</dt>
      <dd>{children}</dd>
    </>
  );
}

function AskForProof({ customerId, value }: { customerId: string; value: string }) {
  const [asked, setAsked] = useState<"no" | "asking" | "yes">("no");
  const [failure, setFailure] = useState("");
  const ask = async () => {
    setAsked("asking");
    setFailure("");
    try {
      await api.prove(customerId, value);
      setAsked("yes");
    } catch (error) {
      setAsked("no");
      setFailure(`Not asked. ${reasonOf(error)}`);
    }
  };
  return (
    <span class="ask" aria-live="polite">
      {asked === "yes" ? (
        <span class="quiet">A mail that asks for it is on its way there. It holds for 10 minutes.</span>
      ) : (
        <button type="button" class="link" aria-disabled={asked === "asking"} onClick={() => asked === "no" && void ask()}>
          Ask for proof
        </button>
      )}
      {failure && <span class="bad">{failure}</span>}
    </span>
  );
}
