/** What the test bench says: its questions, its runs and what each question got. */
import type { ChannelKind } from "@onethread/browser/protocol.ts";
import type { AgentSettings } from "./agent-model.ts";
import type { Answered, Said } from "./knowledge-model.ts";

export type Expect = "answer" | "clarify" | "handoff";
export type Change = "worse" | "other" | "better" | "same" | "new" | "unclear";

export interface NewQuestion {
  question: string;
  history: Said[];
  channel: ChannelKind;
  /** Null: anything. */
  expect: Expect | null;
  /** Ids or titles of articles. */
  sources: string[];
  contains: string[];
  lacks: string[];
  note: string;
}

export interface BenchQuestion extends NewQuestion {
  id: string;
  from_message: boolean;
  by: string | null;
  version: number;
}

export interface Counts {
  questions: number;
  asked: number;
  passed: number;
  failed: number;
  worse: number;
  other: number;
  better: number;
  same: number;
  new: number;
  unclear: number;
}

/** What is not live and shall count for one run. */
export interface Trial {
  settings?: Partial<AgentSettings>;
  articles?: string[];
  without?: string[];
}

export interface Run {
  id: string;
  why: "asked" | "change" | "trial";
  changes: string[];
  trial: { settings: AgentSettings | null; articles: string[]; without: string[] } | null;
  state: "waiting" | "running" | "done" | "canceled" | "stopped";
  reason: string;
  by: string | null;
  baseline_id: string | null;
  counts: Counts;
  accepted_by: string | null;
  input_tokens: number;
  output_tokens: number;
  cost: number;
  created_at: string;
  ended_at: string | null;
}

export interface Result {
  question_id: string;
  question: string;
  channel: ChannelKind;
  expect: Expect | null;
  edited: boolean;
  answered: Answered | null;
  passed: boolean | null;
  failures: string[];
  change: Change | null;
  changes: string[];
  before: Answered | null;
  before_right: boolean | null;
  judged: boolean | null;
  judged_by: string | null;
}

export const EXPECT: Record<Expect | "", string> = {
  "": "Anything",
  answer: "It answers",
  clarify: "It asks back",
  handoff: "It hands over to a person",
};

export const CHANGES: Record<Change, [kind: "ok" | "busy" | "bad" | "plain", words: string]> = {
  worse: ["bad", "Worse"],
  other: ["bad", "Other articles"],
  unclear: ["busy", "Unclear"],
  better: ["ok", "Better"],
  same: ["plain", "As before"],
  new: ["plain", "New"],
};

export const isUnderWay = ({ state }: Run): boolean => state === "waiting" || state === "running";

/** What a teammate has to look at. */
export const regressions = ({ counts }: Run): number => counts.worse + counts.other;

const questions = (count: number): string => (count === 1 ? "1 question" : `${count} questions`);

/** "12 questions: 1 worse, 2 better". */
export function summaryOf({ counts }: Run): string {
  const parts = [
    counts.worse && `${counts.worse} worse`,
    counts.other && `${counts.other} from other articles`,
    counts.better && `${counts.better} better`,
    counts.unclear && `${counts.unclear} unclear`,
    counts.new && `${counts.new} asked for the first time`,
  ].filter(Boolean);
  return `${questions(counts.asked)}: ${parts.join(", ") || "all as before"}`;
}

export function whyOf(run: Run): string {
  if (run.why === "change") return run.changes.length ? `After a change: ${run.changes.join(", ")}` : "After a change";
  return `${run.trial ? `Trial ${trialWords(run.trial)}` : "Run"}${run.by ? `, by ${run.by}` : ""}`;
}

function trialWords({ settings, articles, without }: NonNullable<Run["trial"]>): string {
  const drafts = articles.length === 1 ? "of a draft" : `of ${articles.length} drafts`;
  const gone = without.length === 1 ? "without an article" : `without ${without.length} articles`;
  return [articles.length && drafts, without.length && gone, settings && "of settings"].filter(Boolean).join(", ");
}
