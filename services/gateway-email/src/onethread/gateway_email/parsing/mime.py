"""The parts of a mail: pure, and nothing in it raises. What is damaged is read as far as it can be."""

from __future__ import annotations

import base64
import binascii
import hashlib
import mimetypes
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from email.parser import BytesHeaderParser
from functools import cached_property
from urllib.parse import unquote

import structlog

from onethread.gateway_email.capabilities import HEADER_BYTES
from onethread.gateway_email.parsing import calendars, charsets, tnef, uuencoded
from onethread.gateway_email.parsing.file_names import file_name, harmless
from onethread.gateway_email.showing import hidden, markup

MULTIPARTS = 100
LOOKS = 10_000_000
"""The standard parser looks for the end of every open part in every line. A mail that takes more looks than this, some
seconds of them, is not taken apart."""
WITHIN = 3
"""Of mails in one another, so many are opened. Each is written out again as the attachment that it is."""
FIELD_CHARACTERS = 20_000
LOOKED_THROUGH = 200_000
"""So much of a body is looked through for a boundary that its header does not name."""
TNEF = {"application/ms-tnef", "application/vnd.ms-tnef"}
CALENDARS = {"text/calendar", "application/ics"}
_CHARSET = re.compile(r"(<meta\b[^<>]{0,300}?\bcharset\s{0,5}=\s{0,5}[\"']?)[\w.:-]{1,60}", re.IGNORECASE)
"""HTML names the charset that it was sent in: it is text by now, and would be read wrong where it is saved."""
FURTHER_FORMS = {"text/x-amp-html", "text/watch-html", "text/enriched", "text/richtext"}
SNIFFED = 2_000
_CHARSET_WITHIN = re.compile(rb"<meta\b[^<>]{0,300}?\bcharset\s{0,5}=\s{0,5}[\"']?([\w.:-]{1,60})", re.IGNORECASE)
_BLANK_ENDS = re.compile(r"=[ \t]+(?=\r?\n)")
_PICTURE = re.compile(r"cid:([^\s\"'<>)]{1,300})", re.IGNORECASE)
_ODD_TYPE = re.compile(r"[^;]*[(\",]")
_TYPE = re.compile(r"\s*\"?([\w.+-]+/[\w.+-]+)")
_ODD_ENCODING = re.compile(r".*[(\",;]")
_ENCODING = re.compile(r"\s*\"?([\w-]+)")
_BOUNDARY = re.compile(r"^--([^\s\"][^\"\r\n]{0,199}?)[ \t]*\r?\ncontent-[a-z-]{1,40}:", re.IGNORECASE | re.MULTILINE)
_PADDED_WITHIN = re.compile(rb"=[^=]")
_FILLED = re.compile(rb"=+")
_SOURCE = re.compile(r"\bsrc\s{0,5}=\s{0,5}[\"']([^\"'<>]{1,300})[\"']", re.IGNORECASE)
Part = Message
log = structlog.get_logger()


@dataclass(frozen=True)
class Section:
    """A stretch of the body, in the forms that the mail has it in."""

    plain: str | None = None
    html: str | None = None

    @cached_property
    def text(self) -> str:
        if self.plain and self.plain.strip():
            return self.plain
        return markup.as_text(self.seen) if self.seen else ""

    @cached_property
    def seen(self) -> str | None:
        """The HTML without what nobody would see of it."""
        return hidden.visible(self.html) if self.html and markup.is_tractable(self.html) else self.html

    @property
    def shown(self) -> str:
        return self.seen if self.seen is not None else markup.of_text(self.plain or "")


@dataclass(frozen=True, slots=True)
class File:
    name: str
    type: str
    size: int
    sha256: str
    ids: tuple[str, ...] = ()
    """By which the HTML may name it: Content-ID, Content-Location."""
    content: bytes = field(default=b"", repr=False, compare=False)


