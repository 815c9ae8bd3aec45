import { useEffect, useReducer, useRef } from "preact/hooks";
import type { Chat } from "./chat.ts";
import { Composer } from "./Composer.tsx";
import { MessageLog } from "./MessageLog.tsx";

const PHONE = "(max-width: 640px)";

interface Props {
  chat: Chat;
  close(): void;
  launcher: HTMLElement;
}

export function ChatWindow({ chat, close, launcher }: Props) {
  useChanges(chat);
  const dialog = useDialog(chat.open, launcher);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") close();
    event.stopPropagation(); // The site's own keys are not meant while someone writes here.
  };
  const onCancel = (event: Event) => {
    event.preventDefault();
    close();
  };
  return (
    <dialog ref={dialog} class="window" aria-labelledby="title" onKeyDown={onKeyDown} onCancel={onCancel}>
      <header>
        <div>
          <h2 id="title">{chat.config.name || "Chat with us"}</h2>
          <p class="state" role="status">
            {connectionText(chat)}
          </p>
        </div>
        <button type="button" class="quiet" aria-label="Close chat" onClick={close}>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M6 6l12 12M18 6L6 18" />
          </svg>
        </button>
      </header>
      <MessageLog chat={chat} />
      <Composer chat={chat} />
    </dialog>
  );
}

function connectionText(chat: Chat): string {
  if (chat.notServed) return "This chat is not available. What you wrote is kept here.";
  if (!chat.lost) return "";
  return chat.unsent.length ? "No connection. Your messages are kept and will be sent." : "No connection. Trying again.";
}

function useChanges(chat: Chat): void {
  const [, redraw] = useReducer((count: number, _: void) => count + 1, 0);
  useEffect(() => {
    redraw(); // What changed between the first drawing and this subscription.
    return chat.subscribe(() => redraw());
  }, [chat]);
}

/** Non-modal on a desktop, modal with the browser's own focus trap on a phone. */
function useDialog(open: boolean, launcher: HTMLElement) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current!;
    if (open && !element.open) {
      if (matchMedia(PHONE).matches) element.showModal();
      else element.show();
      element.querySelector("textarea")?.focus();
    } else if (!open && element.open) {
      element.close();
      launcher.focus();
    }
  }, [open]);
  return dialog;
}
