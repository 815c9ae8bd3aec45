/** The form of the agent's settings, and what it means to the server. */
import type { AgentMode, AgentSettings, Opening } from "./agent-model.ts";

export const DAYS: Record<string, string> = {
  mon: "Mon",
  tue: "Tue",
  wed: "Wed",
  thu: "Thu",
  fri: "Fri",
  sat: "Sat",
  sun: "Sun",
};

/** What holds where nothing was set. */
export const UNSET: AgentSettings = {
  modes: {},
  confidence: null,
  clarify: true,
  reserved_topics: [],
  max_turns: 8,
  hours: null,
  monthly_budget: null,
  test_changes: true,
};

export const OFFICE: Opening = { days: ["mon", "tue", "wed", "thu", "fri"], opens: "09:00", closes: "17:00" };

export const zoneHere = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone;

/** `null` takes the channel's own mode away: it follows its kind. */
export function withMode(settings: AgentSettings, channel: string, mode: AgentMode | null): AgentSettings {
  const { [channel]: _, ...others } = settings.modes;
  return { ...settings, modes: mode ? { ...others, [channel]: mode } : others };
}

/** What a trial of the settings is about. */
export const whatAnswersDependOn = ({ confidence, clarify, reserved_topics, max_turns }: AgentSettings): Partial<AgentSettings> => ({
  confidence,
  clarify,
  reserved_topics,
  max_turns,
});

export const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** "" is none. */
export const numberOf = (text: string): number | null => (text.trim() === "" ? null : Number(text));

/** "09:00:00" as a time field takes it. */
export const shortTime = (time: string): string => time.slice(0, 5);
