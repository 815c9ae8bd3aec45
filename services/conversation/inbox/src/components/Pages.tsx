import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import type { Place, Section } from "../pages.ts";

/** What is shown at each of the `places` of a section, by name. */
export type Shown = Record<string, ComponentType>;

/** A section is fetched when it is first opened: whoever answers customers may never do so. */
const FETCH: Record<Section, () => Promise<{ pages: Shown }>> = {
  agent: () => import("./AgentPages.ts"),
  knowledge: () => import("./knowledge/KnowledgePages.ts"),
  email: () => import("./email/EmailPages.ts"),
};

const fetched = signal<Partial<Record<Section, Shown | "failed">>>({});

async function fetchPages(section: Section): Promise<void> {
  if (typeof fetched.value[section] === "object") return;
  const pages = await FETCH[section]().then(
    (found) => found.pages,
    () => "failed" as const,
  );
  fetched.value = { ...fetched.value, [section]: pages };
}

export function Page({ place: { section, name, label } }: { place: Place }) {
  useEffect(() => void fetchPages(section), [section]);
  const pages = fetched.value[section];
  const Found = typeof pages === "object" ? pages[name] : undefined;
  return Found ? <Found /> : <Awaited label={label} failed={pages === "failed"} />;
}

/** The server has the files of its own version alone: after an update only the whole inbox, loaded anew, finds them. */
function Awaited({ label, failed }: { label: string; failed: boolean }) {
  return (
    <section class="pane page" aria-label={label} aria-busy={!failed}>
      <header>
        <h1>{label}</h1>
      </header>
      {failed && (
        <div class="content">
          <p class="failure" role="alert">
            This page could not be loaded. The server is away, or was updated meanwhile.
          </p>
          <button type="button" class="button" onClick={() => location.reload()}>
            Load again
          </button>
        </div>
      )}
    </section>
  );
}
