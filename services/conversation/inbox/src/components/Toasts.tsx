import { hideToast, holdToast, resumeToast, said, toast } from "../toasts.ts";
import { Icon } from "./Icon.tsx";

/** What was done and the way back; and, for those who listen, what only eyes would see. */
export function Toasts() {
  const shown = toast.value;
  return (
    <>
      <p class="hidden" aria-live="polite">
        {said.value}
      </p>
      <section
        class="toasts"
        aria-label="Notices"
        aria-live="polite"
        onMouseEnter={holdToast}
        onMouseLeave={resumeToast}
        onFocusIn={holdToast}
        onFocusOut={resumeToast}
      >
        {shown && (
          <div class={shown.failed ? "toast failed" : "toast"}>
            <p>{shown.text}</p>
            {shown.act && (
              <button type="button" class="link" onClick={shown.act.run}>
                {shown.act.label}
              </button>
            )}
            <button type="button" class="plain" aria-label="Dismiss the notice" onClick={hideToast}>
              <Icon path="M6 6l12 12M18 6L6 18" />
            </button>
          </div>
        )}
      </section>
    </>
  );
}
