import { clock } from "@onethread/browser/time.ts";
import type { Delivery, Message } from "../model.ts";
import { deliverAgain } from "../sending.ts";

const WORDS: Record<Delivery["state"], string> = {
  queued: "Sending…",
  sent: "Sent",
  delivered: "Delivered",
  seen: "Seen",
  retrying: "Not delivered yet",
  failed: "Not delivered",
};

/** How far the sending got. In a run of messages only the last says it, unless something is wrong. */
export function DeliveryState({ message, last }: { message: Message; last: boolean }) {
  const { delivery } = message;
  if (!delivery || message.note) return null;
  const wrong = delivery.state === "failed" || delivery.state === "retrying";
  if (!last && !wrong) return null;
  return (
    <p class={wrong ? `delivery ${delivery.state === "failed" ? "bad" : "late"}` : "delivery"}>
      {inWords(delivery)}
      {delivery.state === "failed" && (
        <button type="button" class="link" onClick={() => void deliverAgain(message)}>
          Retry
        </button>
      )}
    </p>
  );
}

function inWords({ state, reason, retry_at }: Delivery): string {
  const words = (WORDS[state] ?? state) + (reason ? `: ${reason}` : "");
  return state === "retrying" && retry_at ? `${words}. Trying again at ${clock(retry_at)}` : words;
}
