import { type ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Proof } from "./proof.ts";

/** The customer shows that a mail address is theirs: first the address, then the code from the mail. */
export function ProofForm({ proof }: { proof: Proof }) {
  const { step } = proof;
  if (step.at === "address")
    return (
      <Asking proof={proof} problem={step.problem} name="email" label="Your email address" submit="Send me a code" onAnswer={(email) => proof.ask(email)}>
        <p>We mail you a code. With it, what you write here and what you mail us is one conversation.</p>
        <input key="email" id="proof" name="email" type="email" autocomplete="email" required maxLength={254} {...described(step.problem)} />
      </Asking>
    );
  if (step.at === "code")
    return (
      <Asking proof={proof} problem={step.problem} name="code" label="Code from the mail" submit="It’s me" onAnswer={(code) => proof.tryCode(code)}>
        <p role="status">{step.said}</p>
        <input key="code" id="proof" name="code" type="text" inputMode="numeric" autocomplete="one-time-code" required pattern="\s*\d{6}\s*" maxLength={12} title="The six digits from the mail" {...described(step.problem)} />
      </Asking>
    );
  return null;
}

interface AskingProps {
  proof: Proof;
  name: string;
  label: string;
  submit: string;
  problem: string;
  onAnswer(answer: string): void;
  /** What is said first, and the field. */
  children: [ComponentChildren, ComponentChildren];
}

function Asking({ proof, name, label, submit, problem, onAnswer, children: [said, field] }: AskingProps) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current!.querySelector("input")!.focus(), [name, problem]);
  const onSubmit = (event: Event) => {
    event.preventDefault(); // The page's own address stays as it is.
    const answer = new FormData(form.current!).get(name);
    if (!proof.busy && typeof answer === "string") onAnswer(answer.trim());
  };
  return (
    <form ref={form} class="proof" aria-label="Continue by email" aria-busy={proof.busy} onSubmit={onSubmit}>
      {said}
      <label for="proof">{label}</label>
      {field}
      {problem && (
        <p id="proof-problem" class="bad" role="alert">
          {problem}
        </p>
      )}
      <div class="actions">
        <button type="submit" class="main" aria-disabled={proof.busy}>
          {proof.busy ? "One moment…" : submit}
        </button>
        {name === "code" && (
          <button type="button" class="link" onClick={() => !proof.busy && proof.askAgain()}>
            Send another code
          </button>
        )}
        <button type="button" class="link" onClick={() => proof.close()}>
          Cancel
        </button>
      </div>
    </form>
  );
}

const described = (problem: string) => (problem ? { "aria-invalid": true, "aria-describedby": "proof-problem" } : {});
