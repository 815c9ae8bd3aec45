"""What a domain says of mail in its name, and which domains are one organisation (RFC 9989)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from onethread.gateway_email.names import Names, NotAnsweredError

Wish = Literal["none", "quarantine", "reject"]
WISHES: tuple[Wish, ...] = ("none", "quarantine", "reject")
STEPS = 8
"""So many names are asked for at most: a long one is cut to its last seven labels at once."""


@dataclass(frozen=True, slots=True)
class Record:
    wish: Wish
    of_subdomains: Wish
    strict_dkim: bool = False
    strict_spf: bool = False
    public: str = "u"
    """`y`: others register names below it; `n`: they do not; `u`: it does not say."""


@dataclass(frozen=True, slots=True)
class Policies:
    """The records above some domains."""

    found: Mapping[str, Record] = field(default_factory=dict[str, Record])
    silent: frozenset[str] = frozenset()
    """Where the name service did not answer."""

    def policy(self, domain: str) -> tuple[Record, Wish] | None:
        """Of mail from that domain, and what is to become of mail that fails."""
        if domain in self.found:
            return self.found[domain], self.found[domain].wish
        above = self.found.get(self.organisation(domain)) or self._public_suffix(domain)
        return (above, above.of_subdomains) if above else None

    def organisation(self, domain: str) -> str:
        """The topmost name that belongs to the same people; itself where nothing is recorded above."""
        top = domain
        for name in steps(domain):
            record = self.found.get(name)
            if record is None:
                continue
            if record.public == "n":
                return name
            if record.public == "y" or "." not in name:
                return name if name == domain else _below(name, domain)
            top = name
        return top

    def aligned(self, author: str, other: str, *, strict: bool) -> bool:
        """Whether `other` may vouch for mail from `author`."""
        return author == other or (not strict and self.organisation(author) == self.organisation(other))

    def unsure(self, domain: str) -> bool:
        return not self.silent.isdisjoint(steps(domain))

    def _public_suffix(self, domain: str) -> Record | None:
        above = (self.found.get(name) for name in steps(domain))
        return next((record for record in above if record and record.public == "y"), None)


def steps(domain: str) -> list[str]:
    """The names at which to look, from the domain up."""
    labels = domain.split(".")
    first = labels if len(labels) <= STEPS else labels[1 - STEPS :]
    above = [".".join(first[n:]) for n in range(len(first))]
    return above if len(labels) <= STEPS else [domain, *above]


def may_align(author: str, other: str) -> bool:
    """Without a look-up: domains that share no more than their last label are strangers."""
    one, two = author.split("."), other.split(".")
    return one == two or one[-2:] == two[-2:]


async def policies(domains: Iterable[str], names: Names) -> Policies:
    wanted = list(dict.fromkeys(name for domain in domains for name in steps(domain)))
    answers = await asyncio.gather(*(_at(name, names) for name in wanted))
    found = {name: answer for name, answer in zip(wanted, answers, strict=True) if isinstance(answer, Record)}
    silent = {name for name, answer in zip(wanted, answers, strict=True) if answer is False}
    return Policies(found, frozenset(silent))


def read(text: bytes) -> Record | None:
    """None for what is no DMARC record, or says nothing of what to do."""
    tags = [part.partition("=") for part in text.decode("ascii", "replace").split(";")]
    said = {name.strip().lower(): value.strip() for name, _, value in reversed(tags) if name.strip()}
    if tags[0][0].strip() != "v" or said.get("v") != "DMARC1":
        return None
    wish = _wish(said.get("p", ""))
    if wish is None and not said.get("rua"):
        return None
    return Record(
        wish=wish or "none",
        of_subdomains=_wish(said.get("sp", "")) or wish or "none",
        strict_dkim=said.get("adkim", "").lower() == "s",
        strict_spf=said.get("aspf", "").lower() == "s",
        public=said.get("psd", "u").lower(),
    )


async def _at(name: str, names: Names) -> Record | Literal[False] | None:
    """False where there was no answer. Several records are none."""
    try:
        texts = await names.find(f"_dmarc.{name}", "TXT")
    except NotAnsweredError:
        return False
    versions = [text for text in texts if text.partition(b";")[0].replace(b" ", b"") == b"v=DMARC1"]
    return read(versions[0]) if len(versions) == 1 else None


def _wish(value: str) -> Wish | None:
    return next((wish for wish in WISHES if wish == value.lower()), None)


def _below(name: str, domain: str) -> str:
    """`example.co.uk` of `a.b.example.co.uk` for `co.uk`."""
    return ".".join(domain.split(".")[-(name.count(".") + 2) :])
