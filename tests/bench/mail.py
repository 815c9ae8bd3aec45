"""Mail, as a trusted relay brings it: each one vouched for by an honest Authentication-Results."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from tests.bench import wire
from tests.bench.load import Customer, Said, Timeline
from tests.bench.measure import percentiles

SENDERS, SHOWN_SECONDS = 100, 30
TO = "support@onethread.localhost"
PLAIN = "Content-Type: text/plain; charset=utf-8\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Letter:
    sender: str
    message_id: str
    """A UUID; in the mail it stands before `@bench.example`."""
    raw: bytes


def letter(sender: str, body: str, subject: str = "A question") -> Letter:
    """`body` with its own Content-Type, and without a line that begins with a dot."""
    message_id = str(uuid4())
    head = [
        f"Authentication-Results: onethread.localhost; dmarc=pass header.from={sender.partition('@')[2]}",
        f"From: <{sender}>", f"To: <{TO}>", f"Subject: {subject}", f"Message-ID: <{message_id}@bench.example>",
        "Date: Mon, 23 Nov 2026 09:00:00 +0000", "MIME-Version: 1.0", body,
    ]  # fmt: skip
    return Letter(sender, message_id, "\r\n".join(head).encode())


def senders(count: int) -> Iterator[str]:
    """The addresses of `count` mails: of a hundred people, whom nobody has seen before."""
    run_id = uuid4().hex[:8]
    return (f"{run_id}-{n % SENDERS}@customer.example" for n in range(count))


def asking(questions: Sequence[str], count: int) -> list[Letter]:
    return [letter(sender, PLAIN + random.choice(questions)) for sender in senders(count)]


async def bring(port: int, letters: Iterator[Letter], connections: int, timeline: Timeline | None = None) -> list[Said]:
    """Over so many connections, each as fast as it is answered. `timeline`: what is shown there is waited for."""
    said = await asyncio.gather(*(_relay(port, letters, timeline) for _ in range(connections)))
    return [one for each in said for one in each]


async def _relay(port: int, letters: Iterator[Letter], timeline: Timeline | None) -> list[Said]:
    connection = await wire.Smtp.connect(port)
    nobody = Customer(timeline or Timeline(), [])
    sent: list[Said] = []
    for one in letters:
        said = Said(nobody, time.perf_counter())
        if timeline:
            timeline.waiting[one.message_id] = said
        sent.append(said)
        await connection.send(one.sender, TO, one.raw)
        said.acked = time.perf_counter()
    connection.close()
    return sent


async def run(port: int, timeline: Timeline, letters: Sequence[Letter], *, connections: int) -> dict[str, object]:
    began = time.perf_counter()
    sent = await bring(port, iter(letters), connections, timeline)
    accepted = time.perf_counter() - began
    for _ in itertools.takewhile(lambda _: any(one.shown is None for one in sent), range(SHOWN_SECONDS * 20)):
        await asyncio.sleep(0.05)
    shown = max((one.shown for one in sent if one.shown), default=time.perf_counter())
    return {
        "sent": len(sent),
        "lost": sum(one.shown is None for one in sent),
        "accepted_s": round(len(sent) / accepted, 1),
        "msgs_s": round(len(sent) / (shown - began), 1),
        "ack_ms": percentiles(one.acked - one.sent for one in sent if one.acked),
        "timeline_ms": percentiles(one.shown - one.sent for one in sent if one.shown),
    }
