import { computed, signal } from "@preact/signals";
import { api } from "./api.ts";
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
