"""just fuzz [SECONDS] [FOLDER]: reads damaged and hostile mails until the time is over, and keeps what goes wrong.

FOLDER holds mails to start from; without it, those beside this clone, or a few of our own. What fails (an exception, a
lost word, something harmful that is shown, more than two seconds) is made as small as it can be and written to
`results/fuzz`. Once it is mended, it goes to `tests/fuzz/kept`, where the tests read it again.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import logging
import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import structlog
from tests.fuzz.mutations import changed
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS, Target

ROOT = Path(__file__).resolve().parents[2]
BESIDE = ROOT.parent / "shared" / "fixtures" / "email"
RESULTS = ROOT / "results" / "fuzz"
SECONDS = 2.0
DEAF_SECONDS = 60
"""A library in C does not hear the alarm. The input in hand is in a file then."""
SHRINK_SECONDS = 20.0
TOLD_EVERY = 30.0


class TooSlowError(Exception):
    """It takes longer than a mail may."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="just fuzz", description=__doc__)
    parser.add_argument("seconds", nargs="?", type=float, default=600)
    parser.add_argument("folder", nargs="?", type=Path, default=BESIDE if BESIDE.is_dir() else None)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same one does the same again")
    parser.add_argument("--targets", default=list(TARGETS), type=lambda t: t.split(","), metavar=",".join(TARGETS))
    chosen = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"{chosen.seconds:.0f} s from {chosen.folder or 'mails of our own'}, --seed {chosen.seed}", flush=True)
    failures = run(chosen.seconds, chosen.folder, chosen.seed, {name: TARGETS[name] for name in chosen.targets})
    sys.exit(1 if failures else 0)


def run(
    seconds: float, folder: Path | None, seed: int, targets: dict[str, Target], results: Path = RESULTS
) -> list[Path]:
    """The files of what failed."""
    results.mkdir(parents=True, exist_ok=True)
    chance, corpus, tried = random.Random(seed), seeds(folder), Counter[str]()
    found: dict[str, Path] = {}
    slowest = (0.0, "")
    started = told = time.monotonic()
    while time.monotonic() - started < seconds:
        name = chance.choice(list(targets))
        data = changed(corpus.get(name, corpus["mail"]), chance)
        (results / "in-hand").write_bytes(data)  # where the process itself ends, it stays
        took, error = attempt(targets[name], data)
        tried[name] += 1
        slowest = max(slowest, (took, name))
        if error and (mark := _mark(name, error)) not in found:
            found[mark] = keep(results, name, targets[name], data, mark)
        if time.monotonic() - told > TOLD_EVERY:
            told = time.monotonic()
            print(f"{told - started:5.0f} s  {tried.total():>7} mails, {len(found)} failures", flush=True)
    (results / "in-hand").unlink(missing_ok=True)
    print("  ".join(f"{name} {count}" for name, count in sorted(tried.items())))
    print(f"{tried.total()} mails read, slowest {slowest[0]:.2f} s ({slowest[1]}), {len(found)} failures")
    return list(found.values())


def attempt(target: Target, data: bytes) -> tuple[float, BaseException | None]:
    """How many seconds of work it took, and what went wrong."""
    started = time.process_time()
    signal.signal(signal.SIGVTALRM, _too_slow)
    faulthandler.dump_traceback_later(DEAF_SECONDS, exit=True)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        target(data)
    except Exception as error:
        return time.process_time() - started, error
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        faulthandler.cancel_dump_traceback_later()
    took = time.process_time() - started
    return took, TooSlowError(f"{took:.1f} s") if took > SECONDS else None


def keep(results: Path, name: str, target: Target, data: bytes, mark: str) -> Path:
    """As small as it can be, with the way to where it fails."""
    small = shrunk(name, target, data, mark)
    path = results / f"{name}-{hashlib.sha256(small).hexdigest()[:12]}"
    path.write_bytes(small)
    _, error = attempt(target, small)
    print(f"\n{path} ({len(small)} bytes)", *traceback.format_exception(error)[-8:], sep="\n", flush=True)
    return path


def shrunk(name: str, target: Target, data: bytes, mark: str) -> bytes:
    """Without each stretch that can go while it fails in the same way."""
    end, size = time.monotonic() + SHRINK_SECONDS, len(data) // 2
    while size and time.monotonic() < end:
        at = 0
        while at < len(data) and time.monotonic() < end:
            less = data[:at] + data[at + size :]
            _, error = attempt(target, less)
            if error and _mark(name, error) == mark:
                data = less
            else:
                at += size
        size //= 2
    return data


def _mark(name: str, error: BaseException) -> str:
    """The same failure has the same mark: its kind, and the last line of ours on the way to it."""
    if isinstance(error, TooSlowError):
        return f"{name} too slow"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename]
    return f"{name} {type(error).__name__} {frames[-1].filename}:{frames[-1].lineno}" if frames else name


def _too_slow(_: int, __: FrameType | None) -> None:
    raise TooSlowError(f"more than {SECONDS:.0f} s")


if __name__ == "__main__":
    main()
