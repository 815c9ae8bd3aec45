import { useEffect, useRef, useState } from "preact/hooks";
import type { Page } from "./model.ts";
import { reasonOf } from "./threads.ts";

export interface Reading<Value> {
  value: Value | null;
  failure: string;
  /** Reads again; what is known stays until then. */
  again(): Promise<void>;
}

const POLL = 1_500;

/** What `read` gives, read anew when `about` changes, and again and again as long as it `runs`. An answer that comes
 * after the question has changed is not shown. */
export function useReading<Value>(
  read: () => Promise<Value>,
  about: unknown[] = [],
  runs: (value: Value) => boolean = () => false,
): Reading<Value> {
  const [state, setState] = useState<{ value: Value | null; failure: string }>({ value: null, failure: "" });
  const asked = useRef(0);
  const again = async () => {
    const mine = ++asked.current;
    try {
      const value = await read();
      if (mine === asked.current) setState({ value, failure: "" });
    } catch (error) {
      const failure = reasonOf(error);
      if (mine === asked.current) setState((before) => ({ ...before, failure }));
    }
  };
  useEffect(() => {
    void again();
    return () => void (asked.current += 1);
  }, about);
  useEffect(() => {
    if (!state.value || !runs(state.value)) return undefined;
    const timer = setTimeout(() => void again(), POLL);
    return () => clearTimeout(timer);
  }, [state]);
  return { ...state, again };
}

const LARGEST_PAGE = 200;

/** The first `count` of a list, page by page, as the server gives them. */
export async function firstOf<Item>(count: number, read: (page: Record<string, string>) => Promise<Page<Item>>): Promise<Page<Item>> {
  const items: Item[] = [];
  let next: Page<Item>["next"] = null;
  do {
    const limit = String(Math.min(LARGEST_PAGE, count - items.length));
    const page: Page<Item> = await read(next === null ? { limit } : { limit, cursor: String(next) });
    items.push(...page.items);
    next = page.next;
  } while (next !== null && items.length < count);
  return { items, next };
}
