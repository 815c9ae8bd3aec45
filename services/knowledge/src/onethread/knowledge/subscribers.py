"""What other services ask over NATS."""

import asyncio

from onethread.contracts import subjects
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.knowledge.search import Searcher
from onethread.runtime.bus import Bus


def subscribe(bus: Bus, searcher: Searcher) -> None:
    """Searches run in threads, so that the loop stays free."""

    async def search(question: KnowledgeSearch) -> KnowledgeFound:
        return await asyncio.to_thread(searcher.search, question)

    bus.answer(subjects.KNOWLEDGE_SEARCH, KnowledgeSearch, search)
