import { signal } from "@preact/signals";
import { api } from "./api.ts";
import { reasonOf } from "./threads.ts";

/** What was just done, and the way back. */
export interface Toast {
  text: string;
  act?: { label: string; run(): void };
  failed?: boolean;
}

export const toast = signal<Toast | null>(null);

/** Said once to those who listen, for what only eyes would see. */
export const said = signal("");

/** Milliseconds; longer when there is something to do about it. */
const SHOWN = 4_000;
const SHOWN_WITH_ACT = 10_000;
let timer: ReturnType<typeof setTimeout>;

export function show(shown: Toast): void {
  toast.value = shown;
  resumeToast();
}

export function hideToast(): void {
  clearTimeout(timer);
  toast.value = null;
}

/** It stays while someone points at it or stands in it. */
export const holdToast = (): void => clearTimeout(timer);

export function resumeToast(): void {
  clearTimeout(timer);
  timer = setTimeout(hideToast, toast.value?.act || toast.value?.failed ? SHOWN_WITH_ACT : SHOWN);
}

/** Offers to undo an act; `after` reads again what the undo touched. */
export function offerUndo(text: string, actId: string, after: () => Promise<unknown>): void {
  const undo = async () => {
    hideToast();
    try {
      await api.undo(actId);
      await after();
      show({ text: "Undone." });
    } catch (error) {
      show({ text: `Could not undo. ${reasonOf(error)}`, failed: true });
    }
  };
  show({ text, act: { label: "Undo", run: () => void undo() } });
}
