"""Mail addresses: pure. The address that is shown must be the address that was checked."""

from __future__ import annotations

import inspect
import re
from email.utils import getaddresses

import idna

# Newer Pythons drop the whole field for one odd address in it. Here that would lose the other readers; From is read by
# `sole`, which is stricter than either.
_LENIENT = {"strict": False} if "strict" in inspect.signature(getaddresses).parameters else {}
_ANGLE = re.compile(r"<([^<>]*)>")
_ADDRESS = re.compile(r"[^\s@<>()\[\],:;\\\"\x00-\x20\x7f]{1,64}@[^\s@<>()\[\],:;\\\"/]{1,253}")
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
    return f"{local.lower()}@{known}" if known else None


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
    try:
        named = getaddresses(fields, **_LENIENT)
    except (RecursionError, ValueError, IndexError):  # thousands of brackets in one another
        return []
    found = (normal(address) for _, address in named)
    return list(dict.fromkeys(address for address in found if address))


def is_machine(address: str) -> bool:
    return address.partition("@")[0].startswith(_MACHINES)


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
