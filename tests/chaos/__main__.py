"""just chaos [SECONDS] [--seed N]: the whole stack, customers on every channel, teammates who answer, and faults.

A seed makes the plan: services are killed, asked to end and stopped for a while, NATS and PostgreSQL too, the mail
relay and Slack refuse, hang and swallow answers, and the disk takes no mail. Then there is peace, and a ledger that was
kept outside is compared with what came out: every message that was accepted stands in one thread of its customer, once
and in order; every reply went out, and at most once more than needed; nobody got a word of somebody else's; nothing
waits, hangs or was given up; no service has grown. What is not so is printed, with the seed and where the logs are.

just soak [MINUTES]: the same without faults; latency and memory, minute by minute.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
from chaos import insides
from chaos.book import Book, repeats, wrong_in_threads, wrong_outside
from chaos.faults import Trouble, plan
from chaos.outside import Mailboxes, SlackDoor
from chaos.people import Everybody
from plugins.customers import Desk
from plugins.stack import SECRETS, SHOP, Stack, own_folder

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT))
from tests.bench.measure import memory, percentiles  # noqa: E402 it lies beside, not below

RESULTS = ROOT / "results" / "chaos"
RELAY_PORT, SLACK_PORT = 2527, SHOP
CALM_SECONDS = 10
TAKEN_SECONDS, DRAINED_SECONDS = 60, 420
"""A mail that was being tried again when its gateway was killed is another's after five minutes (`retries.LEASE`)."""
GROWTH_MB = 150
"""What a service may have more at the end than when everybody had begun."""


