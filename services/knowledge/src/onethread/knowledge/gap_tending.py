"""What is done for gaps unasked: what is covered is tested anew, solved threads are proposed, the old is forgotten."""

import asyncio
import time

import structlog

from onethread.contracts.knowledge import KnowledgeSearch
from onethread.knowledge import judgements
from onethread.knowledge.gap_articles import GapArticles
from onethread.knowledge.gap_forgetting import forget_old
from onethread.knowledge.library import Library
from onethread.knowledge.search import Searcher
from onethread.runtime.bus import RefusedError, UnavailableError

log = structlog.get_logger()

EVERY_SECONDS = 1.0
GAPS_AT_ONCE = 16
"""Searches take some 15 ms each, and customers' questions go before."""
AGE_EVERY_SECONDS = 3_600.0


class Tending:
    def __init__(self, library: Library, searcher: Searcher, articles: GapArticles) -> None:
        self._library, self._searcher, self._articles = library, searcher, articles
        self._aged = 0.0

    async def run(self) -> None:
        """Until cancelled. Whatever fails waits in the store for the next time."""
        await self._library.run(self._articles.gaps.all_stale)
        while True:
            try:
                await self._library.run(self.check)
                await self._library.run(self._forget_old)
                await self._articles.work()
            except (UnavailableError, RefusedError) as error:
                log.info("gaps.wait", error=type(error).__name__)
            except Exception:
                log.exception("gaps.failed")
            await asyncio.sleep(EVERY_SECONDS)

    def check(self) -> None:
        """Searches, as a customer would, for some of the gaps for which something may have changed."""
        for gap in self._articles.gaps.stale(GAPS_AT_ONCE):
            question = KnowledgeSearch(workspace=gap.workspace, query=gap.question, k=1, locale=gap.locale)
            self._articles.gaps.checked(gap, self._searcher.search(question))

    def _forget_old(self) -> None:
        if time.monotonic() - self._aged > AGE_EVERY_SECONDS or not self._aged:
            self._aged = time.monotonic()
            if forgotten := forget_old(self._library.store, time.time()):
                log.info("gaps.forgotten", questions=forgotten)
            judgements.forget_old(self._library.store, time.time())
