"""Mails made worse: each change is small, and several follow one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

LARGEST = 300_000
MOST_CHANGES = 6
TOKENS = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\x00",
    b"\x0b",
    b"\x1f",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
    b"\xe2\x80\xae",
    b"\xee\x80\x81",
    b"\xee\x80\x85",
    b"=?utf-8?b?",
    b"=?utf-8?q?=00?=",
    b"=?x-unknown?q?a?=",
    b"?=",
    b"=\r\n",
    b"=3D",
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n",
    b"--b\r\n",
    b"--b--\r\n",
    b"Content-Type: message/rfc822\r\n\r\n",
    b"Content-Type: text/html; charset=utf-7\r\n\r\n",
    b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n",
    b"Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Transfer-Encoding: uuencode\r\n",
    b"Content-Type: application/ms-tnef\r\n",
    b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n",
    b"Content-Disposition: attachment; filename*0*=utf-8''a%00; filename*1=b\r\n",
    b"name*=''%",
    b"From: ",
    b"From: a@b, c@d\r\n",
    b"To: undisclosed-recipients:;\r\n",
    b"Date: Mon, 99 Foo 99999 99:99:99 +9999\r\n",
    b"Message-ID: <>\r\n",
    b"References: <a@b> <",
    b"Authentication-Results: mx.desk.example; dmarc=pass header.from=",
    b"Received: ",
    b"Auto-Submitted: auto-replied\r\n",
    b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n",
    b"Final-Recipient: rfc822; a@b\r\n",
    b"Status: 5.1.1\r\n",
    b"Diagnostic-Code: smtp; 550 ",
    b"On Mon, 2 Nov 2026 at 10:00, Ann <a@b.example> wrote:\n",
    b"> ",
    b"-----Original Message-----\n",
    b"-- \n",
    b"From: a\nSent: b\nTo: c\nSubject: d\n",
    b"---------- Forwarded message ---------\n",
    b"<div class=gmail_quote>",
    b"<blockquote type=cite>",
    b"</div>",
    b"<table>",
    b"<td>",
    b"<tr>",
    b"<details>",
    b"<summary>",
    b"<svg><style><img src=x onerror=alert(1)>",
    b"<math><mtext><table><mglyph><style><!--</style>",
    b"<!--",
    b"-->",
    b"<![CDATA[",
    b"<img src=cid:x>",
    b"<img src=//a.example/b.png>",
    b'<a href="java\tscript:x">',
    b"<p style='color:#fff;background:url(x)'>",
    b"<style>.a{display:none}",
    b"</style>",
    b"<pre>",
    b"&#0;",
    b"&#xD800;",
    b"&#x110000;",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<plaintext>",
    b"<noscript>",
    b"<template>",
    b"<base href=//x>",
    b"<font color=white>",
    b"DTSTART;TZID=",
    b"DTEND:99999999T999999Z",
    b"RRULE:FREQ=",
    b'ATTENDEE;CN="',
    b'x\x9f>"',
    b"\x7f\xff\xff\xff",
    b"{\\rtf1",
    b"\\bin999999999 ",
    b"\\u-1?",
]
Change = Callable[[bytearray, Random, Sequence[bytes]], None]


def changed(seeds: Sequence[bytes], chance: Random) -> bytes:
    data = bytearray(chance.choice(seeds)[:LARGEST])
    for _ in range(chance.randint(1, MOST_CHANGES)):
        chance.choice(CHANGES)(data, chance, seeds)
    return bytes(data[:LARGEST])


def _stretch(data: bytearray, chance: Random, most: int = 400) -> tuple[int, int]:
    first = chance.randint(0, len(data))
    return first, min(len(data), first + chance.randint(1, most))


def _flip(data: bytearray, chance: Random, _: Sequence[bytes]) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)


def _drop(data: bytearray, chance: Random, _: Sequence[bytes]) -> None:
    first, end = _stretch(data, chance)
    del data[first:end]


def _cut_off(data: bytearray, chance: Random, _: Sequence[bytes]) -> None:
    del data[chance.randint(0, len(data)) :]


def _say(data: bytearray, chance: Random, _: Sequence[bytes]) -> None:
    at = chance.randint(0, len(data))
    data[at:at] = chance.choice(TOKENS)


def _say_at_a_line(data: bytearray, chance: Random, _: Sequence[bytes]) -> None:
    at = data.find(b"\n", chance.randint(0, len(data))) + 1
    data[at:at] = chance.choice(TOKENS)


def _repeat(data: bytearray, chance: Random, _: Sequence[bytes]) -> None:
    """Sometimes very often: what takes quadratic time shows."""
    first, end = _stretch(data, chance, 60)
    data[first:end] = data[first:end] * min(chance.choice((2, 10, 300, 20_000)), 1 + LARGEST // max(1, end - first))


def _repeat_token(data: bytearray, chance: Random, _: Sequence[bytes]) -> None:
    at, token = chance.randint(0, len(data)), chance.choice(TOKENS)
    data[at:at] = token * min(chance.choice((3, 100, 5_000)), 1 + LARGEST // len(token))


def _mix(data: bytearray, chance: Random, seeds: Sequence[bytes]) -> None:
    """The beginning of one mail and the end of another."""
    other = chance.choice(seeds)
    data[chance.randint(0, len(data)) :] = other[chance.randint(0, len(other)) :]


def _borrow(data: bytearray, chance: Random, seeds: Sequence[bytes]) -> None:
    first, end = _stretch(other := bytearray(chance.choice(seeds)), chance, 2_000)
    at = chance.randint(0, len(data))
    data[at:at] = other[first:end]


def _turn_lines_round(data: bytearray, chance: Random, _: Sequence[bytes]) -> None:
    lines = bytes(data).split(b"\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    data[:] = b"\n".join(lines)


CHANGES: list[Change] = [
    _flip, _drop, _cut_off, _say, _say, _say_at_a_line, _say_at_a_line, _repeat, _repeat_token, _mix, _borrow,
    _turn_lines_round,
]  # fmt: skip
