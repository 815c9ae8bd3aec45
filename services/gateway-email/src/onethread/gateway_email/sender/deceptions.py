"""What may deceive whoever reads a mail, in sentences for them: pure. None of it says who sent it."""

from __future__ import annotations

import re
import unicodedata

import idna
from confusable_homoglyphs import confusables

from onethread.gateway_email.parsing import addresses

_ADDRESS = re.compile(r"[^\s@<>()\[\],:;\"']{1,64}@[^\s@<>()\[\],:;\"']{1,253}\.[^\s@<>()\[\],:;\"'.]{2,63}")
NAME_CHARACTERS = 500


def warnings(name: str, sender: str, reply_to: list[str]) -> list[str]:
    """`name` as the mail shows it, `sender` as a normal address, `reply_to` as normal addresses."""
    found = [_other_name(name, sender), _look_alike(sender), _answers_elsewhere(sender, reply_to)]
    return [one for one in found if one]


def _other_name(name: str, sender: str) -> str | None:
    said = [addresses.normal(one) for one in _ADDRESS.findall(_seen(name[:NAME_CHARACTERS]))]
    other = next((one for one in said if one and one != sender), None)
    return f"The sender's name is another address, {other}. The mail is from {sender}." if other else None


def _seen(name: str) -> str:
    """As its reader sees it: wide letters and full stops are just that, and what has no width is nothing."""
    shown = (letter for letter in unicodedata.normalize("NFKC", name) if unicodedata.category(letter) != "Cf")
    return "".join(shown).replace("\u3002", ".")


def _look_alike(sender: str) -> str | None:
    local, _, domain = sender.rpartition("@")
    try:
        latin = _read_as_latin(idna.decode(domain)) if "xn--" in domain else ""
    except idna.IDNAError:
        latin = ""
    if latin:
        return f"The sender's domain reads like {latin} and is another: {domain}."
    latin = _read_as_latin(local)
    return f"The sender's address reads like {latin}@{domain} and is another: {sender}." if latin else None


def _read_as_latin(text: str) -> str:
    """Empty where that is what it is, or where nobody would take all its letters for Latin ones."""
    latin = "".join(map(_latin, unicodedata.normalize("NFKC", text)))
    return "" if text.isascii() or not latin.isascii() else latin


def _answers_elsewhere(sender: str, reply_to: list[str]) -> str | None:
    other = next((one for one in reply_to if addresses.domain_of(one) != addresses.domain_of(sender)), None)
    return f"It asks for answers to another domain, {other}. Yours goes to {sender}." if other else None


def _latin(letter: str) -> str:
    """The Latin letter that a reader takes it for; itself where there is none. Accents are seen, and deceive nobody."""
    if letter.isascii():
        return letter
    alike = confusables.is_confusable(letter, preferred_aliases=["latin"]) or [{"homoglyphs": []}]
    return next(
        (one["c"] for one in alike[0]["homoglyphs"] if one["c"].isascii() and one["c"].isalnum()), letter
    ).lower()
