import { useState } from "preact/hooks";
import { attachmentAddress, hasOriginal, isPicture, originalAddress, sizeOf } from "../attachments.ts";
import type { Attachment, Message } from "../model.ts";

export function Attachments({ message, files }: { message: Message; files: readonly Attachment[] }) {
  if (!files.length && !hasOriginal(message)) return null;
  return (
    <ul class="attachments" aria-label="Attachments">
      {files.map((file) => (
        <li key={`${file.sha256} ${file.name}`}>
          <File messageId={message.id} file={file} />
        </li>
      ))}
      {hasOriginal(message) && (
        <li class="original">
          <a href={originalAddress(message.id)} target="_blank" rel="noopener">
            Original mail
          </a>
        </li>
      )}
    </ul>
  );
}

/** Of a message that has not left yet. */
export function FileNames({ files }: { files: readonly Attachment[] }) {
  if (!files.length) return null;
  return (
    <ul class="attachments" aria-label="Attachments">
      {files.map((file) => (
        <li key={`${file.sha256} ${file.name}`} class="unsent">
          {file.name} <small>{sizeOf(file.size)}</small>
        </li>
      ))}
    </ul>
  );
}

/** A picture is shown small. What only claims to be one, or is no longer kept, is a link like any other. */
function File({ messageId, file }: { messageId: string; file: Attachment }) {
  const [drawn, setDrawn] = useState(isPicture(file));
  const address = attachmentAddress(messageId, file);
  const words = `${file.name}, ${sizeOf(file.size)}`;
  return (
    <a href={address} target="_blank" rel="noopener" title={words} class={drawn ? "picture" : undefined}>
      {drawn ? (
        <img src={address} alt={words} loading="lazy" onError={() => setDrawn(false)} />
      ) : (
        <>
          {file.name} <small>{sizeOf(file.size)}</small>
        </>
      )}
    </a>
  );
}
