"""Whether the server that sent a mail is one of those that its domain names (RFC 7208)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Literal

import spf

from onethread.gateway_email.names import Kind, Names, NotAnsweredError, Records
from onethread.gateway_email.parsing.addresses import domain_of, normal_domain

Known = dict[tuple[str, Kind], Records | None]
"""What was looked up; None where there was no answer."""
Result = Literal["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"]
LOOK_UPS = 60
"""More than any record may ask for that the standard allows: ten terms, each of which may name several servers."""
SECONDS = 8.0
"""A record may lead to one slow name after another. What else is asked about the mail must not wait for them."""
NOBODY = {False: "240.0.0.1", True: "100::1"}
"""Addresses that no server has, of both kinds: who names them names everybody."""
TERM_CHARACTERS, LABEL_CHARACTERS = 512, 63


@dataclass(frozen=True, slots=True)
class Sent:
    result: Result
    domain: str
    """Whose servers were asked for: of the envelope's sender, of the greeting where that is empty."""
    from_anywhere: bool = False
    """It passed, as any server would."""


class _UnknownError(Exception):
    """The evaluation needs this look-up to go on."""

    def __init__(self, name: str, kind: Kind) -> None:
        super().__init__(name, kind)
        self.key = (name, kind)


class _Query(spf.query):
    """pyspf, which waits for each look-up. Here it is given those that are known, and stops at one that is not."""

    def __init__(self, known: Known, **options: Any) -> None:
        super().__init__(**options)
        self._known = known

    def dns(self, name: str, qtype: Kind, cnames: object = None, ignore_void: bool = False) -> list[Any]:  # noqa: ARG002
        name = str(name).lower().rstrip(".")
        if not all(0 < len(label) <= LABEL_CHARACTERS for label in name.split(".")):
            return []
        if (name, qtype) not in self._known:
            raise _UnknownError(name, qtype)
        found = self._known[name, qtype]
        if found is None:
            raise spf.TempError("the name service did not answer")
        if not found and not ignore_void:
            self._count_void()
        return [_strings(one) for one in found] if qtype == "TXT" else list(found)

    def get_explanation(self, spec: str) -> None:
        """Nobody would read it."""

    def _count_void(self) -> None:
        self.void_lookups += 1
        if self.void_lookups > spf.MAX_VOID_LOOKUPS:
            raise spf.PermError("too many look-ups of names that are not there")


async def sent(peer: str, greeting: str, sender: str, names: Names) -> Sent:
    """`sender` is that of the envelope; `greeting` what the server said it is called."""
    domain = normal_domain(domain_of(sender) if "@" in sender else sender or greeting)
    if domain is None:
        return Sent("none", "")
    local = sender.rpartition("@")[0] or "postmaster"
    try:
        async with asyncio.timeout(SECONDS):
            return await _checked(peer, greeting, f"{local}@{domain}", names)
    except TimeoutError:
        return Sent("temperror", domain)


async def _checked(peer: str, greeting: str, sender: str, names: Names) -> Sent:
    known: Known = {}
    result = await _result(known, peer, greeting, sender, names)
    anybody = result == "pass" and await _result(known, NOBODY[":" in peer], greeting, sender, names) == "pass"
    return Sent(result, domain_of(sender), anybody)


async def _result(known: Known, peer: str, greeting: str, sender: str, names: Names) -> Result:
    while len(known) < LOOK_UPS:
        try:
            return _evaluated(known, peer, greeting, sender)
        except _UnknownError as unknown:
            known[unknown.key] = await _look_up(*unknown.key, names)
    return "permerror"


def _evaluated(known: Known, peer: str, greeting: str, sender: str) -> Result:
    try:
        return _Query(known, i=peer, s=sender, h=greeting, querytime=0).check()[0]
    except _UnknownError:
        raise
    except Exception:  # the record is a stranger's, and no fault in reading it may stop a mail
        return "permerror"


async def _look_up(name: str, kind: Kind, names: Names) -> Records | None:
    try:
        return await names.find(name, kind)
    except NotAnsweredError:
        return None


def _strings(text: bytes) -> tuple[bytes]:
    """A record as pyspf takes it. Its terms take the square of their length to read."""
    if text[:6].lower() == b"v=spf1" and max(map(len, text.split(b" "))) > TERM_CHARACTERS:
        raise spf.PermError("a term of the record is too long")
    return (text,)
