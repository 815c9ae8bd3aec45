import type { Attachment, Message } from "./model.ts";

/** Types that a browser draws and nothing else. */
const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

export const isPicture = (one: { type: string }): boolean => PICTURES.includes(one.type.toLowerCase());

export const attachmentAddress = (messageId: string, one: Attachment): string =>
  `/api/v1/messages/${messageId}/attachments/${one.sha256}`;

export const originalAddress = (messageId: string): string => `/api/v1/messages/${messageId}/raw`;

/** Whether the message came as a mail, which is kept as it came. */
export const hasOriginal = (message: Message): boolean =>
  message.channel?.kind === "email" && message.author.kind === "customer";

/** What a message brings with it. A picture in the text that stood in one above, such as the logo of a signature, is
 * left out, and what one message holds twice is shown once. `seen` are the pictures above; this adds its own. */
export function newAttachments(message: Message, seen: Set<string>): Attachment[] {
  const own = new Map((message.attachments ?? []).map((one) => [`${one.sha256} ${one.name}`, one]));
  const shown = [...own.values()].filter((one) => !one.inline || !seen.has(one.sha256));
  for (const one of shown) if (one.inline) seen.add(one.sha256);
  return shown;
}

export function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
