import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { isAdministrator } from "../../api.ts";
import type { Page } from "../../model.ts";
import { places, SECTIONS } from "../../pages.ts";
import { address, route } from "../../route.ts";

interface Props {
  /** What can be done here, beside the title. */
  acts?: ComponentChildren;
  failure?: string;
  children: ComponentChildren;
}

/** A page of the section, with the way to its other pages. */
export function Frame({ acts, failure, children }: Props) {
  const page = route.value.page!;
  const others = places.filter(({ section, administrators }) => section === page.section && (!administrators || isAdministrator()));
  return (
    <section class="pane page knowledge" aria-label={`${SECTIONS[page.section]}: ${page.label}`}>
      <header>
        <h1>
          {SECTIONS[page.section]}: {page.label.toLowerCase()}
        </h1>
        {acts}
      </header>
      <div ref={useCurrentInSight()} class="section-pages" role="navigation" aria-label={SECTIONS[page.section]}>
        {others.map((place) => (
          <a key={place.name} href={address({ page: place })} aria-current={place === page ? "page" : undefined}>
            {place.label}
          </a>
        ))}
      </div>
      <div class="content">
        {failure && (
          <p class="failure" role="alert">
            {failure}
          </p>
        )}
        {children}
      </div>
    </section>
  );
}

/** On a narrow screen the pages are more than fit: the one that is shown is moved to where it is seen. */
function useCurrentInSight() {
  const pages = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    pages.current!.querySelector("[aria-current=page]")?.scrollIntoView({ block: "nearest", inline: "center" });
  });
  return pages;
}

/** As long as there are more. */
export function More({ of, show }: { of: Page<unknown> | null; show(): void }) {
  if (!of || of.next === null) return null;
  return (
    <button type="button" class="button" onClick={show}>
      Show more
    </button>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  pick(value: string): void;
  /** Words by value. */
  children: Record<string, string>;
}

export function Choice({ label, value, pick, children }: ChoiceProps) {
  return (
    <label class="field">
      {label}
      <select value={value} onChange={(event) => pick(event.currentTarget.value)}>
        {Object.entries(children).map(([one, words]) => (
          <option key={one} value={one}>
            {words}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A state in a word; the colour only repeats it. */
export function State({ kind, children }: { kind: "ok" | "busy" | "bad" | "plain"; children: ComponentChildren }) {
  return <span class={`state ${kind}`}>{children}</span>;
}
