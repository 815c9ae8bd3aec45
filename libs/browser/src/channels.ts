import type { ChannelKind } from "./protocol.ts";

/** The word and the 24 px line icon of each channel; a colour alone never tells which it is. */
const CHANNELS: Record<ChannelKind, { word: string; icon: string }> = {
  widget: { word: "Chat", icon: "M21 12a8 8 0 0 1-8 8H4l2-3a8 8 0 1 1 15-5z" },
  email: { word: "Email", icon: "M3 6h18v12H3zM3 7l9 6 9-6" },
  slack: { word: "Slack", icon: "M9 3v18M15 3v18M3 9h18M3 15h18" },
};

/** A new channel shows under its own name until it gets a word here. */
export function channelWord(kind: string): string {
  return CHANNELS[kind as ChannelKind]?.word ?? kind.charAt(0).toUpperCase() + kind.slice(1);
}

export function channelIcon(kind: string): string {
  return CHANNELS[kind as ChannelKind]?.icon ?? "M4 12h16M12 4v16";
}
