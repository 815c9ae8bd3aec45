"""What other services ask over NATS."""

from onethread.contracts import subjects
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch, Likeness, LikenessOf
from onethread.knowledge.embedding import Embedder
from onethread.knowledge.library import Library
from onethread.knowledge.trial import Trials
from onethread.runtime.bus import Bus


def subscribe(bus: Bus, library: Library, trials: Trials) -> None:
    """Searches run in threads, so that the loop stays free."""

    async def search(question: KnowledgeSearch) -> KnowledgeFound:
        return await library.run(trials.search, question)

    async def compare(question: LikenessOf) -> Likeness:
        return await library.run(likeness, library.embedder, question)

    bus.answer(subjects.KNOWLEDGE_SEARCH, KnowledgeSearch, search)
    bus.answer(subjects.KNOWLEDGE_LIKENESS, LikenessOf, compare)


def likeness(embedder: Embedder, question: LikenessOf) -> Likeness:
    """All texts are embedded in one batch. Vectors have length one, so that a product of two is their cosine."""
    vectors = embedder.embed([text for pair in question.pairs for text in pair])
    return Likeness(cosines=[float(one @ other) for one, other in zip(vectors[::2], vectors[1::2], strict=True)])
