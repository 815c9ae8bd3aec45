import { signal } from "@preact/signals";
import { useId, useRef, useState } from "preact/hooks";
import { setTags } from "../acts.ts";
import { api } from "../api.ts";
import type { Thread } from "../model.ts";
import { Icon } from "./Icon.tsx";

/** Tags in use in this workspace, to choose from. */
const known = signal<string[]>([]);

export function Tags({ thread }: { thread: Thread }) {
  const [typed, setTyped] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const list = useId();
  const add = () => {
    const tag = typed.trim();
    setTyped("");
    if (tag && !thread.tags.includes(tag)) void setTags(thread, [...thread.tags, tag]);
  };
  const remove = (tag: string) => {
    void setTags(
      thread,
      thread.tags.filter((one) => one !== tag),
    );
    field.current!.focus();
  };
  return (
    <div class="fact tags">
      <span>Tags</span>
      <ul>
        {thread.tags.map((tag) => (
          <li key={tag} class="tag">
            {tag}
            <button type="button" class="plain" aria-label={`Remove the tag ${tag}`} onClick={() => remove(tag)}>
              <Icon path="M7 7l10 10M17 7L7 17" />
            </button>
          </li>
        ))}
        <li class="add">
          <input
            ref={field}
            aria-label="Add a tag"
            aria-keyshortcuts="l"
            placeholder="Add a tag"
            list={list}
            maxLength={100}
            value={typed}
            onFocus={() => void loadTags()}
            onInput={(event) => setTyped(event.currentTarget.value)}
            onKeyDown={(event) => event.key === "Enter" && add()}
            onBlur={add}
          />
        </li>
      </ul>
      <datalist id={list}>
        {known.value
          .filter((tag) => !thread.tags.includes(tag))
          .map((tag) => (
            <option key={tag} value={tag} />
          ))}
      </datalist>
    </div>
  );
}

async function loadTags(): Promise<void> {
  const page = await api.tags().catch(() => null); // Without suggestions tags can still be typed.
  if (page) known.value = page.items.map((tag) => (typeof tag === "string" ? tag : tag.name));
}
