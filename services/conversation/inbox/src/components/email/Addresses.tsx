import { useEffect, useState } from "preact/hooks";
import { api } from "../../api.ts";
import { domainsOf, type Address, type Returned } from "../../email-model.ts";
import { begunFor, LABELS, takeAnswer, type Answer } from "../../email-sign-in.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { AddressForm } from "./AddressForm.tsx";
import { DomainRecords } from "./DomainRecords.tsx";
import { SignInOutcome } from "./SignInOutcome.tsx";
import { WaysIn } from "./WaysIn.tsx";

/** The support addresses: how mails from them look, and whether others take them for genuine. */
export function AddressesPage() {
  const [addresses, setAddresses] = useState<Address[] | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const [failure, setFailure] = useState("");
  const load = async (next?: string | null) => {
    setFailure("");
    try {
      setAddresses((await api.addresses()).items);
      if (next !== undefined) setOpen(next);
    } catch (error) {
      setFailure(reasonOf(error));
    }
  };
  const [outcome, setOutcome] = useState<Returned | null>(null);
  const finish = async ({ provider, said }: Answer) => {
    setOutcome({ busy: true, ok: true, words: [] });
    try {
      const { address_id, account, checked } = await api.finishSignIn(provider, said);
      const follows = checked.ok ? "The mailbox is read from now on." : "The mailbox cannot be read yet.";
      const words = [`Signed in at ${LABELS[provider]} as ${account}. ${follows}`, ...checked.words];
      setOutcome({ busy: false, ok: checked.ok, words });
      await load(address_id);
    } catch (error) {
      setOutcome({ busy: false, ok: false, words: [reasonOf(error)] });
      await load(begunFor());
    }
  };
  useEffect(() => {
    const answer = takeAnswer();
    void (answer ? finish(answer) : load());
  }, []);
  const chosen = addresses?.find(({ id }) => id === open);
  return (
    <section class="pane page" aria-label="Email: addresses">
      <header>
        <h1>Email: addresses</h1>
        <button type="button" class="button" onClick={() => setOpen("new")}>
          New address
        </button>
      </header>
      <div class="content">
        {failure && (
          <p class="failure" role="alert">
            The addresses could not be read. {failure}
          </p>
        )}
        {outcome && <SignInOutcome outcome={outcome} />}
        {addresses && <AddressList addresses={addresses} open={open} choose={setOpen} />}
        {open === "new" && <NewAddress done={load} />}
        {chosen && <AddressForm key={chosen.id} address={chosen} done={load} />}
        {chosen && <WaysIn key={chosen.id} address={chosen} changed={load} />}
        {addresses && domainsOf(addresses).map((domain) => <DomainRecords key={domain} domain={domain} />)}
      </div>
    </section>
  );
}

interface ListProps {
  addresses: Address[];
  open: string | null;
  choose(id: string): void;
}

function AddressList({ addresses, open, choose }: ListProps) {
  if (addresses.length === 0) return <p class="quiet">Customers cannot write mails to you yet. Make an address first.</p>;
  return (
    <div class="scroll">
      <table class="words">
        <thead>
          <tr>
            <th>Address</th>
            <th>Name</th>
            <th>State</th>
          </tr>
        </thead>
        <tbody>
          {addresses.map((one) => (
            <tr key={one.id}>
              <th>
                <button type="button" class="link" aria-expanded={one.id === open} onClick={() => choose(one.id)}>
                  {one.address}
                </button>
              </th>
              <td>{one.name}</td>
              <td>{one.installation ? "of the installation" : one.active ? "on" : "off"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NewAddress({ done }: { done(open: string | null): Promise<void> }) {
  const [address, setAddress] = useState("");
  const [name, setName] = useState("");
  const [failure, setFailure] = useState("");
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    setFailure("");
    try {
      const { id } = await api.createAddress(name, address);
      show({ text: "Made. Mail to it is taken within a few seconds." });
      await done(id);
    } catch (error) {
      setFailure(`Not made. ${reasonOf(error)}`);
    }
  };
  return (
    <form class="agent-form" aria-label="New address" onSubmit={save}>
      <fieldset>
        <legend>New address</legend>
        <label class="field">
          Address
          <input
            type="email"
            required
            placeholder="sales@shop.example"
            value={address}
            onInput={({ currentTarget: { value } }) => setAddress(value)}
          />
        </label>
        <label class="field">
          What teammates call it
          <input required placeholder="Sales" value={name} onInput={({ currentTarget: { value } }) => setName(value)} />
        </label>
        <p class="failure" role="alert">
          {failure}
        </p>
        <button class="button primary">Make it</button>
      </fieldset>
    </form>
  );
}
