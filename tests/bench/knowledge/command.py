"""just bench knowledge DATA: how well the search finds, how sure it may be, and how long it takes.

DATA holds `bank/` and `docs/` with `articles.jsonl` and `queries.jsonl`, and `evaluate.py`. Takes some six minutes;
with `--keep FOLDER` what was indexed is there for the next run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench import report
from tests.bench.knowledge import baselines, fitting, sets, speed

from onethread.knowledge import embedding
from onethread.knowledge.library import open_library

THRESHOLDS = (0.6, 0.7, 0.78, 0.85)
SYSTEMS = {"words alone": baselines.by_words, "meaning alone": baselines.by_meaning}


def main(arguments: Sequence[str]) -> None:
    chosen = _arguments(arguments)
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}.")
    if chosen.axes:
        target = embedding.PROJECTION
        print(f"{target.name}: {fitting.write_axes(chosen.data / 'bank', target)}")
    results: dict[str, Any] = {}
    asked = {name: _quality(name, chosen, results) for name in sets.SETS}
    if chosen.write:
        print(fitting.write(asked))
    results["speed"] = [speed.measured(chosen.data / "docs", size) for size in chosen.sizes]
    for one in results["speed"]:
        print(
            f"{one['passages']:>7} passages: p50 {one['p50']} ms, p99 {one['p99']} ms, first {one['first_s']} s, "
            f"resident {one['resident_mb']} MB"
        )
    print(f"Written to {report.write(results, 'knowledge')}")


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just bench knowledge", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument(
        "--sizes", default=[1_000, 10_000, 100_000], type=lambda text: [int(one) for one in text.split(",") if one],
        help="passages", metavar="1000,10000,100000",
    )  # fmt: skip
    parser.add_argument("--keep", type=Path, help="folder where what is indexed stays for the next run")
    parser.add_argument("--write", action="store_true", help="ship a new fit of the confidence")
    parser.add_argument("--axes", action="store_true", help="make the axes of the word pieces anew, first")
    return parser.parse_args(arguments)


def _quality(name: str, chosen: argparse.Namespace, results: dict[str, Any]) -> list[sets.Asked]:
    folder = chosen.data / name
    with tempfile.TemporaryDirectory() as passing, open_library((chosen.keep or Path(passing)) / name) as library:
        sets.index(library, folder)
        queries = sets.rows(folder / "queries.jsonl")
        for system, run in SYSTEMS.items():
            _show(f"{name}, {system}", sets.score(folder, run(library, queries)))
        asked = sets.ask(library.searcher, queries)
    results[name] = figures = sets.score(folder, asked)
    _show(f"{name}, as shipped", figures)
    test = [one for one in asked if one.query["split"] == "test"]
    for threshold in THRESHOLDS:
        figures[f"at {threshold}"] = at = sets.answered(test, [one.confidence >= threshold for one in test])
        print(f"  from {threshold}: " + ", ".join(f"{what} {share:.3f}" for what, share in at.items()))
    return asked


def _show(what: str, figures: Mapping[str, Any]) -> None:
    print(
        f"{what:<24} R@1 {figures['recall@1']:.3f}  R@5 {figures['recall@5']:.3f}  MRR@10 {figures['mrr@10']:.3f}  "
        f"nDCG@10 {figures['ndcg@10']:.3f}  AUROC near {figures['auroc_near']:.3f} far {figures['auroc_far']:.3f}  "
        f"P@80 {figures['precision@80cov(top5)']:.3f}" + (f"  ECE {figures['ece10']:.3f}" if "shipped" in what else "")
    )
