import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

export interface MenuItem {
  label: string;
  /** Said beside the label: "Tue 09:00". */
  detail?: string;
  run(): void;
}

interface Props {
  label: string;
  items: MenuItem[];
  children: ComponentChildren;
  shortcut?: string;
}

/** A button that opens a list of acts; arrows walk it, Esc leaves it. */
export function Menu({ label, items, children, shortcut }: Props) {
  const open = useSignal(false); // Read by keys that come before the next drawing.
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    if (open.value) itemsIn(root.current!)[0]?.focus();
  }, [open.value]);
  const close = () => {
    open.value = false;
    button.current!.focus(); // Before the act: a dialog that it opens gives the focus back to here.
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open.value) return;
    event.stopPropagation(); // The inbox's own keys rest meanwhile.
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") step(root.current!, 1);
    else if (event.key === "ArrowUp") step(root.current!, -1);
    else return;
    event.preventDefault();
  };
  const onFocusOut = ({ relatedTarget }: FocusEvent) => {
    if (!root.current!.contains(relatedTarget as Node | null)) open.value = false;
  };
  return (
    <div ref={root} class="menu" onKeyDown={onKeyDown} onFocusOut={onFocusOut}>
      <button
        ref={button}
        type="button"
        class="button"
        aria-haspopup="menu"
        aria-expanded={open.value}
        aria-label={label}
        aria-keyshortcuts={shortcut}
        title={shortcut ? `${label} (${shortcut})` : label}
        onClick={() => (open.value = !open.value)}
      >
        {children}
      </button>
      {open.value && (
        <ul role="menu" aria-label={label}>
          {items.map((item) => (
            <li key={item.label} role="none">
              <button type="button" role="menuitem" tabIndex={-1} onClick={() => (close(), item.run())}>
                {item.label}
                {item.detail && <span class="quiet">{item.detail}</span>}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function itemsIn(root: HTMLElement): HTMLElement[] {
  return [...root.querySelectorAll<HTMLElement>("[role=menuitem]")];
}

function step(root: HTMLElement, by: number): void {
  const items = itemsIn(root);
  const at = items.indexOf(document.activeElement as HTMLElement);
  items[(at + by + items.length) % items.length]?.focus();
}
