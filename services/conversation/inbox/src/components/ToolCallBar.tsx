import { useState } from "preact/hooks";
import { settleCall, waitingCalls } from "../tool-calls.ts";
import type { ToolCall } from "../tool-model.ts";

/** What the AI wants to do for the customer. It is done when a teammate approves, once. */
export function ToolCallBar({ threadId }: { threadId: string }) {
  return (
    <>
      {waitingCalls(threadId).map((call) => (
        <Waiting key={call.id} call={call} />
      ))}
    </>
  );
}

function Waiting({ call }: { call: ToolCall }) {
  const [busy, setBusy] = useState(false);
  const settle = async (how: "approve" | "decline") => {
    setBusy(true);
    await settleCall(call, how);
    setBusy(false);
  };
  return (
    <section class="draft" aria-label="The AI wants to do something">
      <p class="head">
        <strong>The AI wants to: {call.wants}</strong>
        <span class="quiet">In {call.title}. The customer asked for it and has proven who they are.</span>
      </p>
      <div class="bar">
        <button type="button" class="button primary" disabled={busy} onClick={() => void settle("approve")}>
          Approve
        </button>
        <button type="button" class="button" disabled={busy} onClick={() => void settle("decline")}>
          Decline
        </button>
        <span class="audience">Approved, it is done once, and the customer is told. Declined, nothing is said.</span>
      </div>
    </section>
  );
}
