"""What other services ask over NATS."""

from onethread.contracts import subjects
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.knowledge.library import Library
from onethread.knowledge.search import Searcher
from onethread.runtime.bus import Bus


def subscribe(bus: Bus, library: Library, searcher: Searcher) -> None:
    """Searches run in threads, so that the loop stays free."""

    async def search(question: KnowledgeSearch) -> KnowledgeFound:
        return await library.run(searcher.search, question)

    bus.answer(subjects.KNOWLEDGE_SEARCH, KnowledgeSearch, search)
