"""How search does on a help centre and questions that others wrote. `just bench knowledge` prints the full figures."""

import json
from pathlib import Path

import pytest

from onethread.contracts.knowledge import KnowledgeSearch
from onethread.knowledge.articles import Article
from onethread.knowledge.ingest import Ingestor

BANK = Path(__file__).parents[4] / "shared" / "fixtures" / "knowledge" / "bank"


def rows(name: str) -> list[dict]:
    return [json.loads(line) for line in (BANK / name).read_text().splitlines()]


@pytest.mark.slow
@pytest.mark.skipif(not BANK.is_dir(), reason="the shared development sets are not beside this repository")
def test_search_finds_what_the_best_known_baseline_finds(library):
    indexed = [Article(a["id"], a["title"], a["text"]) for a in rows("articles.jsonl") if a["group"] == "indexed"]
    library.store.accept("bank", indexed)
    Ingestor(library).work()
    asked = [q for q in rows("queries.jsonl") if q["split"] == "test"][::3]
    found = [library.searcher.search(KnowledgeSearch(workspace="bank", query=q["text"])) for q in asked]
    covered = [(q, f) for q, f in zip(asked, found, strict=True) if q["kind"] == "answerable"]
    right = [bool({*q["gold"]} & {p.document_id for p in f.passages}) for q, f in covered]
    assert sum(right) / len(right) > 0.87
    answered = {
        kind: [f.confidence >= 0.8 for q, f in zip(asked, found, strict=True) if q["kind"] == kind]
        for kind in ("answerable", "near", "far")
    }
    share = {kind: sum(yes) / len(yes) for kind, yes in answered.items()}
    assert share["answerable"] > 0.55
    assert share["near"] < 0.1
    assert share["far"] < 0.01
