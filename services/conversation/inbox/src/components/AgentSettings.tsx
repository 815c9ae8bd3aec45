import { useEffect, useState } from "preact/hooks";
import type { AgentOverview, AgentSettings, Workspace } from "../agent-model.ts";
import { linesOf, numberOf, UNSET, whatAnswersDependOn } from "../agent-settings.ts";
import { api, me } from "../api.ts";
import { reasonOf } from "../threads.ts";
import { show } from "../toasts.ts";
import { AgentModes } from "./AgentModes.tsx";
import { TryChange } from "./bench/TryChange.tsx";
import { OpenHoursFields } from "./OpenHours.tsx";

interface Read {
  workspace: Workspace;
  overview: AgentOverview;
}

/** What an administrator lets the agent do. */
export function AgentSettingsPage() {
  const [read, setRead] = useState<Read | null>(null);
  const [failure, setFailure] = useState("");
  const load = async () => {
    setFailure("");
    try {
      const [workspace, overview] = await Promise.all([api.workspace(me.value!.workspace!), api.agent()]);
      setRead({ workspace, overview });
    } catch (error) {
      setFailure(reasonOf(error));
    }
  };
  useEffect(() => void load(), []);
  return (
    <section class="pane page" aria-label="AI agent: settings">
      <header>
        <h1>AI agent: settings</h1>
      </header>
      <div class="content">
        {failure && (
          <p class="failure" role="alert">
            The settings could not be read. {failure}
          </p>
        )}
        {read && <SettingsForm key={read.workspace.version} read={read} reload={load} />}
      </div>
    </section>
  );
}

function SettingsForm({ read: { workspace, overview }, reload }: { read: Read; reload(): Promise<void> }) {
  const [settings, setSettings] = useState<AgentSettings>({ ...UNSET, ...workspace.settings.agent });
  const [failure, setFailure] = useState("");
  const set = (change: Partial<AgentSettings>) => setSettings({ ...settings, ...change });
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    setFailure("");
    try {
      await api.changeAgent(workspace.id, settings, workspace.version);
      show({ text: "Saved. It holds everywhere within five seconds." });
      await reload();
    } catch (error) {
      setFailure(`Not saved. ${reasonOf(error)}`);
    }
  };
  return (
    <form class="agent-form" onSubmit={save}>
      <AgentModes settings={settings} channels={overview.channels} set={setSettings} />
      <Answering settings={settings} set={set} />
      <OpenHoursFields hours={settings.hours} set={(hours) => set({ hours })} />
      <Budget settings={settings} spent={overview.spent} set={set} />
      <p class="failure" role="alert">
        {failure}
      </p>
      <TryChange change={async () => ({ settings: whatAnswersDependOn(settings) })} />
      <div class="buttons">
        <button class="button primary">Save</button>
        <button type="button" class="button" onClick={() => void reload()}>
          Read again
        </button>
      </div>
    </form>
  );
}

interface FieldsProps {
  settings: AgentSettings;
  set(change: Partial<AgentSettings>): void;
}

function Answering({ settings, set }: FieldsProps) {
  const sure = settings.confidence === null ? "" : String(Math.round(settings.confidence * 100));
  return (
    <fieldset>
      <legend>When it answers</legend>
      <label class="field">
        Sure enough to answer, in percent
        <input
          type="number"
          min={0}
          max={100}
          placeholder="As the installation has it"
          value={sure}
          onInput={({ currentTarget: { value } }) => set({ confidence: value === "" ? null : Number(value) / 100 })}
        />
      </label>
      <label class="field">
        Answers in one conversation, before a person takes it
        <input
          type="number"
          min={1}
          max={100}
          required
          value={settings.max_turns}
          onInput={({ currentTarget: { value } }) => set({ max_turns: Number(value) })}
        />
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={settings.clarify}
          onChange={({ currentTarget: { checked } }) => set({ clarify: checked })}
        />
        It may ask back when a question is not clear
      </label>
      <label class="field">
        Topics that always go to a person, one a line
        <textarea
          rows={4}
          defaultValue={settings.reserved_topics.join("\n")}
          onInput={({ currentTarget: { value } }) => set({ reserved_topics: linesOf(value) })}
        />
      </label>
    </fieldset>
  );
}

function Budget({ settings, spent, set }: FieldsProps & { spent: number }) {
  return (
    <fieldset>
      <legend>Budget</legend>
      <label class="field">
        For the language model in a month, in the currency of its prices
        <input
          type="number"
          min={0}
          step="any"
          placeholder="No limit"
          value={settings.monthly_budget ?? ""}
          onInput={({ currentTarget: { value } }) => set({ monthly_budget: numberOf(value) })}
        />
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={settings.test_changes}
          onChange={({ currentTarget: { checked } }) => set({ test_changes: checked })}
        />
        The test bench asks its questions after each change of knowledge or settings
      </label>
      <p class="quiet">Spent this month: {spent.toFixed(2)}. When the budget is spent, the agent hands over to people.</p>
    </fieldset>
  );
}
