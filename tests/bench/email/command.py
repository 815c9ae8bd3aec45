"""just bench email DATA: how many mails are read right, set by set, as `onethread-email inspect` reads them.

DATA holds the folders `reply`, `reply_html`, `forward`, `bounces`, `mime`, `tnef`, `own` and `robust`, each with what
is right in `expected.json`. A set that is not there is left out.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import report
from tests.bench.email.sets import SETS

BEST = {
    "reply": "81 % node-email-reply-parser 0.1.4",
    "reply_html": "63 % unquotemail 1.0.11",
    "forward": "92 % email-forward-parser 0.1.3",
    "bounces": "82 % flufl.bounce 6.0, kinds alone",
    "mime": "100 % imap-tools 1.16, whose own set it is",
}
"""The best libraries on sets of which these are a part or the whole, measured in November 2026."""
SHOWN = 300


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="just bench email", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", default=list(SETS), type=lambda text: text.split(","), metavar=",".join(SETS))
    parser.add_argument("--show", action="store_true", help="print what was read wrong, and what is right")
    chosen = parser.parse_args(arguments)
    found = {name: _run(name, chosen.data / name, chosen.show) for name in chosen.sets if (chosen.data / name).is_dir()}
    if not found:
        raise SystemExit(f"{chosen.data} has none of the sets {', '.join(chosen.sets)}. Nothing was measured.")
    for name, one in found.items():
        print(
            f"{name:<11} {one['right']:>4} of {one['cases']:>3}  {one['share']:>6.1%}  words lost in {one['lost']}, "
            f"slowest {one['slowest_s']:.2f} s   best library: {BEST.get(name, 'none known')}"
        )
    print(f"Written to {report.write(found, 'email')}")


def _run(name: str, folder: Path, show: bool) -> dict[str, Any]:
    cases, slowest, started = [], 0.0, time.perf_counter()
    for case in SETS[name](folder):
        slowest = max(slowest, time.perf_counter() - started)
        cases.append(case)
        if show and case.wrong:
            print(f"{name}/{case.name}" + "".join(f"\n    {key}: {str(w)[:SHOWN]}" for key, w in case.wrong.items()))
        started = time.perf_counter()
    right = sum(not case.wrong for case in cases)
    return {
        "cases": len(cases),
        "right": right,
        "share": right / max(1, len(cases)),
        "lost": sum(case.lost for case in cases),
        "slowest_s": slowest,
    }
