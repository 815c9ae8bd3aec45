import { me, signOut } from "../api.ts";
import { overlay } from "../keys.ts";
import { liveState, type LiveState } from "../live.ts";
import { address, route } from "../route.ts";
import { countOf } from "../threads.ts";
import { namedViews, views, type ViewName } from "../views.ts";
import { Icon } from "./Icon.tsx";
import { Search } from "./Search.tsx";

const KEYBOARD = "M3 6h18v12H3zM7 10h0M11 10h0M15 10h0M8 14h8";

const LIGHT: Record<LiveState, string> = {
  connecting: "Connecting…",
  online: "Live",
  offline: "Offline. Trying again.",
};

export function Nav() {
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

function ViewLink({ view }: { view: ViewName }) {
  const current = route.value.view === view ? "page" : undefined;
  const { label, icon } = views[view];
  return (
    <a href={address({ view, threadId: null })} aria-current={current} title={label}>
      <Icon path={icon} />
      <span class="label">{label}</span>
      {view !== "closed" && <span class="count">{countOf(view)}</span>}
    </a>
  );
}
