"""The mails that are made worse: those of a folder, or a few of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

LARGEST = 200_000
MAIL = (
    b"From: Ann <ann@x.example>\r\nTo: support@desk.example\r\nSubject: =?utf-8?q?L=C3=A4mpchen?=\r\n"
    b'Message-ID: <1@x.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n'
    b'Content-Type: multipart/alternative; boundary="c"\r\n\r\n--c\r\nContent-Type: text/plain\r\n\r\nHello\r\n'
    b"On Mon, 2 Nov 2026 at 10:00, Desk <support@desk.example> wrote:\r\n> Hi\r\n-- \r\nAnn\r\n--c\r\n"
    b'Content-Type: text/html\r\n\r\n<p>Hello</p><div class="gmail_quote">Hi<img src="cid:1"></div>\r\n--c--\r\n--b\r\n'
    b'Content-Type: image/png; name="a.png"\r\nContent-ID: <1>\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--b--"
)
HTML = b"<style>.x{color:#fff}</style><p class=x>Hi</p><table><tr><td>1</table><blockquote type=cite>Old</blockquote>"
OWN: dict[str, list[bytes]] = {
    "mail": [MAIL],
    "html": [HTML],
    "tnef": [b"\x78\x9f\x3e\x22\x01\x00\x01\x06\x90\x08\x00\x04\x00\x00\x00\x00\x00\x01\x00\x01\x00"],
    "calendar": [
        b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261102T100000Z\r\nEND:VEVENT\r\n"
    ],
}
KINDS = {".html": "html", ".htm": "html", ".tnef": "tnef", ".dat": "tnef", ".ics": "calendar"}
FED = {
    "mail": ("mail", "inspect", "words", "forward"),
    "html": ("html", "shown"),
    "tnef": ("tnef",),
    "calendar": ("calendar",),
}
"""Which targets each kind is given to."""


def seeds(folder: Path | None) -> dict[str, list[bytes]]:
    """By target."""
    found: dict[str, list[bytes]] = {kind: list(own) for kind, own in OWN.items()}
    for kind, content in _files(folder) if folder else ():
        found[kind].append(content)
        if b"BEGIN:VCALENDAR" in content:
            found["calendar"].append(content[content.index(b"BEGIN:VCALENDAR") :])
    return {target: found[kind] for kind, targets in FED.items() for target in targets}


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".json":
            yield from (("html", payload.encode()) for payload in _payloads(path))
        elif path.is_file() and path.stat().st_size <= LARGEST:
            yield KINDS.get(path.suffix.lower(), "mail"), path.read_bytes()


def _payloads(path: Path) -> list[str]:
    found = json.loads(path.read_text())
    return (
        [one["payload"] for one in found if isinstance(one, dict) and "payload" in one]
        if isinstance(found, list)
        else []
    )
