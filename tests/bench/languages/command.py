"""just bench languages: help centres in English, German, French and Spanish, asked in these languages.

The articles and questions are this project's own (`tests/bench/languages`): it needs no data. Each question goes the
way of a customer's. Recall is of the search, the rest of what the agent then does, quoting. Precision is over traffic
that is 70 % answerable: an answer is right when an article that answers the question is among the five that it was
written from. It says too how many of the quotes are of such an article, and how many are in another language.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import report
from tests.bench.agent import SHIPPED, ask_all
from tests.bench.knowledge import sets
from tests.bench.knowledge.command import MODELS
from tests.bench.languages import centres

from onethread.agent.words import language
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import Library, open_library
from onethread.knowledge.models import Offer

PAIRS = [(one, one) for one in centres.LANGUAGES] + [("en", "de"), ("de", "en"), ("fr", "es")]
"""The language of the help centre, and of who asks."""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="just bench languages", description=__doc__)
    parser.add_argument("--models", default=list(MODELS), type=lambda text: text.split(","), metavar=",".join(MODELS))
    parser.add_argument(
        "--pairs", default=PAIRS, type=lambda text: [tuple(one.split(":")) for one in text.split(",")],
        help="help centre and who asks", metavar="de:de,en:de",
    )  # fmt: skip
    parser.add_argument("--show", action="store_true", help="print every question and what became of it")
    chosen = parser.parse_args(arguments)
    results = {
        f"{centre} asked in {asker}, {model}": _run(MODELS[model], centre, asker, chosen.show)
        for model in chosen.models
        for centre, asker in chosen.pairs
    }
    for name, figures in results.items():
        print(
            f"{name:<32} R@1 {figures['recall@1']:.3f}  R@5 {figures['recall@5']:.3f}  "
            f"answers {figures['answerable']:.3f} of what is covered with precision {figures['precision']:.3f}; "
            f"near {figures['near']:.3f}, far {figures['far']:.3f} answered; "
            f"{figures['rightly_quoted']:.3f} quote the right article; {figures['foreign']} in another language"
        )
    print(f"Written to {report.write(results, 'languages')}")


def _run(offer: Offer, centre: str, asker: str, show: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home, open_library(Path(home), [offer]) as library:
        library.store.accept(centre, centres.articles(centre))
        Ingestor(library).work()
        return _asked(library, [{**one, "tenant": centre} for one in centres.questions(asker)], show=show)


def _asked(library: Library, queries: list[dict[str, Any]], *, show: bool) -> dict[str, Any]:
    found = sets.ask(library.searcher, queries)
    covered = [one for one in found if one.query["gold"]]
    asked, replies, _ = asyncio.run(ask_all(library, queries))
    answered = [reply.decision == "answer" for reply in replies]
    foreign = [
        yes and language(reply.text) != one["language"]
        for one, reply, yes in zip(queries, replies, answered, strict=True)
    ]
    quoted = [
        reply.sources[0].document_id in one["gold"]
        for one, reply in zip(queries, replies, strict=True)
        if one["gold"] and reply.decision == "answer" and reply.sources
    ]
    for one, reply in zip(found, replies, strict=True) if show else ():
        print(
            f"{one.confidence:.2f} {reply.decision:<8} {one.query['kind']:<10} {one.query['text']}  {one.ranking[:2]}"
        )
        print(f"     {reply.text if reply.decision == 'answer' else reply.reason}".replace("\n", "\n     "))
    return {
        "recall@1": sum(one.ranking[:1] == one.query["gold"] for one in covered) / len(covered),
        "recall@5": sum(one.right for one in covered) / len(covered),
        **sets.answered(asked, answered),
        "rightly_quoted": sum(quoted) / max(1, len(quoted)),
        "foreign": sum(foreign),
        "threshold": SHIPPED,
    }
