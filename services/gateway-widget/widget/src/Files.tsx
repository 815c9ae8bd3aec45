import type { WidgetFile } from "@onethread/browser/protocol.ts";
import { useEffect, useState } from "preact/hooks";
import type { Chat } from "./chat.ts";

const PICTURES = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/** Larger ones come when they are asked for. */
const DRAWN_BYTES = 5_000_000;

interface Props {
  chat: Chat;
  messageId: string;
}

export function Files({ chat, messageId, files }: Props & { files: readonly WidgetFile[] }) {
  return (
    <ul class="files" aria-label="Files">
      {files.map((file) => (
        <li key={`${file.sha256} ${file.name}`}>
          <FileItem chat={chat} messageId={messageId} file={file} />
        </li>
      ))}
    </ul>
  );
}

function FileItem({ chat, messageId, file }: Props & { file: WidgetFile }) {
  const picture = usePicture(chat, messageId, file);
  const [state, setState] = useState<"" | "loading" | "failed">("");
  const save = async () => {
    setState("loading");
    try {
      saveAs(await chat.file(messageId, file.sha256), file.name);
      setState("");
    } catch {
      setState("failed");
    }
  };
  return (
    <button type="button" class="file" title={`Save ${file.name}`} aria-busy={state === "loading"} onClick={() => void save()}>
      {picture ? <img src={picture} alt={file.name} /> : <span>{file.name}</span>}
      {!picture && <small>{sizeOf(file.size)}</small>}
      {state === "failed" && <small role="alert">Could not be had. Try again.</small>}
    </button>
  );
}

/** Its address within this page, once it has come and is one that this browser draws. */
function usePicture(chat: Chat, messageId: string, { sha256, type, size }: WidgetFile): string | null {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (!PICTURES.includes(type) || size > DRAWN_BYTES) return;
    let made: string | null = null;
    let gone = false;
    const show = async () => {
      const content = new Blob([await chat.file(messageId, sha256)], { type });
      await createImageBitmap(content);
      if (!gone) setAddress((made = URL.createObjectURL(content)));
    };
    show().catch(() => undefined); // It stays a file to save.
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [messageId, sha256]);
  return address;
}

function saveAs(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function sizeOf(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 999_500 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
