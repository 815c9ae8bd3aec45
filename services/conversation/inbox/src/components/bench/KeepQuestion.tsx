import { useState } from "preact/hooks";
import { reasonOf } from "../../threads.ts";
import { show } from "../../toasts.ts";

interface Props {
  label: string;
  keep(): Promise<unknown>;
}

/** Makes a question of the test bench of what is shown. */
export function KeepQuestion({ label, keep }: Props) {
  const [kept, setKept] = useState(false);
  const act = async () => {
    if (kept) return;
    try {
      await keep();
      setKept(true);
      show({ text: "It is a question of the test bench now." });
    } catch (error) {
      show({ text: `Not kept. ${reasonOf(error)}`, failed: true });
    }
  };
  return (
    <button type="button" class="link" aria-disabled={kept} onClick={() => void act()}>
      {kept ? "In the test bench" : label}
    </button>
  );
}
