"""The cast: the sample customers and, on Slack, their workspace with its places and the support bot."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """One sample customer; `slack_id` is who they are in the Slack look-alike."""

    key: str
    name: str
    email: str
    slack_id: str
    title: str

    @property
    def direct_channel(self) -> str:
        """The id of this person's direct messages with the bot."""
        return "D" + self.slack_id[1:]


@dataclass(frozen=True, slots=True)
class Place:
    """A Slack conversation: a named channel that everyone sees, or one person's direct messages with the bot."""

    id: str
    name: str
    members: tuple[str, ...]
    topic: str = ""

    @property
    def is_direct(self) -> bool:
        return self.id.startswith("D")

    @property
    def kind(self) -> str:
        return "im" if self.is_direct else "channel"


PEOPLE = (
    Person("ana", "Ana Ruiz", "ana@pineandpaper.example", "U0ANARUIZ01", "Orders for the studio"),
    Person("bob", "Bob Stone", "bob@pineandpaper.example", "U0BOBSTONE1", "Ana's colleague"),
    Person("mei", "Mei Tanaka", "mei@harbourbooks.example", "U0MEITANAKA", "Runs a bookshop"),
    Person("jonas", "Jonas Keller", "jonas@keller.example", "U0JONASKELL", "First-time buyer"),
    Person("priya", "Priya Osei", "priya@osei.example", "U0PRIYAOSEI", "Gives away what she buys"),
)

TEAM_ID = "T0ACMEPLAY1"
TEAM_NAME = "Acme"
APP_ID = "A0ONETHREAD"
BOT_USER = "U0ONETHREAD"
BOT_ID = "B0ONETHREAD"
BOT_NAME = "onethread"
BOT_TITLE = "Pine & Paper Support"
WORKSPACE_BORN = 1_700_000_000

_EVERYONE = (*(person.slack_id for person in PEOPLE), BOT_USER)

PLACES = (
    Place("C0ACMESUPPT", "acme-support", _EVERYONE, "Questions for Pine & Paper"),
    Place("C0GENERAL01", "general", _EVERYONE, "Everyone at Acme"),
    *(Place(p.direct_channel, p.key, (p.slack_id, BOT_USER)) for p in PEOPLE),
)


def find_person(who: str) -> Person | None:
    """A sample person by key, email address, name or Slack id."""
    wanted = who.strip().lower()
    return next((p for p in PEOPLE if wanted in (p.key, p.email, p.name.lower(), p.slack_id.lower())), None)


def find_place(where: str) -> Place | None:
    """A place by its id, or a channel by `name` or `#name`."""
    wanted = where.strip().lstrip("#")
    return next((p for p in PLACES if wanted == p.id or (not p.is_direct and wanted == p.name)), None)
