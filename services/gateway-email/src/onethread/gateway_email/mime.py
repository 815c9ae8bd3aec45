"""The parts of a mail: pure, and nothing in it raises. What is damaged is read as far as it can be."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from email.parser import BytesHeaderParser

import structlog

from onethread.contracts.messages import Attachment
from onethread.gateway_email import charsets, markup

MULTIPARTS = 100
LOOKS = 10_000_000
"""The standard parser looks for the end of every open part in every line. A mail that takes more looks than this, some
seconds of them, is not taken apart."""
NAME_CHARACTERS = 200
FIELD_CHARACTERS = 20_000
_PATH = re.compile(r"[/\\:]")
Part = Message
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the body, in the forms that the mail has it in."""

    plain: str | None = None
    html: str | None = None

    @property
    def text(self) -> str:
        if self.plain and self.plain.strip():
            return self.plain
        return markup.as_text(self.html) if self.html else ""

    @property
    def shown(self) -> str:
        return self.html if self.html is not None else markup.of_text(self.plain or "")


@dataclass(slots=True)
class Mail:
    raw: bytes
    message: Part
    sections: list[Section] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names and values as they stand in the mail, from the top down."""
        return [(name, str(value)) for name, value in self.message.raw_items()]

    def fields(self, name: str) -> list[str]:
        """Every field of that name as it stands, unfolded."""
        return [
            " ".join(charsets.as_text(value[:FIELD_CHARACTERS]).split())
            for key, value in self.headers
            if key.lower() == name.lower()
        ]

    def header(self, name: str) -> str:
        """The first field of that name, decoded; empty where there is none."""
        return charsets.header(next(iter(self.fields(name)), ""))

    @property
    def text(self) -> str:
        return "\n\n".join(text for section in self.sections if (text := section.text.strip("\r\n")))

    @property
    def html(self) -> str | None:
        """None where the mail has only plain text."""
        if all(section.html is None for section in self.sections):
            return None
        return "\n".join(section.shown for section in self.sections)

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2] or self.raw.partition(b"\n\n")[2]


def parse(raw: bytes) -> Mail:
    multiparts = raw.lower().count(b"boundary=")
    if multiparts <= MULTIPARTS and multiparts * raw.count(b"\n") <= LOOKS:
        try:
            mail = Mail(raw, message_from_bytes(raw, policy=policy.compat32))
            mail.sections = list(_sections(mail.message, mail.attachments))
        except Exception as error:
            log.warning("mail.damaged", error=type(error).__name__, size=len(raw))
        else:
            return mail
    mail = Mail(raw, BytesHeaderParser(policy=policy.compat32).parsebytes(raw))
    mail.sections = [Section(plain=charsets.decode(mail.body, None))]
    return mail


def _sections(part: Part, attachments: list[Attachment]) -> Iterator[Section]:
    children = part.get_payload()
    if part.get_content_maintype() == "multipart" and isinstance(children, list):
        parts = [child for child in children if isinstance(child, Message)]
        inner = [section for child in parts for section in _sections(child, attachments)]
        is_choice = part.get_content_subtype() == "alternative"
        yield from [_one_of(inner)] if is_choice and inner else inner
    elif _is_body(part):
        said = charsets.decode(_bytes(part), part.get_param("charset", None) and part.get_content_charset())
        yield Section(html=said) if part.get_content_subtype() == "html" else Section(plain=_unflowed(part, said))
    else:
        attachments.append(_attachment(part))


def _one_of(sections: list[Section]) -> Section:
    """Alternatives: the last HTML to show, and whatever is plain to read."""
    plain = [s.plain for s in sections if s.plain is not None]
    rich = [s.html for s in sections if s.html is not None]
    return Section("\n\n".join(plain) if plain else None, rich[-1] if rich else None)


def _is_body(part: Part) -> bool:
    if part.get_content_maintype() == "multipart":  # it has no parts: damaged, and the words stand in it as they are
        return True
    if part.get_content_type() not in ("text/plain", "text/html"):
        return False
    return part.get_content_disposition() != "attachment" and not _file_name(part)


def _bytes(part: Part) -> bytes:
    payload = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        return payload
    return b"\r\n".join(bytes(child) for child in part.get_payload() if isinstance(child, Message))


def _unflowed(part: Part, said: str) -> str:
    """`format=flowed` (RFC 3676): a line that ends in a blank goes on in the next one of the same quote depth."""
    if str(part.get_param("format", "")).lower() != "flowed":
        return said
    joint = "" if str(part.get_param("delsp", "")).lower() == "yes" else " "
    lines: list[str] = []
    goes_on = False
    for line in said.splitlines():
        depth = len(line) - len(line.lstrip(">"))
        words = line[depth:].removeprefix(" ")
        if goes_on and lines and _depth(lines[-1]) == depth:
            lines[-1] += words
        else:
            lines.append(">" * depth + (" " if depth else "") + words)
        goes_on = words.endswith(" ") and words != "-- "
        if goes_on:
            lines[-1] = lines[-1][:-1] + joint
    return "\n".join(lines)


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip(">"))


def _attachment(part: Part) -> Attachment:
    content = _bytes(part)
    return Attachment(
        name=_file_name(part) or ("message.eml" if part.get_content_maintype() == "message" else "unnamed"),
        type=part.get_content_type()[:100],
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _file_name(part: Part) -> str:
    """Without folders, control characters and marks that turn the direction of writing."""
    try:
        name = charsets.header(str(part.get_filename("") or ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        return "unnamed"
    return _PATH.split(name)[-1].replace("..", ".").strip(". ")[:NAME_CHARACTERS]
