import { useEffect, useRef } from "preact/hooks";
import { signOut } from "../api.ts";
import { keyHelp, overlay } from "../keys.ts";

export function KeySheet() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = overlay.value === "keys";
  useEffect(() => {
    if (open) dialog.current!.showModal();
    else dialog.current!.close();
  }, [open]);
  return (
    <dialog ref={dialog} class="key-sheet" aria-labelledby="key-sheet" onClose={() => open && (overlay.value = null)}>
      <h2 id="key-sheet">Keys</h2>
      <dl>
        {keyHelp.map(([keys, does]) => (
          <>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </>
        ))}
      </dl>
      <form method="dialog">
        <button class="button">Done</button>
        <button type="button" class="button" onClick={() => (overlay.value = "account")}>
          Your account…
        </button>
        <button type="button" class="button" onClick={() => void signOut()}>
          Sign out
        </button>
      </form>
    </dialog>
  );
}
