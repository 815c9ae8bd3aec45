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

/** "saved"; "overtaken": somebody changed it meanwhile, and what they made of it is loaded. Other refusals throw. */
export async function saveProfile(customer: Customer, change: CustomerChange): Promise<"saved" | "overtaken"> {
  try {
    await api.changeCustomer(customer.id, change, customer.version);
    await loadCustomer(customer.id);
    return "saved";
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 412) throw error;
    await loadCustomer(customer.id);
    return "overtaken";
  }
}
