/** The test bench's API, and what is told of it. */
import { signal } from "@preact/signals";
import { call, query, request } from "./api.ts";
import type { BenchQuestion, Change, NewQuestion, Result, Run, Trial } from "./bench-model.ts";
import type { Page } from "./model.ts";

/** Grows when a run begins or ends. */
export const benchTold = signal(0);

export const bench = {
  questions: (asked: Record<string, string>) => call<Page<BenchQuestion>>("GET", `agent/questions?${query(asked)}`),
  add: (question: NewQuestion) => call<BenchQuestion>("POST", "agent/questions", question),
  addOf: (message: { message_id: string } | { proposal_id: string }) =>
    call<BenchQuestion>("POST", "agent/questions/from-message", message),
  change: ({ id, version }: BenchQuestion, change: NewQuestion) =>
    call<BenchQuestion>("PATCH", `agent/questions/${id}`, change, { "if-match": `"${version}"` }),
  remove: (id: string) => call<void>("DELETE", `agent/questions/${id}`),
  bring: (csv: string) => call<{ added: number; changed: number; same: number }>("POST", "agent/questions/import", { csv }),
  table: async () => (await request("GET", "agent/questions/export")).blob(),

  runs: () => call<Page<Run>>("GET", `agent/runs?${query({ limit: "20" })}`),
  run: (id: string) => call<Run>("GET", `agent/runs/${id}`),
  start: (trial?: Trial) => call<Run>("POST", "agent/runs", trial ? { trial } : {}),
  cancel: (id: string) => call<Run>("POST", `agent/runs/${id}/cancel`, {}),
  accept: (id: string) => call<Run>("POST", `agent/runs/${id}/accept`, {}),
  results: (id: string, change: Change | "", page: Record<string, string>) =>
    call<Page<Result>>("GET", `agent/runs/${id}/results?${query({ ...page, ...(change ? { change } : {}) })}`),
  judge: (run: string, question: string, right: boolean) =>
    call<Result>("POST", `agent/runs/${run}/results/${question}/judge`, { right }),
};
