import type { ComponentType } from "preact";
import type { Place } from "../pages.ts";
import { AgentReportPage } from "./AgentReport.tsx";
import { AgentSettingsPage } from "./AgentSettings.tsx";
import { BenchPage } from "./bench/Bench.tsx";
import { AddressesPage } from "./email/Addresses.tsx";
import { StoppedPage } from "./email/Stopped.tsx";
import { ArticlesPage } from "./knowledge/Articles.tsx";
import { GapsPage } from "./knowledge/Gaps.tsx";
import { ProposalsPage } from "./knowledge/Proposals.tsx";
import { SearchPage } from "./knowledge/SearchPage.tsx";
import { SourcesPage } from "./knowledge/Sources.tsx";
import { TestAnswerPage } from "./knowledge/TestAnswer.tsx";
import { ToolsPage } from "./Tools.tsx";

/** What is shown at each of `places`, by section and name. */
const PAGES: Record<string, ComponentType> = {
  "agent/report": AgentReportPage,
  "agent/settings": AgentSettingsPage,
  "agent/tools": ToolsPage,
  "email/addresses": AddressesPage,
  "email/stopped": StoppedPage,
  "knowledge/articles": ArticlesPage,
  "knowledge/sources": SourcesPage,
  "knowledge/proposals": ProposalsPage,
  "knowledge/gaps": GapsPage,
  "knowledge/search": SearchPage,
  "knowledge/test": TestAnswerPage,
  "knowledge/bench": BenchPage,
};

export function Page({ place: { section, name } }: { place: Place }) {
  const Shown = PAGES[`${section}/${name}`]!;
  return <Shown />;
}
