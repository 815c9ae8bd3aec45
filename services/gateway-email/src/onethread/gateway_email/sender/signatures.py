"""Which of a mail's signatures hold: DKIM (RFC 6376, 8301, 8463) and the seals of forwarders, ARC (RFC 8617). Pure.

dkimpy does the arithmetic. It reads headers by expressions that take the square or the cube of white space, and keys of
any size: what is not as real signers write it counts as no signature.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import dkim
import structlog

from onethread.gateway_email.parsing.addresses import normal_domain

State = Literal["pass", "fail", "unknown"]
Keys = Mapping[str, bytes | None]
"""Public keys by the names under which they stand: empty where there is none, None where there was no answer."""

ALGORITHMS = ("rsa-sha256", "ed25519-sha256")
SIGNATURES, SEALS = 10, 10
VALUE_CHARACTERS, KEY_BYTES, TIME_DIGITS = 8192, 1000, 11
"""Of keys: 4,096 bits."""
_SPACES = re.compile(r"\s{40}")
_BREAKS = re.compile(r"\s+")
_LOOSE = re.compile(rb"\r(?!\n)")
_STRAY = re.compile(rb"^From[ \t].*\n[ \t]", re.MULTILINE)
"""Some programs skip the first line, and take the second for more of the field above; some skip both."""
_BLANK = re.compile(rb"\n\r?\n")
_RUNS = re.compile(rb"[\t ]+")
ARC_FIELDS = ("arc-seal", "arc-message-signature", "arc-authentication-results")

log = structlog.get_logger()
_QUIET = logging.getLogger(f"{__name__}.dkimpy")
_QUIET.disabled = True  # it would tell what stands in mails


@dataclass(frozen=True, slots=True)
class Signature:
    domain: str
    key_name: str
    place: int
    """Among the fields of its kind, from the top."""
    covers: tuple[str, ...]
    """Names of the signed fields, as often as they are signed."""
    is_partial: bool = False
    """It lets anybody add to the body."""
    relaxed: bool = False
    made: int | None = None
    state: State = "unknown"


@dataclass(frozen=True, slots=True)
class Chain:
    """The seals of those who passed the mail on."""

    sealers: frozenset[str]
    first_results: str
    """What the first of them found out about the sender."""
    last: Signature
    """Of the mail as the last of them passed it on."""


def listed(headers: Iterable[tuple[str, str]]) -> list[Signature]:
    """The signatures that may be checked, from the top down."""
    values = [value for name, value in headers if name.lower() == "dkim-signature"][:SIGNATURES]
    found = (_signature(value, place) for place, value in enumerate(values))
    return [one for one in found if one]


def checked(raw: bytes, signatures: Iterable[Signature], keys: Keys) -> list[Signature]:
    """Each with its state."""
    parsed = _parsed(raw)
    return [replace(one, state=_state(parsed, one, keys)) for one in signatures]


def seal_keys(headers: Iterable[tuple[str, str]]) -> tuple[frozenset[str], list[str]]:
    """Who sealed the mail, and the names of the keys; both empty where there is no chain that may be checked."""
    values = [(name.lower(), value) for name, value in headers if name.lower() in ARC_FIELDS]
    tags = [_tags(value) for name, value in values if name != "arc-authentication-results"]
    if not 0 < len(values) <= 3 * SEALS or any(len(value) > VALUE_CHARACTERS for _, value in values):
        return frozenset(), []
    if not all(one and {"d", "s"} <= one.keys() for one in tags):
        return frozenset(), []
    sealers = {normal_domain(one["d"]) for one in tags}
    return frozenset(one or "" for one in sealers), [_key_name(one) for one in tags]


def chain(raw: bytes, keys: Keys) -> Chain | None:
    """None where the chain is not whole."""
    parsed = _parsed(raw)
    if parsed is None or any(keys.get(name) is None for name in keys):
        return None
    arc = dkim.ARC(logger=_QUIET)
    arc.headers, arc.body = parsed[0], _RUNS.sub(b" ", parsed[1])
    try:
        result, instances, _ = arc.verify(dnsfunc=lambda name, **_: keys.get(_text(name).lower().rstrip(".")))
        last = _signature(_last(arc.headers, instances), 0) if result == dkim.CV_Pass else None
        return _chain(instances, last) if last else None
    except Exception as error:  # what a stranger wrote may make the library raise anything
        log.debug("arc.unreadable", error=type(error).__name__)
        return None


def key(records: Iterable[bytes]) -> bytes:
    """The public key among the records of its name; empty where there is none that counts."""
    return next((one for one in records if b"p=" in one and len(one) <= KEY_BYTES and _is_for_us(one)), b"")


def _is_for_us(record: bytes) -> bool:
    """Its owner may keep it for signatures that do not count here."""
    return "sha256" in _tags(_text(record)).get("h", "sha256").lower().split(":")


def _signature(value: str, place: int) -> Signature | None:
    tags = _tags(value)
    if not tags or not {"d", "s", "h", "b", "bh", "a"} <= tags.keys():
        return None
    domain, covers = normal_domain(tags["d"]), tuple(tags["h"].lower().split(":"))
    if domain is None or "from" not in covers or tags["a"].lower() not in ALGORITHMS:
        return None
    made = tags.get("t", "")
    return Signature(
        domain=domain,
        key_name=_key_name(tags),
        place=place,
        covers=covers,
        is_partial="l" in tags,
        relaxed=tags.get("c", "").partition("/")[2].lower() == "relaxed",
        made=int(made) if made.isdecimal() and len(made) <= TIME_DIGITS else None,
    )


def _state(parsed: tuple[list[Any], bytes] | None, one: Signature, keys: Keys) -> State:
    public = keys.get(one.key_name)
    if public is None:
        return "unknown"
    if parsed is None or not public:
        return "fail"
    verifier = dkim.DKIM(logger=_QUIET)
    verifier.headers, body = parsed
    # The relaxed form leaves single spaces. Made here, since dkimpy's own expression for it takes the square of a line.
    verifier.body = _RUNS.sub(b" ", body) if one.relaxed else body
    try:
        holds = verifier.verify(idx=one.place, dnsfunc=lambda *_, **__: public)
    except Exception as error:
        log.debug("dkim.unreadable", error=type(error).__name__)
        return "fail"
    return "pass" if holds and normal_domain(_text(verifier.domain)) == one.domain else "fail"


def _parsed(raw: bytes) -> tuple[list[Any], bytes] | None:
    """None where two programs may read it differently."""
    blank = _BLANK.search(raw)
    if _LOOSE.search(raw) or _STRAY.search(raw, 0, blank.start() if blank else len(raw)):
        return None
    try:
        headers, body = dkim.rfc822_parse(raw)
    except Exception:
        return None
    return headers, body


def _tags(value: str) -> dict[str, str]:
    """Empty for what is not as real signers write it."""
    if len(value) > VALUE_CHARACTERS or _SPACES.search(value) or not value.isascii():
        return {}
    parts = [part.partition("=") for part in value.split(";")]
    names = [name.strip() for name, _, _ in parts if name.strip()]
    if len(set(names)) != len(names):
        return {}
    return {name.strip(): _BREAKS.sub("", said) for name, _, said in parts if name.strip()}


def _key_name(tags: Mapping[str, str]) -> str:
    return f"{tags['s']}._domainkey.{tags['d']}".lower()


def _last(headers: list[Any], instances: list[dict[str, Any]]) -> str:
    """The signature of the message by whoever sealed it last."""
    number = str(instances[0]["instance"])
    values = [_text(value) for name, value in headers if name.lower() == b"arc-message-signature"]
    return next((value for value in values if _tags(value).get("i") == number), "")


def _chain(instances: list[dict[str, Any]], last: Signature) -> Chain:
    domains = {normal_domain(_text(one[name])) for one in instances for name in ("as-domain", "ams-domain")}
    results = _text(instances[-1]["aar-value"]).partition(";")[2]
    return Chain(frozenset(one or "" for one in domains), results.strip(), last)


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace")
