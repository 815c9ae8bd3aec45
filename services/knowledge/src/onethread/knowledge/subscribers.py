"""What other services ask and tell over NATS."""

from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

from onethread.contracts import streams, subjects
from onethread.contracts.customers import CustomerErased
from onethread.contracts.knowledge import (
    KnowledgeAnswerJudged,
    KnowledgeFound,
    KnowledgeGapFound,
    KnowledgeGapTakenBack,
    KnowledgeSearch,
    Likeness,
    LikenessOf,
)
from onethread.contracts.threads import ThreadClosed, ThreadMerged
from onethread.knowledge import judgements
from onethread.knowledge.embedding import Embedder
from onethread.knowledge.gap_articles import GapArticles
from onethread.knowledge.gap_forgetting import forget_customer, take_back
from onethread.knowledge.gaps import COVERED_FROM, Asked, NoSuchGapError
from onethread.knowledge.judgements import Judgement
from onethread.knowledge.library import Library
from onethread.knowledge.models import ENGLISH
from onethread.knowledge.trial import Trials
from onethread.runtime.bus import Bus


def subscribe(bus: Bus, library: Library, trials: Trials) -> None:
    """Searches run in threads, so that the loop stays free."""

    async def search(question: KnowledgeSearch) -> KnowledgeFound:
        return await library.run(trials.search, question)

    # By one model, since what counts as alike was measured with it.
    async def compare(question: LikenessOf) -> Likeness:
        return await library.run(likeness, library.models.get(ENGLISH.model_id), question)

    bus.answer(subjects.KNOWLEDGE_SEARCH, KnowledgeSearch, search)
    bus.answer(subjects.KNOWLEDGE_LIKENESS, LikenessOf, compare)


def follow(bus: Bus, articles: GapArticles, changed: Callable[[], None]) -> None:
    """Hears what customers got no good answer to, what teammates have solved, and who is to be forgotten. `changed` is
    called when articles may have.
    """
    run = articles.library.run

    async def gap(event: KnowledgeGapFound) -> None:
        await run(articles.gaps.note, event.workspaceid, asked(event))

    async def taken_back(event: KnowledgeGapTakenBack) -> None:
        if event.data.kind == "thumbed_down":
            await run(take_back, articles.library.store, event.workspaceid, str(event.subject), event.time.timestamp())

    async def moved(event: ThreadMerged) -> None:
        messages = [str(one) for one in event.data.message_ids]
        await run(articles.gaps.moved, event.workspaceid, str(event.data.thread.id), messages)

    async def closed(event: ThreadClosed) -> None:
        by = event.data.by
        if by is not None and by.kind == "teammate":
            await run(articles.gaps.solved, event.workspaceid, str(event.data.thread.id))

    async def erased(event: CustomerErased) -> None:
        emptied = await run(forget_customer, articles.written, event)
        await run(judgements.forget_customer, articles.library.store, event.workspaceid, *of_customer(event))
        changed()
        for gap_id in emptied:
            with suppress(NoSuchGapError):
                await articles.draft(event.workspaceid, gap_id)

    bus.on(streams.GAPS, KnowledgeGapFound, gap)
    bus.on(streams.GAPS_TAKEN_BACK, KnowledgeGapTakenBack, taken_back)
    bus.on(streams.GAPS_MOVED, ThreadMerged, moved)
    bus.on(streams.SOLVED, ThreadClosed, closed)
    bus.on(streams.KNOWLEDGE_ERASURES, CustomerErased, erased)


def hear_judgements(bus: Bus, library: Library) -> None:
    async def judged(event: KnowledgeAnswerJudged) -> None:
        if judgement := judgement_of(event):
            await library.run(judgements.note, library.store, event.workspaceid, judgement)

    bus.on(streams.JUDGED, KnowledgeAnswerJudged, judged)


def asked(event: KnowledgeGapFound) -> Asked:
    """Earlier releases did not say of which message it is: then each event is one."""
    was_sure = event.data.kind != "handed_off" or event.data.confidence >= COVERED_FROM
    return Asked(
        message_id=str(UUID(event.subject) if event.subject else event.causationid or event.id),
        text=event.data.question,
        kind=event.data.kind,
        at=event.time.timestamp(),
        thread_id=str(event.threadid) if event.threadid else None,
        customer_id=str(event.customerid) if event.customerid else None,
        channel=event.data.channel,
        locale=event.data.locale,
        failed_id=event.data.nearest.document_id if event.data.nearest and was_sure else None,
    )


def judgement_of(event: KnowledgeAnswerJudged) -> Judgement | None:
    """None: its customer is erased, or another release made the numbers."""
    said = event.data
    if said.evidence is None or not judgements.is_sound(said.evidence):
        return None
    return Judgement(
        key=str(event.subject),
        evidence=said.evidence,
        right=said.right,
        origin=said.how,
        at=event.time.timestamp(),
        customer_id=str(event.customerid) if event.customerid else None,
    )


def of_customer(event: CustomerErased) -> tuple[set[str], set[str]]:
    """All ids of the customer, and their messages."""
    erased = event.data
    return {str(one) for one in (erased.customer.id, *erased.customer.homes)}, {
        str(m) for m in erased.erased_message_ids
    }


def likeness(embedder: Embedder, question: LikenessOf) -> Likeness:
    """All texts are embedded in one batch. Vectors have length one, so that a product of two is their cosine."""
    vectors = embedder.embed([text for pair in question.pairs for text in pair])
    return Likeness(cosines=[float(one @ other) for one, other in zip(vectors[::2], vectors[1::2], strict=True)])
