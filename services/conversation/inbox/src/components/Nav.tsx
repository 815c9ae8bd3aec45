import { api, me } from "../api.ts";
import { overlay } from "../keys.ts";
import { liveState, type LiveState } from "../live.ts";
import { address, go, route } from "../route.ts";
import { countOf } from "../threads.ts";
import { namedViews, views, type ViewName } from "../views.ts";
import { Icon } from "./Icon.tsx";

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
        <p class="name">{me.value?.name}</p>
        <button type="button" class="plain" onClick={() => (overlay.value = "keys")}>
          Keys <kbd>?</kbd>
        </button>
        <button type="button" class="plain" onClick={() => void signOut()}>
          Sign out
        </button>
      </div>
    </nav>
  );
}

async function signOut(): Promise<void> {
  await api.signOut().catch(() => undefined); // Whatever the server said, this page shows nothing more.
  me.value = null;
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

let pause: ReturnType<typeof setTimeout>;

function Search() {
  const search = (words: string) => {
    const query = words.trim();
    go(query ? address({ view: "search", threadId: null, query }) : address({ view: "all", threadId: null }));
  };
  const onInput = ({ currentTarget: { value } }: { currentTarget: HTMLInputElement }) => {
    clearTimeout(pause);
    pause = setTimeout(() => search(value), 200);
  };
  return (
    <label class="search">
      <input type="search" aria-label="Search" placeholder="Search" value={route.value.query} onInput={onInput} />
      <kbd>/</kbd>
    </label>
  );
}
