"""just bench agent DATA: what the agent answers of the development sets, and how much of that is right.

Each test question goes the way of `POST /v1/ask`. Precision counts an answer as right when an article that answers the
question is among the first five that it was written from, over traffic that is 70 % answerable.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.bench import report
from tests.bench.knowledge import sets
from tests.bench.measure import percentiles

from onethread.agent.answer import Answerer, Question, Reply
from onethread.agent.settings import Settings
from onethread.agent.so_far import SoFar
from onethread.contracts.agent import AgentConfig
from onethread.contracts.knowledge import KnowledgeFound, KnowledgeSearch
from onethread.knowledge.library import Library, open_library

SHIPPED = float(Settings.model_fields["agent_confidence"].default)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="just bench agent", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, help="folder where what is indexed stays for the next run")
    parser.add_argument("--show", type=int, default=0, help="print so many answers of each set")
    chosen = parser.parse_args(arguments)
    results = {name: _run(name, chosen) for name in sets.SETS}
    print(f"Written to {report.write(results, 'agent')}")


def _run(name: str, chosen: argparse.Namespace) -> dict[str, Any]:
    folder = chosen.data / name
    with tempfile.TemporaryDirectory() as passing, open_library((chosen.keep or Path(passing)) / name) as library:
        sets.index(library, folder)
        queries = [query for query in sets.rows(folder / "queries.jsonl") if query["split"] == "test"]
        asked, replies, seconds = asyncio.run(ask_all(library, queries))
    decisions = [reply.decision for reply in replies]
    _show([one for one in zip(queries, replies, strict=True) if one[1].decision == "answer"][: chosen.show])
    figures = sets.score(folder, asked)
    found = sets.answered(asked, [decision == "answer" for decision in decisions])
    kinds = {
        kind: dict(Counter(d for one, d in zip(asked, decisions, strict=True) if one.query["kind"] == kind))
        for kind in sets.TRAFFIC
    }
    print(
        f"{name}: answers {found['answerable']:.3f} of what is covered with precision {found['precision']:.3f}; "
        f"near {found['near']:.3f}, far {found['far']:.3f} answered; AUROC near {figures['auroc_near']:.3f} "
        f"far {figures['auroc_far']:.3f}; ECE {figures['ece10']:.3f}; {percentiles(seconds)} ms"
    )
    print(f"  decisions: {kinds}")
    return {**found, "decisions": kinds, "ece": figures["ece10"], "ms": percentiles(seconds)}


def _show(answered: Iterable[tuple[dict[str, Any], Reply]]) -> None:
    for query, reply in answered:
        print(f"--- {query['text']}\n{reply.text}\n    [{', '.join(s.title for s in reply.sources)}]")


async def ask_all(
    library: Library, queries: Sequence[dict[str, Any]]
) -> tuple[list[sets.Asked], list[Reply], list[float]]:
    """What came of each question, and the seconds that it took."""
    answerer = Answerer(_search(library), SHIPPED)
    asked: list[sets.Asked] = []
    replies: list[Reply] = []
    seconds: list[float] = []
    for query in queries:
        began = asyncio.get_running_loop().time()
        reply = await answerer.answer(_question(query), _nobody)
        seconds.append(asyncio.get_running_loop().time() - began)
        passages = reply.found.passages if reply.found else []
        asked.append(sets.Asked(query, [p.document_id for p in passages], confidence=reply.confidence))
        replies.append(reply)
    return asked, replies, seconds


def _search(library: Library) -> Any:
    searcher = library.searcher

    async def search(question: KnowledgeSearch) -> KnowledgeFound:
        return searcher.search(question)

    return search


def _question(query: dict[str, Any]) -> Question:
    async def so_far() -> SoFar:
        return SoFar()

    return Question(AgentConfig(workspace=query["tenant"]), query["text"], "widget", so_far)


async def _nobody(text: str) -> None:
    """Nothing is streamed."""
