"""The ledger, kept outside of what it checks: who said what, who was told that it arrived, and who must see it.

Everything that is said holds a mark. So each place where a text comes out can be asked whether it belongs there.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

Kind = Literal["said", "reply", "note"]
LETTERS: Mapping[Kind, str] = {"said": "s", "reply": "r", "note": "n"}
COPIES = 2
"""Of one reply: where the other side's answer was lost, nobody can know, and it is sent once more, with the same id."""


@dataclass
class Entry:
    mark: str
    person: str
    """Whose thread it belongs to."""
    kind: Kind
    sender: str
    accepted: bool = False


@dataclass(frozen=True)
class Shown:
    """One text, where it came out. `person`: who reads it, or whose thread it stands in."""

    person: str
    text: str
    id: str = ""
    """Copies of one thing have the same."""
    thread: str = ""
    quoted: str = ""
    """What else is to be read there: it may be of that person alone, and was said before."""


@dataclass
class Book:
    run: str
    """A short word that no text of the product holds."""
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])

    def mark(self, person: str, kind: Kind, sender: str) -> str:
        mark = f"{self.run}{LETTERS[kind]}{len(self.entries)}x"
        self.entries[mark] = Entry(mark, person, kind, sender)
        return mark

    def receipt(self, text: str) -> None:
        for mark in self.marks(text):
            self.entries[mark].accepted = True

    def marks(self, text: str) -> list[str]:
        return re.findall(rf"{self.run}[srn]\d+x", text)

    def of(self, kind: Kind, *, accepted: bool = True) -> list[Entry]:
        return [one for one in self.entries.values() if one.kind == kind and one.accepted >= accepted]


def wrong_in_threads(book: Book, shown: Sequence[Shown]) -> list[str]:
    """`shown`: every message of every thread, each thread in its order."""
    found: list[str] = []
    places: defaultdict[str, list[Shown]] = defaultdict(list)
    for one in shown:
        for mark in book.marks(one.text):
            places[mark].append(one)
    for mark, entry in book.entries.items():
        times = len(places[mark])
        if entry.accepted and not times:
            found.append(f"lost: {mark}, {entry.kind} by {entry.sender}, accepted, in no thread")
        if times > 1:
            found.append(f"doubled: {mark}, {entry.kind} by {entry.sender}, {times} times")
    return found + _one_thread_each(book, shown) + out_of_order(book, shown)


def _one_thread_each(book: Book, shown: Iterable[Shown]) -> list[str]:
    whose: defaultdict[str, set[str]] = defaultdict(set)
    where: defaultdict[str, set[str]] = defaultdict(set)
    for one in shown:
        for mark in book.marks(f"{one.text} {one.quoted}"):
            whose[one.thread].add(book.entries[mark].person)
            where[book.entries[mark].person].add(one.thread)
    mixed = [
        f"mixed: thread {thread} holds words of {sorted(people)}" for thread, people in whose.items() if len(people) > 1
    ]
    return mixed + [
        f"split: {person} has {len(threads)} threads" for person, threads in where.items() if len(threads) > 1
    ]


def out_of_order(book: Book, shown: Iterable[Shown]) -> list[str]:
    """Each sender waits for a receipt before saying more, so their order is known."""
    number = {mark: at for at, mark in enumerate(book.entries)}
    said: defaultdict[str, list[str]] = defaultdict(list)
    for one in shown:
        for mark in book.marks(one.text):
            if mark not in said[book.entries[mark].sender]:
                said[book.entries[mark].sender].append(mark)
    return [
        f"out of order: {after} stands behind {before}, both by {sender}"
        for sender, marks in said.items()
        for before, after in pairwise(marks)
        if number[after] < number[before]
    ]


def wrong_outside(book: Book, received: Sequence[Shown]) -> list[str]:
    """`received`: every text that reached somebody outside, as often as it came."""
    found = [leak for one in received for leak in _leaks(book, one)]
    copies = _copies(book, received)
    for entry in book.of("reply"):
        ids = copies[entry.mark]
        if not ids:
            found.append(f"not delivered: {entry.mark}, reply to {entry.person}")
        elif len(ids) > 1:
            found.append(f"sent as {len(ids)} different messages: {entry.mark}, {sorted(ids)}")
        elif ids.total() > COPIES:
            found.append(f"sent {ids.total()} times: {entry.mark}")
    return found


def _leaks(book: Book, one: Shown) -> list[str]:
    entries = [book.entries[mark] for mark in set(book.marks(f"{one.text} {one.quoted}"))]
    return [
        f"leaked: {one.person} got {entry.mark}, {entry.kind} of {entry.person}"
        for entry in entries
        if entry.person != one.person or entry.kind == "note"
    ]


def _copies(book: Book, received: Iterable[Shown]) -> defaultdict[str, Counter[str]]:
    """Of each reply, how often it came with which id."""
    copies: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for one in received:
        for mark in book.marks(one.text):
            copies[mark][one.id] += 1
    return copies


def repeats(book: Book, received: Sequence[Shown]) -> int:
    """Replies that came once more than needed."""
    copies = _copies(book, received)
    return sum(copies[entry.mark].total() > 1 for entry in book.of("reply"))
