import { useId, useState } from "preact/hooks";
import { linesOf } from "../../agent-settings.ts";
import { REACH, type ArticleContent, type Reach } from "../../knowledge-model.ts";
import { Words } from "../MessageView.tsx";
import { Choice } from "./Frame.tsx";

const LOCALE = "[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*";

interface Props {
  content: ArticleContent;
  set(change: Partial<ArticleContent>): void;
}

export function ArticleFields({ content, set }: Props) {
  return (
    <>
      <label class="field">
        Title
        <input required maxLength={500} value={content.title} onInput={({ currentTarget }) => set({ title: currentTarget.value })} />
      </label>
      <TextWithPreview text={content.text} set={(text) => set({ text })} />
      <div class="filters">
        <Choice label="Who may read it" value={content.audience} pick={(audience) => set({ audience: audience as Reach })}>
          {REACH}
        </Choice>
        <label class="field">
          Language
          <input
            pattern={LOCALE}
            title="As in en, de or pt-BR"
            placeholder="Any"
            value={content.locale ?? ""}
            onInput={({ currentTarget }) => set({ locale: currentTarget.value.trim() || null })}
          />
        </label>
        <label class="field">
          Address of the public page, if there is one
          <input
            type="url"
            placeholder="https://"
            maxLength={2000}
            value={content.url ?? ""}
            onInput={({ currentTarget }) => set({ url: currentTarget.value.trim() || null })}
          />
        </label>
      </div>
      <label class="field">
        Questions that it answers, in customers' own words, one a line
        <textarea
          rows={4}
          defaultValue={content.wordings.join("\n")}
          onInput={({ currentTarget }) => set({ wordings: linesOf(currentTarget.value) })}
        />
      </label>
    </>
  );
}

/** Side by side where there is room; else one at a time. */
function TextWithPreview({ text, set }: { text: string; set(text: string): void }) {
  const [looking, setLooking] = useState(false);
  const name = useId();
  return (
    <div class="writing" data-looking={looking}>
      <button type="button" class="button turn" aria-pressed={looking} onClick={() => setLooking(!looking)}>
        Preview
      </button>
      <label class="field">
        Text, in Markdown
        <textarea required rows={16} value={text} onInput={({ currentTarget }) => set(currentTarget.value)} />
      </label>
      <div class="as-shown" role="region" aria-labelledby={name} tabIndex={0}>
        <p id={name} class="quiet">
          As a chat shows it
        </p>
        {text.trim() ? <Words text={text} /> : <p class="quiet">Nothing is written yet.</p>}
      </div>
    </div>
  );
}
