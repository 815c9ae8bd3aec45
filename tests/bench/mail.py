"""Mail, as a trusted relay brings it: each one vouched for by an honest Authentication-Results."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Iterator, Sequence
from uuid import uuid4

from tests.bench import wire
from tests.bench.load import Customer, Said, Timeline
from tests.bench.measure import percentiles

SENDERS, SHOWN_SECONDS = 100, 30
TO = "support@onethread.localhost"


def _mail(sender: str, message_id: str, text: str) -> bytes:
    lines = [
        f"Authentication-Results: onethread.localhost; dmarc=pass header.from={sender.partition('@')[2]}",
        f"From: <{sender}>", f"To: <{TO}>", "Subject: A question", f"Message-ID: <{message_id}@bench.example>",
        "Date: Mon, 23 Nov 2026 09:00:00 +0000", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
        "", text,
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


async def _relay(
    port: int, mails: Iterator[str], timeline: Timeline, questions: Sequence[str], sent: list[Said]
) -> None:
    connection = await wire.Smtp.connect(port)
    nobody = Customer(timeline, questions)
    for sender in mails:
        message_id = str(uuid4())
        mail = _mail(sender, message_id, random.choice(questions))
        said = timeline.waiting[message_id] = Said(nobody, time.perf_counter())
        sent.append(said)
        await connection.send(sender, TO, mail)
        said.acked = time.perf_counter()
    connection.close()


async def run(
    port: int, timeline: Timeline, questions: Sequence[str], *, connections: int, mails: int
) -> dict[str, object]:
    """`mails` mails from a hundred senders over `connections` connections, each as fast as it is answered."""
    run_id = uuid4().hex[:8]
    senders = iter([f"{run_id}-{n % SENDERS}@customer.example" for n in range(mails)])
    sent: list[Said] = []
    began = time.perf_counter()
    await asyncio.gather(*(_relay(port, senders, timeline, questions, sent) for _ in range(connections)))
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
