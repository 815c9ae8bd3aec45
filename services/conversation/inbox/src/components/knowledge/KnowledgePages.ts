import { BenchPage } from "../bench/Bench.tsx";
import type { Shown } from "../Pages.tsx";
import { ArticlesPage } from "./Articles.tsx";
import { GapsPage } from "./Gaps.tsx";
import { ProposalsPage } from "./Proposals.tsx";
import { SearchPage } from "./SearchPage.tsx";
import { SourcesPage } from "./Sources.tsx";
import { TestAnswerPage } from "./TestAnswer.tsx";

export const pages: Shown = {
  articles: ArticlesPage,
  sources: SourcesPage,
  proposals: ProposalsPage,
  gaps: GapsPage,
  search: SearchPage,
  test: TestAnswerPage,
  bench: BenchPage,
};
