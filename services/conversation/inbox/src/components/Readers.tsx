import { useState } from "preact/hooks";
import { copyTo } from "../composing.ts";
import type { ReplyChannel } from "../model.ts";

interface Props {
  threadId: string;
  channel: ReplyChannel;
  copies: readonly string[];
}

const MOST = 10;

/** Who gets a reply by mail. Nobody is added who is not seen here. */
export function Readers({ threadId, channel, copies }: Props) {
  const [adding, setAdding] = useState(false);
  const without = (address: string) => copyTo(threadId, copies.filter((one) => one !== address));
  return (
    <div class="readers" role="group" aria-label="Who gets it">
      <span class="quiet">To</span> <span class="reader">{channel.to}</span>
      {copies.length > 0 && <span class="quiet">Cc</span>}
      {copies.map((address) => (
        <span key={address} class="reader">
          {address}
          <button type="button" class="plain" aria-label={`Leave out ${address}`} onClick={() => without(address)}>
            ×
          </button>
        </span>
      ))}
      {adding ? (
        <NewReader add={(address) => copyTo(threadId, [...new Set([...copies, address])])} close={() => setAdding(false)} />
      ) : (
        copies.length < MOST && (
          <button type="button" class="link" onClick={() => setAdding(true)}>
            Add Cc
          </button>
        )
      )}
    </div>
  );
}

function NewReader({ add, close }: { add(address: string): void; close(): void }) {
  const take = (field: HTMLInputElement) => {
    const address = field.value.trim().toLowerCase();
    if (address && !field.checkValidity()) return field.reportValidity();
    if (address) add(address);
    close();
  };
  return (
    <input
      type="email"
      aria-label="Address for the copy"
      placeholder="name@example.com"
      ref={(field) => field?.focus()}
      onBlur={({ currentTarget }) => currentTarget.value.trim() === "" && close()}
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
        if (event.key !== "Enter") return;
        event.preventDefault();
        take(event.currentTarget);
      }}
    />
  );
}
