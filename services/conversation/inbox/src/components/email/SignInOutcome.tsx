import type { Returned } from "../../email-model.ts";

/** What came of a sign-in to a mailbox, after the provider led back here. */
export function SignInOutcome({ outcome }: { outcome: Returned }) {
  if (outcome.busy) {
    return (
      <p role="status" class="quiet">
        Signing in, and trying the mailbox…
      </p>
    );
  }
  return (
    <div class={`record ${outcome.ok ? "right" : "wrong"}`} role={outcome.ok ? "status" : "alert"} aria-label="The sign-in">
      {outcome.words.map((words) => (
        <p key={words}>{words}</p>
      ))}
    </div>
  );
}
