"""just bench email-in: how many mails are taken in, and how many get into a thread, beside django-helpdesk's importer.

Both get the same kind of mails in turns: a few lines from a hundred people, mostly with HTML, every tenth with a file
of 20 kB. `accepted`: the 250 is there, so the mail is on disk; conversation does not run. `into a thread`: a teammate's
inbox has heard of it. A mail that is not there in the end fails the run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import uvloop
from tests.bench import mail, report
from tests.bench.conversation.installation import KEY, Installation
from tests.bench.email_in import mails
from tests.bench.email_in.helpdesk import VERSION, Helpdesk, Taken
from tests.bench.email_in.installation import Gateway, with_gateway
from tests.bench.load import Timeline
from tests.bench.measure import MEGABYTE, Neighbours, cpu_seconds, percentiles

Found = dict[str, Any]
STEPS = 10
OURS = ("gateway-email", "reading", "nats", "conversation", "postgres")


def main(arguments: Sequence[str]) -> None:
    chosen = _arguments(arguments)
    with contextlib.ExitStack() as stack:
        helpdesk = _helpdesk(stack) if chosen.beside else None
        around, gateway = stack.enter_context(with_gateway())
        print(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}.", flush=True)
        neighbours = Neighbours(os.getpid())
        theirs: list[Taken] = []
        rounds = {
            "into a thread": _in_turns(chosen, helpdesk, theirs, lambda n: _into_threads(around, gateway, chosen, n))
        }
        around.stop_replicas()
        rounds["accepted"] = _in_turns(chosen, helpdesk, theirs, lambda n: _accepted(gateway, chosen.connections, n))
        results: Found = {name: report.middle(found) for name, found in rounds.items()}
        if theirs:
            results["theirs"] = {
                "s": round(median(one.a_second for one in theirs), 1),
                "cpu_ms": round(median(one.cpu_ms for one in theirs), 1),
            }
        _show(results)
        results["large"] = _large(gateway, chosen.large)
        results["memory_mb"] = _many(gateway, chosen.connections, chosen.many)
        print(f"Meanwhile other programs took {neighbours.percent_of_a_core()} % of a core.")
    print(f"Written to {report.write(results, 'email-in')}")
    if lost := sum(one["lost"] for one in rounds["into a thread"]):
        raise SystemExit(f"{lost} mails were accepted and are in no thread.")


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just bench email-in", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mails", type=int, default=2_000, help="in each round")
    parser.add_argument("--theirs", type=int, default=300, help="mails for django-helpdesk in each round")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--large", type=int, default=40, help="mails with a file of 10 MB")
    parser.add_argument("--many", type=int, default=10_000, help="mails over which memory is watched")
    parser.add_argument("--alone", dest="beside", action="store_false", help="without django-helpdesk, which PyPI has")
    return parser.parse_args(arguments)


def _helpdesk(stack: contextlib.ExitStack) -> Helpdesk | None:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="onethread-bench-helpdesk-"))
    try:
        return Helpdesk(Path(folder))
    except subprocess.CalledProcessError as error:
        raise SystemExit("django-helpdesk could not be installed. --alone measures without it.") from error


def _in_turns(chosen: argparse.Namespace, helpdesk: Helpdesk | None, theirs: list[Taken], ours: Any) -> list[Found]:
    """The first round warms up and is not counted."""
    found: list[Found] = []
    for number in range(chosen.rounds + 1):
        one = ours(chosen.mails if number else 200)
        if number:
            found.append(one)
            if helpdesk:
                theirs.append(helpdesk.take_in(letter.raw for letter in mails.ordinary(chosen.theirs)))
            beside = f", django-helpdesk {theirs[-1].a_second:.1f}/s, CPU {theirs[-1].cpu_ms:.1f} ms" if theirs else ""
            print(f"  round {number}: {one}{beside}", flush=True)
    return found


def _into_threads(around: Installation, gateway: Gateway, chosen: argparse.Namespace, count: int) -> Found:
    async def go() -> Found:
        timeline = Timeline()
        port = int(around.replicas[0].url.rpartition(":")[2])
        reading = asyncio.create_task(timeline.read(port, KEY))
        await timeline.ready.wait()
        try:
            return await mail.run(gateway.smtp_port, timeline, letters, connections=chosen.connections)
        finally:
            reading.cancel()

    letters = mails.ordinary(count)
    before = cpu_seconds(os.getpid())
    found = uvloop.run(go())
    return found | {"cpu_ms": _cpu_ms(before, count)}


def _accepted(gateway: Gateway, connections: int, count: int) -> Found:
    letters = mails.ordinary(count)
    before, began = cpu_seconds(os.getpid()), time.perf_counter()
    said = uvloop.run(mail.bring(gateway.smtp_port, iter(letters), connections))
    seconds = time.perf_counter() - began
    return {
        "accepted_s": round(len(said) / seconds, 1),
        "ack_ms": percentiles(one.acked - one.sent for one in said if one.acked),
        "cpu_ms": _cpu_ms(before, count),
    }


def _cpu_ms(before: Counter[str], count: int) -> dict[str, float]:
    """Of each program, for a mail; the bench itself is left out."""
    used = cpu_seconds(os.getpid()) - before
    return {role: round(used[role] / count * 1e3, 2) for role in OURS if used[role]}


def _large(gateway: Gateway, count: int) -> Found:
    letters = mails.large(count)
    began = time.perf_counter()
    said = uvloop.run(mail.bring(gateway.smtp_port, iter(letters), 4))
    seconds = time.perf_counter() - began
    found = {
        "mails_s": round(count / seconds, 1),
        "ack_ms": percentiles(one.acked - one.sent for one in said if one.acked),
        "rss_mb": _rss(gateway),
    }
    print(f"{count} mails with a file of 10 MB, 4 connections: {found}", flush=True)
    return found


def _many(gateway: Gateway, connections: int, count: int) -> list[float]:
    """Memory of the gateway after each tenth."""
    sizes: list[float] = []
    for _ in range(STEPS):
        uvloop.run(mail.bring(gateway.smtp_port, mails.endless(count // STEPS), connections))
        sizes.append(_rss(gateway))
    print(f"Memory of gateway-email over {count:,} mails, MB after each tenth: {sizes}", flush=True)
    return sizes


def _rss(gateway: Gateway) -> float:
    family = [gateway.process, *gateway.process.children(recursive=True)]
    return round(sum(process.memory_info().rss for process in family) / MEGABYTE, 1)


def _show(results: Found) -> None:
    """On a busy machine CPU tells more than time: whoever has more processes gets more of it."""
    theirs = results.get("theirs")
    for name, figure in (("accepted", "accepted_s"), ("into a thread", "msgs_s")):
        one, ack = results[name], results[name]["ack_ms"]
        cpu = sum(one["cpu_ms"].values())
        print(f"{name}: {one[figure]}/s, CPU {cpu:.1f} ms; 250 after {ack['p50']} ms (p50), {ack['p99']} ms (p99)")
        if theirs:
            times, of_cpu = one[figure] / theirs["s"], theirs["cpu_ms"] / cpu
            print(
                f"  {times:.1f} times django-helpdesk {VERSION} ({theirs['s']}/s), for {of_cpu:.1f} times less CPU",
                flush=True,
            )
