import { useState } from "preact/hooks";
import { linesOf } from "../../agent-settings.ts";
import { api } from "../../api.ts";
import { senderShown, writingOf, type Address, type Writing } from "../../email-model.ts";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";
import { ConfirmDialog } from "../knowledge/ConfirmDialog.tsx";

interface Props {
  address: Address;
  /** Read again, and show this one. */
  done(open: string | null): Promise<void>;
}

/** How mails from an address look. */
export function AddressForm({ address, done }: Props) {
  const [own, setOwn] = useState<Writing>(writingOf(address));
  const [failure, setFailure] = useState("");
  const [removing, setRemoving] = useState(false);
  const [aliases, setAliases] = useState(address.aliases.join("\n"));
  const set = (change: Partial<Writing>) => setOwn({ ...own, ...change });
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    setFailure("");
    try {
      await api.changeAddress(address.id, { ...own, aliases: linesOf(aliases) }, address.version);
      show({ text: "Saved. Replies look like this within a few seconds." });
      await done(address.id);
    } catch (error) {
      setFailure(`Not saved. ${reasonOf(error)}`);
    }
  };
  const remove = async () => {
    await api.removeAddress(address.id);
    await done(null);
  };
  return (
    <form class="agent-form" aria-label={address.address} onSubmit={save}>
      <fieldset>
        <legend>Mails from {address.address}</legend>
        <Line label="Sender of a reply; {name} is who writes it" value={own.sender} put={(sender) => set({ sender })} />
        <p class="quiet">
          A reply by Kim is from <b class="shown">{senderShown(own, address.address)}</b>.
        </p>
        <Line
          label="Sender where nobody in particular writes"
          value={own.display_name}
          put={(display_name) => set({ display_name })}
        />
        <label class="field">
          Signature below each reply, in Markdown; {"{name}"} is who writes it
          <textarea
            rows={4}
            maxLength={4000}
            value={own.signature}
            onInput={({ currentTarget }) => set({ signature: currentTarget.value })}
          />
        </label>
        <Check
          label="Below a reply stands the message before it, as its readers know it"
          on={own.quotes_history}
          put={(quotes_history) => set({ quotes_history })}
        />
        <Check
          label="Whoever begins a conversation is told by mail that it has arrived: once a day, only where their address is proven"
          on={own.receipt}
          put={(receipt) => set({ receipt })}
        />
        <Check
          label="Minutes after a conversation is closed, its customer is asked by mail how your help was, at most once a week"
          on={own.asks_rating}
          put={(asks_rating) => set({ asks_rating })}
        />
        <Check
          label="Mail for an address with +something arrives here too. Without it, answers are told by their headers alone"
          on={own.plus_addresses}
          put={(plus_addresses) => set({ plus_addresses })}
        />
        <label class="field">
          Addresses elsewhere that forward their mail to this one, one a line. Mail for them was written to you
          <textarea
            rows={2}
            value={aliases}
            placeholder="help@shop.example"
            onInput={({ currentTarget: { value } }) => setAliases(value)}
          />
        </label>
        <p class="failure" role="alert">
          {failure}
        </p>
        <div class="buttons">
          <button class="button primary">Save</button>
          {!address.installation && (
            <button type="button" class="button" onClick={() => setRemoving(true)}>
              Remove
            </button>
          )}
        </div>
      </fieldset>
      {removing && (
        <ConfirmDialog title={`Remove ${address.address}?`} act="Remove" run={remove} close={() => setRemoving(false)}>
          <p>Mail to it is refused, and nothing is sent from it any more. Conversations stay.</p>
        </ConfirmDialog>
      )}
    </form>
  );
}

function Line({ label, value, put }: { label: string; value: string; put(text: string): void }) {
  return (
    <label class="field">
      {label}
      <input required maxLength={200} value={value} onInput={({ currentTarget }) => put(currentTarget.value)} />
    </label>
  );
}

function Check({ label, on, put }: { label: string; on: boolean; put(on: boolean): void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={on} onChange={({ currentTarget: { checked } }) => put(checked)} />
      {label}
    </label>
  );
}