@dataclass
class Mail:
    raw: bytes
    message: Part
    sections: list[Section] = field(default_factory=list)
    attachments: list[File] = field(default_factory=list)
    event: calendars.Event | None = None
    """What it invites to, or answers an invitation to."""
    depth: int = 0
    inner: list[Section] = field(default_factory=list)
    """What mails say that are attached to it, and the body that Outlook packed into `winmail.dat`."""
    attached: list[Mail] = field(default_factory=list)
    """The mails that are attached to it, each with its own header and words alone; not those within them."""
    _fields: dict[str, list[str]] | None = field(default=None, init=False, repr=False)
    """By name; a mail is asked for some sixty."""

    @classmethod
    def head(cls, raw: bytes) -> Mail:
        """With its header alone, and no more of that than any mail has which is taken."""
        end = next((found for found in (raw.find(b"\r\n\r\n"), raw.find(b"\n\n")) if found >= 0), len(raw))
        return cls(raw, BytesHeaderParser().parsebytes(raw[: min(end + 2, HEADER_BYTES)]))

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names and values as they stand in the mail, from the top down."""
        return [(name, str(value)) for name, value in self.message.raw_items()]

    def fields(self, name: str) -> list[str]:
        """Every field of that name as it stands, unfolded."""
        if self._fields is None:
            self._fields = {}
            for key, value in self.headers:
                unfolded = " ".join(charsets.as_text(value[:FIELD_CHARACTERS], self.charset).split())
                self._fields.setdefault(key.lower(), []).append(unfolded)
        return [*self._fields.get(name.lower(), ())]

    def header(self, name: str) -> str:
        """The first field of that name, decoded; empty where there is none."""
        found = self.fields(name)
        return charsets.header(found[0]) if found else ""

    @cached_property
    def charset(self) -> str | None:
        """Of its first text, as declared."""
        text = next((part for part in self.message.walk() if part.get_content_maintype() == "text"), self.message)
        return _declared(text)

    @cached_property
    def types(self) -> set[str]:
        """Of all its parts, those of mails within too."""
        return {part.get_content_type() for part in self.message.walk()}

    @property
    def body_sections(self) -> list[Section]:
        """Its own words; those of the mail within where it has none."""
        return self.sections if self.has_words else self.inner or self.sections

    @property
    def has_words(self) -> bool:
        """Of its own."""
        return any(section.text.strip() for section in self.sections)

    @property
    def text(self) -> str:
        return _joined(section.text for section in self.body_sections)

    @property
    def html(self) -> str | None:
        """None where the mail has only plain text."""
        sections = self.body_sections
        if all(section.html is None for section in sections):
            return None
        return "\n".join(section.shown for section in sections)

    @property
    def source(self) -> str | None:
        """The HTML that the text is made of; None where it is not made of HTML alone."""
        has_plain = any(section.plain and section.plain.strip() for section in self.body_sections)
        return None if has_plain else self.html

    @property
    def plain(self) -> str:
        """All the plain parts, those of mails within too; empty where there is only HTML."""
        return _joined(section.plain or "" for section in (*self.sections, *self.inner))

    @property
    def markup(self) -> str:
        """All the HTML parts, those of mails within too, as they were sent: not to be shown."""
        return "\n".join(section.html for section in (*self.sections, *self.inner) if section.html)

    @property
    def inline(self) -> list[File]:
        """The attachments that stand in the text: the HTML shows them."""
        if not any(one.ids for one in self.attachments):
            return []
        markup = self.markup
        shown = {*map(unquote, _PICTURE.findall(markup)), *_SOURCE.findall(markup)}
        return [one for one in self.attachments if any(id_ in shown for id_ in one.ids)]

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2] or self.raw.partition(b"\n\n")[2]


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(text for one in texts if (text := one.strip("\r\n")))


def parse(raw: bytes) -> Mail:
    if _is_tractable(raw):
        try:
            mail = Mail(raw, _made_whole(message_from_bytes(raw, policy=policy.compat32)))
            mail.sections = list(_sections(mail.message, mail))
        except Exception as error:
            log.warning("mail.damaged", error=type(error).__name__, size=len(raw))
        else:
            return mail
    mail = Mail(raw, BytesHeaderParser(policy=policy.compat32).parsebytes(raw))
    mail.sections = [Section(plain=charsets.decode(mail.body, None))]
    return mail


def _made_whole(message: Part) -> Part:
    """With its parts, where they are parted by another boundary than its header names."""
    body = message.get_payload()
    if message.get_content_maintype() != "multipart" or not isinstance(body, str):
        return message
    found = _BOUNDARY.search(body[:LOOKED_THROUGH])
    if not found:
        return message
    head = f'Content-Type: {message.get_content_type()}; boundary="{found[1]}"\n\n'
    inside = (head + body).encode("utf-8", "surrogateescape")
    parts = message_from_bytes(inside, policy=policy.compat32) if _is_tractable(inside) else message
    if parts.is_multipart():
        message.set_payload(parts.get_payload())
    return message


def _declared(part: Part) -> str | None:
    return (part.get_param("charset", None) and part.get_content_charset()) or None


def _is_tractable(raw: bytes) -> bool:
    multiparts = raw.lower().count(b"boundary=")
    return multiparts <= MULTIPARTS and multiparts * raw.count(b"\n") <= LOOKS


def _sections(part: Part, mail: Mail) -> Iterator[Section]:
    _tidied(part)
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        is_choice = part.get_content_subtype() == "alternative"
        children = _understood(_children(part)) if is_choice else _children(part)
        inner = [section for child in children for section in _sections(child, mail)]
        yield from [_one_of(inner)] if is_choice and inner else inner
    elif _is_body(part):
        is_html = part.get_content_subtype() == "html"
        content = content_of(part)
        declared = _declared(part) or (is_html and _named_in(content))
        said = charsets.decode(content, declared or None)
        yield Section(html=_CHARSET.sub(r"\1utf-8", said, count=1)) if is_html else _plain(part, said, mail)
    else:
        _attach(part, mail)


def _plain(part: Part, said: str, mail: Mail) -> Section:
    words, packed = uuencoded.unpack(said)
    mail.attachments.extend(_unpacked(tnef.Packed(name=one.name, content=one.content)) for one in packed)
    return Section(plain=_unflowed(part, words))


def _understood(forms: list[Part]) -> list[Part]:
    """Without what is a further form of the same words, for programs that we are not: AMP, a watch, enriched text."""
    known = [form for form in forms if form.get_content_type() not in FURTHER_FORMS]
    return known if any(_is_body(form) or form.is_multipart() for form in known) else forms


def _named_in(content: bytes) -> str:
    """HTML that is sent without a charset may name its own."""
    found = _CHARSET_WITHIN.search(content[:SNIFFED])
    return found[1].decode("ascii", "replace") if found else ""


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
    return part.get_content_disposition() != "attachment" and not file_name(part)


def content_of(part: Part) -> bytes:
    """Decoded. Of a mail or a report within: as it stands there, which the parser has taken apart."""
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding == "quoted-printable":
        _close_lines(part)
    payload = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        return (_in_pieces(part) or payload) if encoding == "base64" else payload
    inside = b"\r\n".join(bytes(child) for child in _children(part))
    return _unpacked_mail(inside) if encoding == "base64" else inside


def _in_pieces(part: Part) -> bytes | None:
    """Base64 that was made in pieces, each filled up at its end: the standard library reads the first one."""
    coded = part.get_payload()
    joined = b"".join(coded.encode("utf-8", "surrogateescape").split()) if isinstance(coded, str) else b""
    if not _PADDED_WITHIN.search(joined):
        return None
    try:
        return b"".join(base64.b64decode(one + b"=" * (-len(one) % 4), validate=True) for one in _FILLED.split(joined))
    except (binascii.Error, ValueError):
        return None


def _close_lines(part: Part) -> None:
    """Without blanks that a server added behind a soft line end (RFC 2045): the standard library leaves them."""
    coded = part.get_payload() if isinstance(part.get_param("charset", ""), str) else None
    if isinstance(coded, str) and coded.isascii() and _BLANK_ENDS.search(coded):
        part.set_payload(_BLANK_ENDS.sub("=", coded))


def _tidied(part: Part) -> None:
    """Type and encoding without comments, quotes and what follows a comma: some programs write them so."""
    kind, encoding = part.get("Content-Type", ""), part.get("Content-Transfer-Encoding", "")
    if isinstance(kind, str) and _ODD_TYPE.match(kind) and (found := _TYPE.match(kind)):
        part.replace_header("Content-Type", found[1] + kind.partition(";")[1] + kind.partition(";")[2])
    if isinstance(encoding, str) and _ODD_ENCODING.match(encoding) and (found := _ENCODING.match(encoding)):
        part.replace_header("Content-Transfer-Encoding", found[1])


def _unpacked_mail(encoded: bytes) -> bytes:
    """A mail within may not be in Base64 (RFC 2046), and some programs send it so: the parser leaves it as it is."""
    try:
        return base64.b64decode(b"".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return encoded


def _children(part: Part) -> list[Part]:
    payload = part.get_payload()
    return [child for child in payload if isinstance(child, Message)] if isinstance(payload, list) else []


def _mail_within(part: Part, content: bytes) -> Part:
    child = next(iter(_children(part)), None)
    if child is None or child.keys() or not _is_tractable(content):
        return child or Message()
    return message_from_bytes(content, policy=policy.compat32)


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


def _attach(part: Part, mail: Mail) -> None:
    """Outlook's pack is opened, and is itself no attachment, unless nothing in it can be read."""
    kind, name, content = part.get_content_type(), file_name(part), content_of(part)
    pack = tnef.read(content) if kind in TNEF or name.lower() == "winmail.dat" else None
    if pack:
        mail.attachments.extend(_unpacked(one) for one in pack.files)
        if pack.html or pack.plain:
            mail.inner.append(Section(pack.plain or None, pack.html or None))
        return
    if mail.event is None and (kind in CALENDARS or name.lower().endswith(".ics")):
        mail.event = calendars.read(charsets.decode(content, part.get_content_charset()))
    ids = tuple(" ".join(str(part.get(field, "")).split()).strip("<> ") for field in ("Content-ID", "Content-Location"))
    mail.attachments.append(_file(name or _unnamed(kind), kind, content, ids))
    if kind == "message/rfc822" and mail.depth < WITHIN:
        _open(_mail_within(part, content), mail)


def _open(within: Part, mail: Mail) -> None:
    opened = Mail(b"", within)
    mail.depth += 1
    for section in _sections(within, mail):
        opened.sections.append(section)
        mail.inner.append(section)
    mail.depth -= 1
    if mail.depth == 0:
        mail.attached.append(opened)


def _unpacked(packed: tnef.Packed) -> File:
    kind = packed.type or mimetypes.guess_type(packed.name)[0] or "application/octet-stream"
    return _file(harmless(packed.name) or "unnamed", charsets.clean(kind), packed.content, (packed.content_id,))


def _file(name: str, kind: str, content: bytes, ids: Iterable[str]) -> File:
    known = tuple(id_ for id_ in ids if id_)
    return File(name, kind[:100], len(content), hashlib.sha256(content).hexdigest(), known, content)


def _unnamed(kind: str) -> str:
    if kind in CALENDARS:
        return "invite.ics"
    return "message.eml" if kind.startswith("message/") else "unnamed"
