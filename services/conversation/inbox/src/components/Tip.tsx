import { useId } from "preact/hooks";

/** What a word means, for whoever asks: by pointer, by key, and for those who listen. */
export function Tip({ about, children }: { about: string; children: string }) {
  const id = useId();
  return (
    <>
      <button type="button" class="tip" popovertarget={id} aria-label={`What is ${about}?`} title={children}>
        ?
      </button>
      <p id={id} popover="auto" class="tip-text">
        {children}
      </p>
    </>
  );
}
