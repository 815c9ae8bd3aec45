import { computed, signal } from "@preact/signals";
import { api, Problem, type CustomerChange } from "./api.ts";
import type { Customer } from "./model.ts";
import { currentThread, reasonOf } from "./threads.ts";

type Known = { customer: Customer } | { failure: string };

const customers = signal<ReadonlyMap<string, Known>>(new Map());

export const currentCustomer = computed(() => customers.value.get(currentThread.value?.customer.id ?? ""));

export async function loadCustomer(id: string, onlyIfKnown = false): Promise<void> {
  if (onlyIfKnown && !customers.value.has(id)) return;
  const known = await api.customer(id).then(
    (customer): Known => ({ customer }),
    (error: unknown): Known => ({ failure: reasonOf(error) }),
  );
  if ("failure" in known && customers.value.has(id)) return; // What was known is better than nothing.
  customers.value = new Map(customers.value).set(id, known);
}

export async function loadCurrentCustomer(): Promise<void> {
  const id = currentThread.value?.customer.id;
  if (id) await loadCustomer(id);
}

/** Saves what was changed on the version `seen`. If somebody was faster, what they made of it is loaded; the rest throws. */
export async function saveProfile(
  id: string,
  change: CustomerChange,
  seen?: number,
): Promise<"saved" | { overtakenBy?: number }> {
  try {
    await api.changeCustomer(id, change, seen);
    await loadCustomer(id);
    return "saved";
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 412) throw error;
    await loadCustomer(id);
    const known = customers.value.get(id);
    return known && "customer" in known ? { overtakenBy: known.customer.version } : {};
  }
}
