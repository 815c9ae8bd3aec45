import { useEffect, useState } from "preact/hooks";
import { api } from "../../api.ts";
import type { Address, Imap, Secrets, Ways } from "../../email-model.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { MailboxForm } from "./MailboxForm.tsx";
import { MailboxSignIn } from "./MailboxSignIn.tsx";
import { Providers } from "./Providers.tsx";

/** Milliseconds. Administrators watch how a mailbox is read for the first time. */
const AGAIN = 5000;

/** Keeps a change; a refusal is thrown. */
export type Change = (change: { imap?: Imap | null; secrets?: Secrets }, said: string) => Promise<void>;

/** How mail comes to an address besides by SMTP: from a mailbox, or by a provider that brings it. */
export function WaysIn({ address, changed }: { address: Address; changed(): Promise<void> }) {
  const [ways, setWays] = useState<Ways | null>(null);
  const [failure, setFailure] = useState("");
  const load = async () => {
    try {
      setWays(await api.ways(address.id));
      setFailure("");
    } catch (error) {
      setFailure(reasonOf(error));
    }
  };
  useEffect(() => {
    void load();
    const again = setInterval(() => void load(), AGAIN);
    return () => clearInterval(again);
  }, [address.id]);
  const change: Change = async (what, said) => {
    setWays(await api.changeWays(address.id, what));
    show({ text: said });
    await changed();
  };
  return (
    <section class="records" aria-label={`Ways to ${address.address}`}>
      <h2>How mail for {address.address} comes in</h2>
      <p class="quiet">By our own mail server it always does. Where your mail stays with a provider, it is fetched or brought.</p>
      {failure && (
        <p class="failure" role="alert">
          The ways could not be read. {failure}
        </p>
      )}
      {ways && !ways.operators_mailbox && <MailboxSignIn key={ways.imap?.signed_in_as} address={address} ways={ways} />}
      {ways && <MailboxForm key={of(ways)} address={address} ways={ways} change={change} />}
      {ways && <Providers ways={ways} change={change} />}
    </section>
  );
}

/** What is typed stays until the mailbox itself is another one. */
const of = ({ imap, secrets }: Ways): string => JSON.stringify([imap, secrets]);
