import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  title: string;
  close(): void;
  children: ComponentChildren;
}

/** A modal: the browser keeps the focus inside, takes Esc, and gives the focus back to whoever opened it. */
export function Dialog({ title, close, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const gone = useRef(false);
  const name = useId();
  useLayoutEffect(() => {
    const shown = dialog.current!;
    shown.showModal();
    return () => {
      gone.current = true; // The browser tells of a closing later, when another dialog may be open in its place.
      shown.close();
    };
  }, []);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={name} onClose={() => gone.current || close()}>
      <h2 id={name}>{title}</h2>
      {children}
    </dialog>
  );
}
