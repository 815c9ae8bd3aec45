import { signal } from "@preact/signals";
import { api } from "./api.ts";
import { loadCurrentCustomer } from "./customers.ts";
import { reread } from "./messages.ts";
import { customerName, type Customer, type KnownIdentity, type Merge, type Person, type Suggestion } from "./model.ts";
import { route } from "./route.ts";
import { reasonOf, refresh } from "./threads.ts";
import { offerUndo, show } from "./toasts.ts";

/** The open merge dialog: who stays, and whom they may be joined with once chosen. */
export const merging = signal<{ customer: Person; other: Person | null; reason?: string } | null>(null);

/** Opens the dialog for two who may be one: whoever has proven something stays, and the other becomes part of them. */
export function link(customer: Customer, { reason, ...other }: Suggestion): void {
  const isProven = customer.identities.some(({ kind, trust }) => kind !== "visitor" && trust === "verified");
  merging.value = isProven ? { customer, other, reason } : { customer: other, other: customer, reason };
}

/** A merge moves threads from customer to customer, so everything on the screen is read again. */
async function readAll(): Promise<void> {
  await Promise.all([refresh(), reread(route.value.threadId)]);
  await loadCurrentCustomer();
}

/** Throws the server's refusal. */
export async function merge(customer: Person, other: Person, reason?: string): Promise<void> {
  const { act_id } = await api.merge(customer.id, other.id, reason);
  await readAll();
  offerUndo(`${customerName(other)} and ${customerName(customer)} are one customer now.`, act_id, readAll);
}

export function unmerge(customer: Customer, { act_id, customer: other }: Merge): Promise<void> {
  return attempt(`separate ${customerName(other)}`, async () => {
    await api.unmerge(customer.id, act_id);
    await readAll();
    const again = { label: "Merge again", run: () => void (merging.value = { customer, other }) };
    show({ text: `${customerName(other)} is a customer of their own again.`, act: again });
  });
}

/** The identity was somebody else's: it gets a customer of its own. */
export function unlink(customer: Customer, { id, value }: KnownIdentity): Promise<void> {
  return attempt(`unlink ${value}`, async () => {
    const { act_id } = await api.unlink(customer.id, id!);
    await readAll();
    offerUndo(`${value} belongs to a customer of its own now.`, act_id, readAll);
  });
}

export function dismiss(customer: Customer, other: Person): Promise<void> {
  return attempt("dismiss this", async () => {
    await api.dismiss(customer.id, other.id);
    await loadCurrentCustomer();
    show({ text: `${customerName(other)} is someone else. This is not suggested again.` });
  });
}

async function attempt(what: string, does: () => Promise<void>): Promise<void> {
  try {
    await does();
  } catch (error) {
    show({ text: `Could not ${what}. ${reasonOf(error)}`, failed: true });
  }
}
