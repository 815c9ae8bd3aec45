import { isAdministrator, me, signOut } from "../api.ts";
import { overlay } from "../keys.ts";
import { liveState, type LiveState } from "../live.ts";
import { address, route, type PageName } from "../route.ts";
import { countOf } from "../threads.ts";
import { namedViews, views, type ViewName } from "../views.ts";
import { Icon } from "./Icon.tsx";
import { Search } from "./Search.tsx";

const KEYBOARD = "M3 6h18v12H3zM7 10h0M11 10h0M15 10h0M8 14h8";

const REPORT = "M4 20h16M7 20v-8M12 20V5M17 20v-5";
const TOOLS = "M14 6a4 4 0 0 0 5 5l-8 8-4-4 8-8M5 17l2 2";
const SETTINGS = "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4";

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
      <div class="views pages">
        <p class="group">AI agent</p>
        <PageLink page="report" label="Report" icon={REPORT} />
        {isAdministrator() && <PageLink page="settings" label="Settings" icon={SETTINGS} />}
        {isAdministrator() && <PageLink page="tools" label="Tools" icon={TOOLS} />}
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

function PageLink({ page, label, icon }: { page: PageName; label: string; icon: string }) {
  const current = route.value.page === page ? "page" : undefined;
  return (
    <a href={address({ page })} aria-current={current} aria-label={`AI agent: ${label}`} title={`AI agent: ${label}`}>
      <Icon path={icon} />
      <span class="label">{label}</span>
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