class World:
    """A stack with everybody around it."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.stack, self.began = stack, time.monotonic()
        self.chance = random.Random(seed)
        self.book = Book("z" + "".join(self.chance.choices("bcdfghkmpqtvw", k=4)))
        self.mailboxes = Mailboxes(stack.port(RELAY_PORT))
        self.slack = SlackDoor(stack.port(SLACK_PORT), stack.url(8080, "/slack/api"))
        self.desk: Desk
        self.everybody: Everybody
        self.listener: insides.Listener

    @contextlib.asynccontextmanager
    async def living(self) -> AsyncIterator[World]:
        settings = {
            "ONETHREAD_SMTP_URL": f"smtp://127.0.0.1:{self.mailboxes.port}",
            "ONETHREAD_SLACK_API_URL": self.slack.url,
            "ONETHREAD_UNSEEN_REPLY_MINUTES": "0",  # else what was not seen in the chat goes out by mail, too
        }
        await asyncio.to_thread(self.stack.start, **settings)
        await self.mailboxes.be("well")
        headers = {"Authorization": f"Bearer {SECRETS['ONETHREAD_API_KEY']}"}
        http = httpx.AsyncClient(base_url=self.stack.url(8000, "/api/v1/"), headers=headers, timeout=10)
        async with http, self.slack.open():
            self.desk = Desk(http)
            self.everybody = Everybody(self.stack, self.desk, self.mailboxes, self.book, self.chance)
            self.listener = insides.Listener(self.stack, self.desk)
            listening = asyncio.create_task(self.listener.listen())
            try:
                yield self
            finally:
                listening.cancel()
                await self.everybody.close()
                await self.mailboxes.be("away")

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self.began:6.0f} s  {text}", flush=True)

    def memory(self) -> dict[str, float]:
        assert self.stack.process
        return {role: one["pss"] for role, one in memory(self.stack.process.pid).items()}

    async def peace(self) -> list[str]:
        """What does not come to its end, though nothing is wrong any more."""
        self.say("peace")
        found = await self.everybody.stop(TAKEN_SECONDS)
        end = time.monotonic() + DRAINED_SECONDS
        said = ""
        while left := await self._under_way():
            if left[0] != said:
                said = left[0]
                self.say(f"waiting: {said}")
            if time.monotonic() > end:
                return found + [f"after {DRAINED_SECONDS} s of peace: {one}" for one in left]
            await asyncio.sleep(1)
        self.say("nothing is under way")
        await self.everybody.catch_up()
        await asyncio.sleep(CALM_SECONDS)
        return found

    async def _under_way(self) -> list[str]:
        try:
            async with asyncio.timeout(20):
                return await insides.under_way(self.stack)
        except Exception as error:
            return [f"cannot be asked: {type(error).__name__}"]

    async def judged(self) -> list[str]:
        """What is not as it was promised."""
        shown, messages = await insides.in_threads(self.desk)
        threads = await insides.all_threads(self.desk)
        received = await self.everybody.received()
        self.say(f"{len(shown)} messages in {len(threads)} threads, {len(received)} reached somebody")
        self.say(f"{repeats(self.book, received)} replies reached somebody once more than needed")
        return [
            *wrong_in_threads(self.book, shown),
            *wrong_outside(self.book, received),
            *insides.undelivered(self.book, messages),
            *insides.unanswered(self.book, messages, threads),
            *self.listener.missed(self.book),
            *await insides.parked(self.stack),
            *await insides.verified(self.stack),
        ]

    def tell_numbers(self) -> None:
        for sender in self.everybody.senders:
            times = percentiles(sender.receipts)
            self.say(
                f"{sender.name:44} {len(sender.accepted):5} taken, receipt p50 {times['p50']} ms, "
                f"max {times['max']} ms; {dict(sender.refused) or 'none refused'}"
            )


def grown(before: dict[str, float], after: dict[str, float]) -> list[str]:
    return [
        f"{role} has {size:.0f} MB, and had {before.get(role, 0):.0f}"
        for role, size in after.items()
        if role != "whole" and size > before.get(role, 0) + GROWTH_MB
    ]


async def chaos(world: World, seconds: float, seed: int) -> list[str]:
    trouble = Trouble(world.stack, world.mailboxes, world.slack, world.say)
    async with world.living():
        world.everybody.start()
        await asyncio.sleep(CALM_SECONDS)
        before = world.memory()
        await trouble.make(plan(seed, seconds))
        wrong = await world.peace()
        wrong += await world.judged()
        after = world.memory()
        world.tell_numbers()
    kinds = Counter(f"{fault.kind} {fault.target} {fault.how}".strip() for fault in trouble.done)
    world.say(f"{len(trouble.done)} faults: {', '.join(f'{kind} {count}' for kind, count in sorted(kinds.items()))}")
    world.say("MB: " + ", ".join(f"{role} {before.get(role, 0):.0f} to {size:.0f}" for role, size in after.items()))
    return wrong + grown(before, after)


async def soak(world: World, minutes: float) -> list[str]:
    async with world.living():
        world.everybody.start()
        await asyncio.sleep(CALM_SECONDS)
        before = world.memory()
        roles = [role for role in sorted(before) if role != "runner"]
        world.say("minute   taken   receipt p50/p99 ms   " + "  ".join(f"{role:>14}" for role in roles))
        seen = dict.fromkeys(map(id, world.everybody.senders), 0)
        for minute in range(1, round(minutes) + 1):
            await asyncio.sleep(60)
            now, taken = world.memory(), list[float]()
            for sender in world.everybody.senders:
                taken += sender.receipts[seen[id(sender)] :]
                seen[id(sender)] = len(sender.receipts)
            times = percentiles(taken)
            world.say(
                f"{minute:6} {len(taken):7} {times['p50']!s:>10} / {times['p99']!s:<9}"
                + "  ".join(f"{now.get(role, 0):14.0f}" for role in roles)
            )
        wrong = await world.peace()
        wrong += await world.judged()
        after = world.memory()
        world.tell_numbers()
    return wrong + grown(before, after)


def main(arguments: Sequence[str] | None = None) -> None:
    given = list(sys.argv[1:] if arguments is None else arguments)
    calm = given[:1] == ["soak"]
    parser = argparse.ArgumentParser(prog="just soak" if calm else "just chaos", description=__doc__)
    if calm:
        parser.add_argument("minutes", nargs="?", type=float, default=30)
    else:
        parser.add_argument("seconds", nargs="?", type=float, default=300)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same one has the same plan")
    chosen = parser.parse_args(given[1:] if calm else given)
    sys.exit(1 if run(chosen, calm=calm) else 0)


def run(chosen: argparse.Namespace, *, calm: bool) -> list[str]:
    print(f"--seed {chosen.seed}, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    with own_folder() as stack:
        world = World(stack, chosen.seed)
        work = soak(world, chosen.minutes) if calm else chaos(world, chosen.seconds, chosen.seed)
        try:
            wrong = asyncio.run(work)
        except BaseException as error:
            wrong = [f"the run itself failed: {error!r}"]
            raise
        finally:
            kept = keep(world, chosen.seed, wrong)
        stack.stop()
    for one in wrong:
        print(f"WRONG  {one}")
    print(f"{len(wrong)} things are wrong; --seed {chosen.seed}; the logs and the ledger: {kept}" if wrong
          else f"Every promise was kept (--seed {chosen.seed}).")  # fmt: skip
    return wrong


def keep(world: World, seed: int, wrong: Sequence[str]) -> Path:
    """The ledger, and what the stack said."""
    folder = RESULTS / f"{time.strftime('%Y%m%d-%H%M%S')}-{seed}"
    folder.mkdir(parents=True)
    shutil.copy(world.stack.output, folder / "output.txt")
    entries: list[Any] = [asdict(entry) for entry in world.book.entries.values()]
    ledger = {"seed": seed, "wrong": list(wrong), "said": entries}
    (folder / "ledger.json").write_text(json.dumps(ledger, indent=1) + "\n")
    return folder


if __name__ == "__main__":
    main()
