import type { Shown } from "./Pages.tsx";
import { AgentReportPage } from "./AgentReport.tsx";
import { AgentSettingsPage } from "./AgentSettings.tsx";
import { ToolsPage } from "./Tools.tsx";

export const pages: Shown = { report: AgentReportPage, settings: AgentSettingsPage, tools: ToolsPage };
