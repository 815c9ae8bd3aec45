"""just bench conversation: the conversation service by itself, with an empty past and with a long one, side by side."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import httpx
import uvloop
from tests.bench import report
from tests.bench.conversation import reading
from tests.bench.conversation.installation import Installation, installed
from tests.bench.conversation.stitching import Customers
from tests.bench.measure import Neighbours, percentiles

FLAT, PAGE_MS = 1.3, 50.0
ROUND = 30
"""So many for one size, then the next: what else the machine does meets all sizes alike."""
WARM_UP = 60
STITCHING_SECONDS, PAGE_SECONDS = 80.0, 6.0
"""On a busy machine there are fewer samples, so that the whole run stays below six minutes."""
SETTLE_SECONDS = 5
"""A replica that has just started compares the event log with the stream."""
DRAINS = 2
"""With one replica and with two, so many times over."""


def main(arguments: Sequence[str]) -> None:
    chosen = _arguments(arguments)
    began = time.perf_counter()
    results: dict[str, Any] = {"sizes": chosen.sizes}
    with contextlib.ExitStack() as stack:
        all_sizes = [stack.enter_context(installed(size)) for size in chosen.sizes]
        _say(f"{os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}.")
        for part in (_stitching, _reading, _draining):
            if chosen.only in part.__name__:
                neighbours = Neighbours(os.getpid())
                results[part.__name__.strip("_")] = uvloop.run(part(all_sizes, chosen))
                if part is not _draining:  # there each line says it
                    _say(f"Meanwhile other programs took {neighbours.percent_of_a_core()} % of a core.")
    _say(f"Written to {report.write(results, 'conversation')} after {time.perf_counter() - began:.0f} s.")


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just bench conversation", description=__doc__)
    sizes = parser.add_argument(
        "--sizes", default=[0, 100_000, 1_000_000], type=lambda text: [int(one) for one in text.split(",")],
        help="stored messages, of which a tenth is the number of threads; the first one is what others are compared to",
    )  # fmt: skip
    sizes.metavar = "0,100000,1000000"
    parser.add_argument("--messages", type=int, default=600, help="stitched one at a time, for each size")
    parser.add_argument("--pages", type=int, default=120, help="of each kind, for each size")
    parser.add_argument("--backlog", type=int, default=3_000, help="messages that are drained")
    parser.add_argument("--explain", action="store_true", help="show the plans of the pages that miss their aim")
    parser.add_argument("--only", default="", help="stitching, reading or draining")
    return parser.parse_args(arguments)


async def _stitching(all_sizes: Sequence[Installation], chosen: argparse.Namespace) -> Mapping[str, Any]:
    seconds: dict[int, list[float]] = defaultdict(list)
    async with contextlib.AsyncExitStack() as stack:
        customers = {one.size: await stack.enter_async_context(Customers(one)) for one in all_sizes}
        for one in customers.values():
            for _ in range(WARM_UP):
                await one.say()
        for _ in _rounds(chosen.messages, STITCHING_SECONDS):
            for size, one in customers.items():
                seconds[size] += [await one.say() for _ in range(ROUND)]
    _heading("One message, from the bus to message.added, ms", chosen.sizes)
    times = {size: percentiles(some) for size, some in seconds.items()}
    _row("stitching", times)
    for which in ("p50", "p99"):
        ratios = {size: round(one[which] / times[chosen.sizes[0]][which], 2) for size, one in times.items()}
        _line(f"  {which} against the first", *(f"{ratio:g}x" for ratio in ratios.values()))
        _aim(max(ratios.values()) <= FLAT, f"stitching, {which}: more than {FLAT}x of an empty past")
    return {str(size): one for size, one in times.items()}


async def _reading(all_sizes: Sequence[Installation], chosen: argparse.Namespace) -> Mapping[str, Any]:
    by_size = {one.size: reading.pages(one) for one in all_sizes}
    results: dict[str, Any] = {}
    _heading("Pages by HTTP, ms", chosen.sizes)
    async with contextlib.AsyncExitStack() as stack:
        clients = {one.size: await stack.enter_async_context(_client(one)) for one in all_sizes}
        for kind in by_size[chosen.sizes[0]]:
            times = await _times(clients, {size: pages[kind] for size, pages in by_size.items()}, chosen.pages)
            _row(kind, times)
            results[kind] = {str(size): one for size, one in times.items()}
            if (
                not _aim(times[max(times)]["p99"] < PAGE_MS, f"{kind}: p99 of {PAGE_MS:g} ms or more")
                and chosen.explain
            ):
                await _explain(all_sizes, by_size, kind)
    return results


def _client(one: Installation) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=one.replicas[0].url, headers=reading.HEADERS, timeout=30)


async def _times(
    clients: Mapping[int, httpx.AsyncClient], paths: Mapping[int, Callable[[], str]], count: int
) -> dict[int, Any]:
    seconds: dict[int, list[float]] = defaultdict(list)
    for client, path in ((clients[size], paths[size]) for size in clients):
        for _ in range(5):
            await reading.seconds_of(client, path())
    for _ in _rounds(count, PAGE_SECONDS):
        for size, client in clients.items():
            seconds[size] += [await reading.seconds_of(client, paths[size]()) for _ in range(ROUND)]
    return {size: percentiles(some) for size, some in seconds.items()}


async def _explain(
    all_sizes: Sequence[Installation], by_size: Mapping[int, Mapping[str, Callable[[], str]]], kind: str
) -> None:
    largest = max(all_sizes, key=lambda one: one.size)
    for plan in await reading.explained(largest, by_size[largest.size][kind]()):
        _say(plan)


async def _draining(all_sizes: Sequence[Installation], chosen: argparse.Namespace) -> Sequence[Any]:
    one = max(all_sizes, key=lambda one: one.size)
    results: list[dict[str, Any]] = []
    _say(f"\n{chosen.backlog:,} messages that wait, with {one.size:,} stored; CPU in percent of one core")
    async with Customers(one) as customers:
        for number in range(2 * DRAINS):
            measured = await customers.drained(chosen.backlog)
            cpu = sorted(measured["percent_of_a_core"].items(), key=lambda item: -item[1])
            shares = "  ".join(f"{role} {share}" for role, share in cpu if share)
            _say(f"{len(one.replicas)} replica(s): {measured['messages_s']}/s   {shares}")
            results.append({"replicas": len(one.replicas), **measured})
            if number % 2:
                one.stop_replicas()
            one.add_replica()
            await asyncio.sleep(SETTLE_SECONDS)
            for _ in range(WARM_UP):
                await customers.say()
    return results


def _rounds(count: int, seconds: float) -> Iterator[None]:
    """As many as `count` samples take, and at least one; no more are begun after `seconds`."""
    end = time.monotonic() + seconds
    for _ in range(0, count, ROUND):
        yield
        if time.monotonic() > end:
            return


def _heading(title: str, sizes: Sequence[int]) -> None:
    _say("")
    _line(title, *(f"{size:,} stored" for size in sizes))


def _row(name: str, times: Mapping[int, Mapping[str, float | None]]) -> None:
    _line(name, *(f"{one['p50']:g} / {one['p99']:g}" for one in times.values()))


def _aim(met: bool, missed: str) -> bool:
    if not met:
        _say(f"  AIM MISSED  {missed}")
    return met


def _line(first: str, *rest: str) -> None:
    _say(f"{first:52}" + "".join(f"{cell:>22}" for cell in rest))


def _say(text: str) -> None:
    print(text, flush=True)
