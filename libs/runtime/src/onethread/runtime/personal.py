"""Takes out of a text what tells who somebody is: mail addresses, numbers of telephones, cards, accounts and orders,
and names that the caller knows. Pure.

It takes too much rather than too little: what is kept is to be read by others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

EMAIL, NUMBER, NAME = "[email]", "[number]", "[name]"
_EMAIL = re.compile(r"(?:mailto:)?[^\s<>\"'(),;:\[\]]+@[^\s<>\"'(),;:\[\]@]+")
_QUERY = re.compile(r"(https?://[^\s?#<>)\]]+)[?#][^\s<>)\]]*", re.IGNORECASE)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ \-]?[A-Z0-9]{2,4}){2,8}\b", re.IGNORECASE)
_DIGITS_APART = re.compile(r"[+(]*\d(?:[^\S\n]{0,2}[().\-/+–,]?[^\S\n]{0,2}\d){6,}")
"""Seven digits and more, however they are grouped: a telephone, a card, an account. A line's end parts them."""
_WORD = re.compile(r"#?\w+(?:[-_]\w+)*")
_NAMED = re.compile(
    r"\b((?:order|invoice|booking|reservation|ticket|case|reference|ref|customer|account|tracking|contract|card|pin|"
    r"bestell\w*|auftrag\w*|rechnung\w*|kunden\w*|vertrag\w*|sendung\w*|konto\w*|commande|facture|client|pedido|"
    r"factura|cliente|ordine|fattura|encomenda|bestelling|factuur|zamówieni\w*)\b"
    r"\W{0,3}(?:(?:number|no|nr|num|id|code|nummer|número|numero|numéro|is|ist|n)\b\W{0,3}){0,3})(?=\w*\d\w*\d)\w+",
    re.IGNORECASE,
)
_MANY, _MANY_WITH_LETTERS, _MANY_WITH_SIGN = 5, 4, 3
"""Digits in a word. Years and prices have up to four, names of things up to three."""
_SHORTEST_NAME = 2


def without_personal_data(text: str, names: Iterable[str | None] = ()) -> str:
    """What is taken out leaves its kind in brackets. `names`: whole ones; each part of them goes where it is written
    as it is there, the whole in any case.
    """
    text = _EMAIL.sub(EMAIL, text)
    text = _QUERY.sub(r"\1", text)
    text = _IBAN.sub(_if_digits, text)
    text = _DIGITS_APART.sub(NUMBER, text)
    text = _NAMED.sub(rf"\1{NUMBER}", text)
    text = _WORD.sub(_if_number, text)
    return _without(text, [name.strip() for name in names if name and name.strip()])


def _if_digits(found: re.Match[str]) -> str:
    return NUMBER if _digits(found[0]) >= _MANY else found[0]


def _if_number(found: re.Match[str]) -> str:
    word = found[0]
    digits = _digits(word)
    if word.startswith("#"):
        return NUMBER if digits >= _MANY_WITH_SIGN else word
    most = _MANY_WITH_LETTERS if any(one.isalpha() for one in word) else _MANY
    return NUMBER if digits >= most else word


def _digits(text: str) -> int:
    return sum(one.isdigit() for one in text)


def _without(text: str, names: list[str]) -> str:
    for name in sorted(set(names), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", NAME, text, flags=re.IGNORECASE)
    parts = {part for name in names for part in re.split(r"[\s,]+", name) if len(part) >= _SHORTEST_NAME}
    for part in sorted(parts, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", NAME, text)
    return text
