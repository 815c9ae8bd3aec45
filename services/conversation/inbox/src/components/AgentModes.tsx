import type { ChannelKind } from "@onethread/browser/protocol.ts";
import { KINDS, MODES, type AgentChannel, type AgentMode, type AgentSettings } from "../agent-model.ts";
import { withMode } from "../agent-settings.ts";

const MEANS: [AgentMode, string][] = [
  ["auto", "the customer gets the answer at once."],
  ["draft", "a teammate reads it first, and uses, edits or dismisses it."],
  ["shadow", "nobody sees it; the report compares it with what teammates send."],
  ["off", "people answer alone."],
];

interface Props {
  settings: AgentSettings;
  channels: AgentChannel[];
  set(settings: AgentSettings): void;
}

/** What the agent does on each channel: by its kind, or its own way. */
export function AgentModes({ settings, channels, set }: Props) {
  return (
    <fieldset>
      <legend>What it does where</legend>
      <ul class="means">
        {MEANS.map(([mode, means]) => (
          <li key={mode}>
            <b>{MODES[mode]}:</b> {means}
          </li>
        ))}
      </ul>
      {(Object.keys(KINDS) as ChannelKind[]).map((kind) => (
        <KindModes key={kind} kind={kind} settings={settings} channels={channels} set={set} />
      ))}
    </fieldset>
  );
}

function KindModes({ kind, settings, channels, set }: Props & { kind: ChannelKind }) {
  const ofKind = settings.modes[kind] ?? "auto";
  return (
    <div class="modes">
      <ModeField
        label={KINDS[kind]}
        value={ofKind}
        pick={(mode) => set(withMode(settings, kind, mode === "auto" ? null : mode))}
      />
      {channels
        .filter((channel) => channel.kind === kind)
        .map((channel) => (
          <ModeField
            key={channel.id}
            label={channel.installation ? `${channel.name} of this installation` : channel.name}
            value={settings.modes[channel.id] ?? null}
            follows={ofKind}
            pick={(mode) => set(withMode(settings, channel.id, mode))}
          />
        ))}
    </div>
  );
}

interface FieldProps {
  label: string;
  value: AgentMode | null;
  /** What holds where the channel has no mode of its own. */
  follows?: AgentMode;
  pick(mode: AgentMode | null): void;
}

function ModeField({ label, value, follows, pick }: FieldProps) {
  return (
    <label class={follows ? "mode" : "mode of-kind"}>
      <span>{label}</span>
      <select value={value ?? ""} onChange={(event) => pick((event.currentTarget.value || null) as AgentMode | null)}>
        {follows && <option value="">As all of its kind ({MODES[follows]})</option>}
        {(Object.keys(MODES) as AgentMode[]).map((mode) => (
          <option key={mode} value={mode}>
            {MODES[mode]}
          </option>
        ))}
      </select>
    </label>
  );
}
