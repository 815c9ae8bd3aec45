import { isAdministrator, me, signOut } from "../api.ts";
import { overlay } from "../keys.ts";
import { liveState, type LiveState } from "../live.ts";
import { places, type Place } from "../pages.ts";
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
      <div class="views pages">
        <p class="group">AI agent</p>
        {places.filter(isOfAgent).map((place) => (
          <PageLink key={place.name} place={place} />
        ))}
      </div>
      <div class="views pages">
        <a href="/inbox/knowledge" aria-current={section === "knowledge" ? "page" : undefined} title="Knowledge">
          <Icon path={BOOK} />
          <span class="label">Knowledge</span>
        </a>
      </div>
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

const isOfAgent = (place: Place): boolean => place.section === "agent" && (!place.administrators || isAdministrator());

function PageLink({ place }: { place: Place }) {
  const current = route.value.page === place ? "page" : undefined;
  const name = `AI agent: ${place.label}`;
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
