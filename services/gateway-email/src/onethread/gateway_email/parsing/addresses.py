"""Mail addresses: pure. The address that is shown must be the address that was checked."""

from __future__ import annotations

import inspect
import re
import unicodedata
from email.utils import getaddresses

import idna

from onethread.gateway_email.parsing import charsets

# Newer Pythons drop the whole field for one odd address in it. Here that would lose the other readers; From is read by
# `sole`, which is stricter than either.
_LENIENT = {"strict": False} if "strict" in inspect.signature(getaddresses).parameters else {}
_ANGLE = re.compile(r"<([^<>]*)>")
_MAILBOX = r"[\w+=-]+(?:\.[\w+=-]+)*@[\w-]+(?:\.[\w-]+)+"
_PLAIN = re.compile(rf"(?:\"[\w '.,-]*\" |[\w '-]*)<({_MAILBOX})>|({_MAILBOX})", re.ASCII)
"""A field as nearly all are: one address, maybe with a name."""
_ADDRESS = re.compile(r"[^\s@<>()\[\],:;\\\"\x00-\x20\x7f]{1,64}@[^\s@<>()\[\],:;\\\"/]{1,253}")
_WORD = re.compile(r"=\?[^?\s]{1,60}\?[qQ]\?[^?]*\?=")
_DOMAIN = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_MACHINES = ("noreply", "no-reply", "donotreply", "do-not-reply", "mailer-daemon", "postmaster", "bounce")


def domain_of(address: str) -> str:
    return address.rpartition("@")[2]


def normal_domain(domain: str) -> str | None:
    """Lower case, as A-labels."""
    domain = domain.strip().rstrip(".").lower()
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode()
        except idna.IDNAError:
            return None
    return domain if _DOMAIN.fullmatch(domain) else None


def normal(address: str) -> str | None:
    """`Ana@Exämple.COM` as `ana@xn--exmple-cua.com`; None for what is no address."""
    address = address.strip()
    if not _ADDRESS.fullmatch(address):
        return None
    local, _, domain = address.rpartition("@")
    known = normal_domain(domain)
    return f"{local.lower()}@{known}" if known and not _is_ambiguous(local) else None


def sole(field: str) -> tuple[str, str] | None:
    """(name as written, normal address) of a From field. None where it does not name exactly one address.

    Stricter than the standard library on purpose: what two programs may read differently is nobody's address.
    """
    bare, said = _without_strings(field)
    angles = _ANGLE.findall(bare)
    if not angles:
        address = normal(bare)
        return (said, address) if address else None
    name, _, after = bare.partition("<")
    outside = after.partition(">")[2]
    if len(angles) > 1 or outside.strip() or any("@" in part for part in name.split(",")[:-1]):
        return None
    address = normal(angles[0])
    return (said or name.strip(), address) if address else None


def several(fields: list[str]) -> list[str]:
    """The normal addresses of To and Cc, each once, in order. What can't be read is left out."""
    found = (normal(address) for address in _written(fields))
    return list(dict.fromkeys(address for address in found if address))


def _written(fields: list[str]) -> list[str]:
    plain = [found[1] or found[2] for field in fields if (found := _PLAIN.fullmatch(field))]
    if len(plain) == len(fields):  # the standard library takes long for each
        return plain
    try:
        return [address for _, address in getaddresses(fields, **_LENIENT)]
    except (RecursionError, ValueError, IndexError):  # thousands of brackets in one another
        return []


def named(fields: list[str]) -> list[tuple[str, str]]:
    """(name, address) of all in these fields as they were written, for a person to look at; never to act upon."""
    try:
        found = getaddresses([_WORD.sub(_without_commas, field) for field in fields], **_LENIENT)
    except (RecursionError, ValueError, IndexError):
        return []
    return [(charsets.header(name), charsets.header(address)) for name, address in found if name or address]


def _without_commas(word: re.Match[str]) -> str:
    """RFC 2047 wants them coded, since they part addresses; some programs leave them as they are."""
    return word[0].replace(",", "=2C")


def is_machine(address: str) -> bool:
    return address.partition("@")[0].startswith(_MACHINES)


def _is_ambiguous(local: str) -> bool:
    """Some programs would read another name in it: by decoding a word of a header, which no address has, or by folding
    letters to others, as U+212A to `k`.
    """
    folded = (unicodedata.normalize("NFKC", letter).lower() for letter in local if not letter.isascii())
    return "=?" in local or any(letter.isascii() for letters in folded for letter in letters)


def _without_strings(field: str) -> tuple[str, str]:
    """The field without its quoted strings and comments, and what those said (the sender's name, mostly)."""
    kept: list[str] = []
    said: list[str] = []
    depth, quoted, escaped = 0, False, False
    for character in field:
        inside = quoted or depth > 0
        if escaped:
            escaped = False
            (said if inside else kept).append(character)
        elif character == "\\":
            escaped = True
        elif character == '"' and not depth:
            quoted = not quoted
        elif character == "(" and not quoted:
            depth += 1
        elif character == ")" and depth:
            depth -= 1
        else:
            (said if inside else kept).append(character)
    return "".join(kept).strip(), "".join(said).strip()
