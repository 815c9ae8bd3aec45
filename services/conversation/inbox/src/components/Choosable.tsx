import { clock } from "@onethread/browser/time.ts";
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { currentConversation } from "../messages.ts";
import type { Thread } from "../model.ts";
import { choose, chosen } from "../moving.ts";
import type { Item } from "../stream.ts";
import { authorName, MessageView } from "./MessageView.tsx";

interface Props {
  item: Extract<Item, { kind: "message" }>;
  customer: Thread["customer"];
}

/** Where the last choice was made: Shift chooses all from there. */
let anchor: string | null = null;

export function Choosable({ item, customer }: Props) {
  const { message } = item;
  const wanted = chosen.value?.has(message.id) ?? false;
  const toggle = (event: MouseEvent) => {
    choose(event.shiftKey ? between(anchor, message.id) : [message.id], !wanted);
    anchor = message.id;
  };
  const onClick = (event: MouseEvent) => {
    if (!(event.target as Element).closest("a, button, input")) toggle(event);
  };
  return (
    <div class={wanted ? "choosable chosen" : "choosable"} onClick={onClick}>
      <input
        type="checkbox"
        checked={wanted}
        aria-label={`${authorName(message, customer)}, ${clock(message.created_at)}: ${message.text.slice(0, 60)}`}
        onClick={toggle}
        onKeyDown={walk}
      />
      <MessageView item={item} customer={customer} />
    </div>
  );
}

function between(from: string | null, to: string): string[] {
  const ids = (currentConversation.value?.messages ?? []).map(({ id }) => id);
  const [start, end] = [ids.indexOf(from ?? to), ids.indexOf(to)].sort((a, b) => a - b);
  return start! < 0 ? [to] : ids.slice(start, end! + 1);
}

function walk(event: KeyboardEvent): void {
  const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const boxes = boxesIn(event.currentTarget as Element);
  const next = by && boxes[boxes.indexOf(event.currentTarget as HTMLInputElement) + by];
  if (!by) return;
  event.preventDefault();
  if (next) next.focus();
}

const boxesIn = (inside: Element): HTMLInputElement[] => [
  ...inside.closest("[role=log]")!.querySelectorAll<HTMLInputElement>(".choosable > input"),
];

/** Choosing begins at the latest message; when it ends the keyboard is back in the log. */
export function useChoosing(log: RefObject<HTMLElement | null>): void {
  const choosing = chosen.value !== null;
  useLayoutEffect(() => {
    if (!choosing) return;
    const opened = log.current!;
    boxesIn(opened).at(-1)?.focus();
    return () => opened.focus();
  }, [choosing]);
}
