import type { FrameFromBrowser, FrameFromGateway } from "@onethread/browser/protocol.ts";

/** How far the customer is with showing that a mail address is theirs. `problem` and `said` are for them to read. */
export type ProofStep =
  | { at: "closed" }
  | { at: "address"; busy: boolean; problem: string }
  | { at: "code"; busy: boolean; problem: string; said: string; proofId: string }
  | { at: "proven"; said: string };

const NOT_SENT = "There is no connection just now. Please try again in a moment.";
const ANSWER_WAIT = 25_000;

interface ProofOptions {
  send(frame: FrameFromBrowser): boolean;
  onProven(): void;
  onChange(): void;
}

/** One customer's proof of their address: the address, then the code that was mailed to it. */
export class Proof {
  step: ProofStep = { at: "closed" };
  private email = "";
  private silence: ReturnType<typeof setTimeout> | undefined;

  constructor(private options: ProofOptions) {}

  open(): void {
    this.become({ at: "address", busy: false, problem: "" });
  }

  close(): void {
    this.become({ at: "closed" });
  }

  ask(email: string): void {
    this.email = email;
    this.wait({ at: "address", busy: true, problem: "" }, { type: "prove", email });
  }

  askAgain(): void {
    if (!this.email) return this.open(); // A teammate asked for the first one.
    if (this.step.at === "code") this.wait({ ...this.step, busy: true, problem: "" }, { type: "prove", email: this.email });
  }

  tryCode(code: string): void {
    if (this.step.at !== "code") return;
    this.wait({ ...this.step, busy: true, problem: "" }, { type: "code", proof_id: this.step.proofId, code });
  }

  receive(frame: Extract<FrameFromGateway, { type: "prove" | "code" }>): void {
    if (frame.type === "prove" && frame.by_teammate) return this.started(frame);
    if (!this.busy) return; // Cancelled meanwhile.
    if (frame.type === "prove") this.started(frame);
    else if (this.step.at === "code" && frame.proof_id === this.step.proofId) this.tried(frame);
  }

  /** The answer to what was asked will not come any more, or is a refusal. */
  failed(problem = NOT_SENT): void {
    if (this.busy) this.become({ ...this.step, busy: false, problem } as ProofStep);
  }

  get busy(): boolean {
    return "busy" in this.step && this.step.busy;
  }

  private started({ state, message, proof_id }: Extract<FrameFromGateway, { type: "prove" }>): void {
    if (state === "sent" && proof_id) this.become({ at: "code", busy: false, problem: "", said: message, proofId: proof_id });
    else this.failed(message);
  }

  private tried({ state, message }: Extract<FrameFromGateway, { type: "code" }>): void {
    if (state === "wrong") return this.failed(message);
    if (state === "over") return this.become({ at: "address", busy: false, problem: message });
    this.options.onProven();
    this.become({ at: "proven", said: message });
  }

  private wait(step: ProofStep, frame: FrameFromBrowser): void {
    this.become(step);
    if (!this.options.send(frame)) return this.failed();
    this.silence = setTimeout(() => this.failed(), ANSWER_WAIT);
  }

  private become(step: ProofStep): void {
    clearTimeout(this.silence);
    this.step = step;
    this.options.onChange();
  }
}
