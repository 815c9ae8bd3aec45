import type { Identity, Message } from "./model.ts";

/** What is known about who sent a message, in words. `open`: nobody proved it, so whoever answers must see it. */
export interface TrustWords {
  text: string;
  open: boolean;
  forged?: boolean;
}

export function trustOf({ identity, channel, author, verdict }: Message): TrustWords | null {
  if (author.kind !== "customer" || !identity) return null;
  if (verdict === "forged") return { text: forgery(identity), open: true, forged: true };
  if (identity.kind === "visitor") return { text: "Known only by this browser", open: false };
  if (identity.trust === "verified") return { text: proof(identity), open: false };
  if (identity.kind === "slack_user") return { text: proof(identity), open: true };
  const what = channel?.kind === "email" ? "mail" : "message";
  const because = identity.evidence ? ` (${identity.evidence})` : "";
  return { text: `Not proven: this ${what} only claims to be from ${identity.value}${because}.`, open: true };
}

function forgery({ value, evidence }: Identity): string {
  const because = evidence ? ` (${evidence})` : "";
  return `Forged: this mail says that it is from ${value}, and that domain does not stand for it${because}.`;
}

/** "Proven: signed by the site", "Not proven: nobody vouched for this mail". */
export function proof({ trust, evidence }: Pick<Identity, "trust" | "evidence">): string {
  const word = trust === "verified" ? "Proven" : "Not proven";
  return evidence ? `${word}: ${evidence}` : word;
}
