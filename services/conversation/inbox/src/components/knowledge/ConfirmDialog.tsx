import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { reasonOf } from "../../threads.ts";
import { Dialog } from "../Dialog.tsx";

interface Props {
  title: string;
  /** The word on the button: what happens. */
  act: string;
  run(): Promise<unknown>;
  close(): void;
  children: ComponentChildren;
}

/** Asks before something that cannot be undone. A refusal is told in it, and it stays. */
export function ConfirmDialog({ title, act, run, close, children }: Props) {
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const confirm = async () => {
    setBusy(true);
    try {
      await run();
      close();
    } catch (error) {
      setFailure(reasonOf(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} close={close}>
      <div class="stack">
        {children}
        <p class="failure" role="alert">
          {failure}
        </p>
        <div class="buttons">
          <button type="button" class="button danger" aria-disabled={busy} onClick={() => !busy && void confirm()}>
            {act}
          </button>
          <button type="button" class="button" autofocus onClick={close}>
            Keep it
          </button>
        </div>
      </div>
    </Dialog>
  );
}
