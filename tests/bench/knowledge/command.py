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

from onethread.knowledge import minilm
from onethread.knowledge.confidence import ANY
from onethread.knowledge.library import open_library
from onethread.knowledge.models import ENGLISH, MANY

THRESHOLDS = (0.6, 0.7, 0.8, 0.85)
MODELS = {"english": ENGLISH, "multilingual": MANY}
SYSTEMS = {"words alone": baselines.by_words, "meaning alone": baselines.by_meaning}


def main(arguments: Sequence[str]) -> None:
    chosen = _arguments(arguments)
    print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}.")
    if chosen.axes:
        target = minilm.PROJECTION
        print(f"{target.name}: {fitting.write_axes(chosen.data / 'bank', target)}")
    results: dict[str, Any] = {}
    for model in chosen.models:
        asked: dict[str, list[sets.Asked]] = {}
        as_any: dict[str, list[sets.Asked]] = {}
        for name in sets.SETS:
            asked[name], as_any[name] = _quality(name, model, chosen, results)
        if chosen.write:
            print(fitting.write(asked, MODELS[model].model_id))
        if chosen.write and model == "english":  # what is fitted to a weaker model believes a better one too much
            print(fitting.write(as_any, ANY))
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
    parser.add_argument(
        "--models", default=["english"], type=lambda text: text.split(","), help="embeddings", metavar=",".join(MODELS)
    )
    parser.add_argument("--keep", type=Path, help="folder where what is indexed stays for the next run")
    parser.add_argument("--write", action="store_true", help="ship a new fit of the confidence")
    parser.add_argument("--axes", action="store_true", help="make the axes of the word pieces anew, first")
    return parser.parse_args(arguments)


def _quality(
    name: str, model: str, chosen: argparse.Namespace, results: dict[str, Any]
) -> tuple[list[sets.Asked], list[sets.Asked]]:
    folder, offer = chosen.data / name, MODELS[model]
    with (
        tempfile.TemporaryDirectory() as passing,
        open_library(_home(chosen, passing, model) / name, [offer]) as library,
    ):
        sets.index(library, folder)
        queries = sets.rows(folder / "queries.jsonl")
        for system, run in SYSTEMS.items():
            _show(f"{name}, {model}, {system}", sets.score(folder, run(library, queries)))
        asked = sets.ask(library.searcher, queries)
        as_any = sets.ask(sets.as_any(library), queries)
    results[f"{name}, {model}"] = _show_belief(f"{name}, {model}, as shipped", folder, asked)
    results[f"{name}, {model}, as any"] = _show_belief(f"{name}, {model}, as any model", folder, as_any)
    return asked, as_any


def _show_belief(what: str, folder: Path, asked: list[sets.Asked]) -> dict[str, Any]:
    figures = sets.score(folder, asked)
    _show(what, figures)
    test = [one for one in asked if one.query["split"] == "test"]
    for threshold in THRESHOLDS:
        figures[f"at {threshold}"] = at = sets.answered(test, [one.confidence >= threshold for one in test])
        print(f"  from {threshold}: " + ", ".join(f"{what} {share:.3f}" for what, share in at.items()))
    return figures


def _home(chosen: argparse.Namespace, passing: str, model: str) -> Path:
    home = chosen.keep or Path(passing)
    return home if MODELS[model] is ENGLISH else home / model


def _show(what: str, figures: Mapping[str, Any]) -> None:
    print(
        f"{what:<36} R@1 {figures['recall@1']:.3f}  R@5 {figures['recall@5']:.3f}  MRR@10 {figures['mrr@10']:.3f}  "
        f"nDCG@10 {figures['ndcg@10']:.3f}  AUROC near {figures['auroc_near']:.3f} far {figures['auroc_far']:.3f}  "
        f"P@80 {figures['precision@80cov(top5)']:.3f}" + (f"  ECE {figures['ece10']:.3f}" if " as " in what else "")
    )
