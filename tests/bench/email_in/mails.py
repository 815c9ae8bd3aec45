"""Mails as customers write them: a few lines, mostly in HTML too, every tenth with a file."""

from __future__ import annotations

import base64
import itertools
import os
import random
from collections.abc import Iterator
from uuid import uuid4

from tests.bench.mail import PLAIN, Letter, letter, senders

FILE_BYTES, LARGE_BYTES = 20_000, 10_000_000
DIFFERENT = 500
HISTORY = "On Mon, 23 Nov 2026 at 08:55, Shop <support@onethread.localhost> wrote:"
WORDS = [
    "order", "parcel", "size", "delivery", "refund", "shirt", "invoice", "address", "account", "password", "still",
    "when", "waiting", "please", "tell", "number", "arrived", "broken", "missing", "change", "cancel", "exchange",
]  # fmt: skip


def ordinary(count: int) -> list[Letter]:
    return [letter(sender, _body(n), f"Question {n}") for n, sender in enumerate(senders(count))]


def endless(count: int) -> Iterator[Letter]:
    """The same few hundred texts again and again, under ids of their own: writing must cost less than reading."""
    for one in itertools.islice(itertools.cycle(ordinary(DIFFERENT)), count):
        message_id = str(uuid4())
        yield Letter(one.sender, message_id, one.raw.replace(one.message_id.encode(), message_id.encode()))


def large(count: int) -> list[Letter]:
    file = _file(LARGE_BYTES)
    return [letter(sender, _mixed(PLAIN + _text(), file)) for sender in senders(count)]


def _body(number: int) -> str:
    said = PLAIN + _text() if number % 3 == 0 else _alternative(_text())
    return said if number % 10 else _mixed(said, _file(FILE_BYTES))


def _text() -> str:
    sentences = (" ".join(random.choices(WORDS, k=random.randint(5, 14))).capitalize() + "." for _ in range(8))
    quoted = (f"> {' '.join(random.choices(WORDS, k=9))}" for _ in range(6))
    return "\r\n".join(("Hello,", "", *sentences, "", HISTORY, *quoted))


def _alternative(text: str) -> str:
    new, _, quoted = text.partition(HISTORY)
    shown, history = (part.replace("\r\n", "<br>\r\n").replace("> ", "") for part in (new, quoted))
    html = (
        f'<div dir="ltr">{shown}</div><div class="gmail_quote"><div class="gmail_attr">{HISTORY}</div>{history}</div>'
    )
    return _multipart("alternative", PLAIN + text, f"Content-Type: text/html; charset=utf-8\r\n\r\n{html}")


def _mixed(said: str, file: str) -> str:
    return _multipart("mixed", said, file)


def _multipart(kind: str, *parts: str) -> str:
    inside = "".join(f"--{kind}-of-the-bench\r\n{part}\r\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{kind}-of-the-bench"\r\n\r\n{inside}--{kind}-of-the-bench--\r\n'


def _file(size: int) -> str:
    head = 'Content-Type: application/pdf; name="file.pdf"\r\nContent-Disposition: attachment; filename="file.pdf"'
    content = base64.encodebytes(os.urandom(size)).decode().replace("\n", "\r\n")
    return f"{head}\r\nContent-Transfer-Encoding: base64\r\n\r\n{content}"
