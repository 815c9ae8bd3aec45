import { show } from "../../toasts.ts";

/** Text to be taken over letter by letter. */
export function Copied({ text }: { text: string }) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      show({ text: "Copied." });
    } catch {
      show({ text: "The browser does not let us copy. Select the text instead." });
    }
  };
  return (
    <>
      <code>{text}</code>
      <button type="button" class="link" onClick={() => void copy()}>
        Copy
      </button>
    </>
  );
}
