import { me } from "./api.ts";
import type { Author } from "./model.ts";

/** Who changed a thread or a customer last, as the events told it. */
const changers = new Map<string, string>();

export function noteChanger(id: string | undefined, by: Author | null | undefined): void {
  if (!id || !by || by.id === me.value?.id) return;
  changers.set(id, by.kind === "agent" ? "The AI" : (by.name ?? "Someone"));
}

/** A name to begin a sentence with. */
export const changerOf = (id: string): string => changers.get(id) ?? "Someone else";
