import { clock, day } from "@onethread/browser/time.ts";
import { useState } from "preact/hooks";
import { REACH, type Article, type ArticleVersion } from "../../knowledge-model.ts";
import { knowledge } from "../../knowledge.ts";
import { useReading } from "../../reading.ts";
import { Words } from "../MessageView.tsx";
import { State } from "./Frame.tsx";

/** Who wrote what when, and which one customers are told. */
export function ArticleVersions({ article }: { article: Article }) {
  const about = [article.id, article.version, article.live_version];
  const { value, failure } = useReading(async () => (await knowledge.versions(article.id)).items, about);
  const [opened, setOpened] = useState<number | null>(null);
  return (
    <div>
      <h2>Versions</h2>
      {failure && <p class="failure">{failure}</p>}
      <ul class="rows" aria-label="Versions">
        {value?.map((version) => (
          <li key={version.version}>
            <button
              type="button"
              class="link"
              aria-expanded={opened === version.version}
              onClick={() => setOpened(opened === version.version ? null : version.version)}
            >
              Version {version.version}
            </button>
            <span class="states">{version.version === article.live_version && <State kind="ok">Customers are told this</State>}</span>
            <span class="quiet">
              {version.author}, {day(version.at)} {clock(version.at)}
            </span>
            {opened === version.version && <VersionText version={version} />}
          </li>
        ))}
      </ul>
    </div>
  );
}

function VersionText({ version }: { version: ArticleVersion }) {
  return (
    <div class="passage">
      <p>
        <b>{version.title}</b> <span class="quiet">{REACH[version.audience]}</span>
      </p>
      <Words text={version.text} />
      {version.wordings.length > 0 && <p class="quiet">Questions: {version.wordings.join(" · ")}</p>}
    </div>
  );
}
