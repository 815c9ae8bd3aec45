"""Are two mail addresses one mailbox, one person's, or a deception? Pure. What is alike is shown, never linked."""

from __future__ import annotations

import unicodedata

import idna
from confusable_homoglyphs import confusables

_GMAIL = ("gmail.com", "googlemail.com")
_ASCII_TWINS = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"))
"""What a reader takes for something else within ASCII, in a domain. In a local part, digits are just digits."""


def normal_address(address: str) -> str:
    """The one spelling of an identity: lower case, NFC, domain as A-labels, so that `Ana@Exämple.com` from a site's
    token and `ana@xn--exmple-cua.com` from a mail are one. Plus-parts and dots stay: they may tell people apart.

    What is no address comes back in lower case.
    """
    local, at, domain = unicodedata.normalize("NFC", address.strip().lower()).rpartition("@")
    return f"{local}{at}{_a_labels(domain.rstrip('.'))}"


def likeness_key(address: str) -> str:
    """Equal for all addresses about which `same_person_hints` may have something to say. For an index."""
    mailbox, domain = _mailbox(normal_address(address))
    return f"{_skeleton(mailbox)}@{_twinless(_skeleton(_readable(domain)))}"


def same_person_hints(one: str, other: str) -> str | None:
    """What a teammate should know about two addresses, in a sentence. None: they have nothing to do with each other.

    A sentence that starts with "Careful" warns: the addresses look alike, and are different people's.
    """
    one, other = sorted((normal_address(one), normal_address(other)))
    if one == other:
        return f"Both use {one}."
    if likeness_key(one) != likeness_key(other):
        return None
    if _mailbox(one) != _mailbox(other):
        return f"Careful: {_spelled(one)} looks like {_spelled(other)}, but is another address."
    if "+" in one + other:
        return f"{one} and {other} differ in the part after the plus: most often one mailbox."
    return f"{one} and {other} are one mailbox to Gmail."


def _mailbox(address: str) -> tuple[str, str]:
    """Where most mail systems deliver a normal address."""
    local, _, domain = address.rpartition("@")
    before, _, _ = local.partition("+")
    local = before or local
    return (local.replace(".", ""), _GMAIL[0]) if domain in _GMAIL else (local, domain)


def _skeleton(text: str) -> str:
    """As a reader sees it: without accents, and each foreign letter as the Latin one that it resembles."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return "".join(_latin(c) for c in bare).lower()


def _latin(character: str) -> str:
    if character.isascii():
        return character
    alike = confusables.is_confusable(character, greedy=True) or []
    glyphs = (glyph["c"] for found in alike for glyph in found["homoglyphs"])
    return min((glyph for glyph in glyphs if glyph.isascii() and glyph.isalnum()), default=character)


def _twinless(text: str) -> str:
    for seen, meant in _ASCII_TWINS:
        text = text.replace(seen, meant)
    return text


def _a_labels(domain: str) -> str:
    try:
        return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain


def _readable(domain: str) -> str:
    try:
        return idna.decode(domain)
    except (idna.IDNAError, UnicodeError):
        return domain


def _spelled(address: str) -> str:
    """With the letters of its domain and the A-labels that tell them apart."""
    local, _, domain = address.rpartition("@")
    readable = _readable(domain)
    return address if readable == domain else f"{local}@{readable} ({domain})"
