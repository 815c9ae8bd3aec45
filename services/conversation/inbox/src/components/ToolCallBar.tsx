import { useState } from "preact/hooks";
import { openCalls, sayWhetherDone, settleCall } from "../tool-calls.ts";
import type { ToolCall } from "../tool-model.ts";

/** What the AI wants to do for the customer, and of what it did what a teammate must look at. */
export function ToolCallBar({ threadId }: { threadId: string }) {
  return (
    <>
      {openCalls(threadId).map((call) => (
        <One key={call.id} call={call} />
      ))}
    </>
  );
}

function One({ call }: { call: ToolCall }) {
  if (call.state === "waits") return <Waiting call={call} />;
  return call.state === "unclear" ? <Unclear call={call} /> : <UnderWay call={call} />;
}

/** It is done when a teammate approves, once. */
function Waiting({ call }: { call: ToolCall }) {
  const [busy, once] = useBusy();
  return (
    <section class="draft" aria-label="The AI wants to do something">
      <p class="head">
        <strong>The AI wants to: {call.wants}</strong>
        <span class="quiet">In {call.title}. The customer asked for it and has proven who they are.</span>
      </p>
      <div class="bar">
        <button type="button" class="button primary" disabled={busy} onClick={() => once(() => settleCall(call, "approve"))}>
          Approve
        </button>
        <button type="button" class="button" disabled={busy} onClick={() => once(() => settleCall(call, "decline"))}>
          Decline
        </button>
        <span class="audience">Approved, it is done once, and the customer is told. Declined, nothing is said.</span>
      </div>
    </section>
  );
}

function UnderWay({ call }: { call: ToolCall }) {
  return (
    <section class="draft" aria-label="The AI does something">
      <p class="head">
        <strong>Under way: {call.wants}</strong>
        <span class="quiet">{call.title} has not answered yet.</span>
      </p>
    </section>
  );
}

/** It is never tried again by itself: somebody looks. */
function Unclear({ call }: { call: ToolCall }) {
  const [busy, once] = useBusy();
  return (
    <section class="draft" aria-label="It is not known whether it was done">
      <p class="head">
        <strong>It is not known whether it was done: {call.wants}</strong>
        <span class="quiet">
          Look in {call.title}: {call.reason}.
        </span>
      </p>
      <div class="bar">
        <button type="button" class="button" disabled={busy} onClick={() => once(() => sayWhetherDone(call, true))}>
          It was done
        </button>
        <button type="button" class="button" disabled={busy} onClick={() => once(() => sayWhetherDone(call, false))}>
          It was not done
        </button>
        <span class="audience">It is not tried again. The customer is told nothing: write to them.</span>
      </div>
    </section>
  );
}

function useBusy(): [boolean, (act: () => Promise<void>) => void] {
  const [busy, setBusy] = useState(false);
  const once = (act: () => Promise<void>) => {
    setBusy(true);
    void act().finally(() => setBusy(false));
  };
  return [busy, once];
}
