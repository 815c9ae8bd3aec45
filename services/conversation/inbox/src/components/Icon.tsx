import { channelIcon } from "@onethread/browser/channels.ts";

export function Icon({ path }: { path: string }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

/** Initials with the badge of the channel; the channel's word always stands nearby. */
export function Avatar({ name, channel }: { name: string; channel: string | undefined }) {
  return (
    <span class="avatar" aria-hidden="true">
      {initials(name)}
      {channel && (
        <span class={`badge channel-${channel}`}>
          <Icon path={channelIcon(channel)} />
        </span>
      )}
    </span>
  );
}

function initials(name: string): string {
  const words = name.split(/[\s@._-]+/).filter(Boolean);
  const letters = words.length > 1 && !name.includes("@") ? [words[0]!, words.at(-1)!] : words.slice(0, 1);
  return letters.map((word) => [...word][0]!.toUpperCase()).join("");
}
