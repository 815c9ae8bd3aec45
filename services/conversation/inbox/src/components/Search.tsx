import { address, go, route } from "../route.ts";

let pause: ReturnType<typeof setTimeout>;

export function Search() {
  const onInput = ({ currentTarget: { value } }: { currentTarget: HTMLInputElement }) => {
    clearTimeout(pause);
    pause = setTimeout(() => search(value.trim()), 200);
  };
  return (
    <label class="search">
      <input type="search" aria-label="Search" placeholder="Search" value={route.value.query} onInput={onInput} />
      <kbd>/</kbd>
    </label>
  );
}

function search(query: string): void {
  go(address(query ? { view: "search", threadId: null, query } : { view: "all", threadId: null }));
}
