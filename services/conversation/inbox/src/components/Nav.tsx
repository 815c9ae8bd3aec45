import { isAdministrator, me, signOut } from "../api.ts";
import { overlay } from "../keys.ts";
import { liveState, type LiveState } from "../live.ts";
import { places, SECTIONS, type Place, type Section } from "../pages.ts";
import { address, route } from "../route.ts";
import { countOf } from "../threads.ts";
import { namedViews, views, type ViewName } from "../views.ts";
import { Icon } from "./Icon.tsx";
import { Search } from "./Search.tsx";

const KEYBOARD = "M3 6h18v12H3zM7 10h0M11 10h0M15 10h0M8 14h8";
const BOOK = "M4 5c3-1 6-1 8 1 2-2 5-2 8-1v14c-3-1-6-1-8 1-2-2-5-2-8-1zM12 6v14";

const LIGHT: Record<LiveState, string> = {
  connecting: "Connecting…",
  online: "Live",
  offline: "Offline. Trying again.",
};

export function Nav() {
  const section = route.value.page?.section;
  return (
    <nav aria-label="Main">
      <div class="brand">
        <i />
        <span>Onethread</span>
      </div>
      <Search />
      <div class="views">
        {namedViews.map((view) => (
          <ViewLink key={view} view={view} />
        ))}
      </div>
      <PageLinks section="agent" />
      <div class="views pages">
        <a href="/inbox/knowledge" aria-current={section === "knowledge" ? "page" : undefined} title="Knowledge">
          <Icon path={BOOK} />
          <span class="label">Knowledge</span>
        </a>
      </div>
      <PageLinks section="email" />
      <div class="self">
        <p class={`light ${liveState.value}`} role="status">
          <i />
          <span>{LIGHT[liveState.value]}</span>
        </p>
        <button type="button" class="plain name" title="Your account" onClick={() => (overlay.value = "account")}>
          {me.value?.name}
        </button>
        <button type="button" class="plain" aria-label="Keys and account" onClick={() => (overlay.value = "keys")}>
          <Icon path={KEYBOARD} />
          <span class="label">
            Keys <kbd>?</kbd>
          </span>
        </button>
        <button type="button" class="plain label" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </nav>
  );
}

/** A section's pages that whoever is signed in may open. */
function PageLinks({ section }: { section: Section }) {
  const open = places.filter((place) => place.section === section && (!place.administrators || isAdministrator()));
  if (open.length === 0) return null;
  return (
    <div class="views pages">
      <p class="group">{SECTIONS[section]}</p>
      {open.map((place) => (
        <PageLink key={place.name} place={place} />
      ))}
    </div>
  );
}

function PageLink({ place }: { place: Place }) {
  const current = route.value.page === place ? "page" : undefined;
  const name = `${SECTIONS[place.section]}: ${place.label}`;
  return (
    <a href={address({ page: place })} aria-current={current} aria-label={name} title={name}>
      <Icon path={place.icon} />
      <span class="label">{place.label}</span>
    </a>
  );
}

function ViewLink({ view }: { view: ViewName }) {
  const current = !route.value.page && route.value.view === view ? "page" : undefined;
  const { label, icon } = views[view];
  return (
    <a href={address({ view, threadId: null })} aria-current={current} title={label}>
      <Icon path={icon} />
      <span class="label">{label}</span>
      {view !== "closed" && <span class="count">{countOf(view)}</span>}
    </a>
  );
}
