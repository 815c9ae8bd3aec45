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

/** Whether the address itself is dead. A complaint came of what has arrived. */
const REPORTS: Record<NonNullable<Delivery["report"]>, string> = {
  hard: "Came back",
  soft: "Came back, may arrive another time",
  complaint: "Delivered, but",
};

/** How far the sending got. In a run of messages only the last says it, unless something is wrong. */
export function DeliveryState({ message, last }: { message: Message; last: boolean }) {
  const { delivery } = message;
  if (!delivery || message.note) return null;
  const copies = delivery.state === "sent" && (delivery.report || delivery.retry_at);
  const wrong =
    delivery.state === "failed" || delivery.state === "retrying" || delivery.report === "complaint" || copies;
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

function inWords({ state, reason, retry_at, report }: Delivery): string {
  // What was sent has a report of a copy, and its reason says whose.
  const words = (report && state !== "sent" ? REPORTS[report] : (WORDS[state] ?? state)) + (reason ? `: ${reason}` : "");
  return state === "retrying" && retry_at ? `${words}. Trying again at ${clock(retry_at)}` : words;
}
