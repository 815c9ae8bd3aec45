"""A company with a past: customers, threads and messages as a year of support leaves them, written by COPY."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
from tests.bench.conversation.copying import NULL, rows_of

from onethread.conversation import admin_models, models, suggestions

WORKSPACE = "local"
SMALLEST = 2_000
"""Messages of the smallest world: where nothing was said, nobody is known and nothing can be answered."""
MESSAGES_A_THREAD = 10
CUSTOMERS_A_THREAD = 0.8
TEAMMATES = 20
LONGEST = 5_000
YEAR = 365 * 86_400 * 10**6
MONTH = YEAR // 12
SAMPLE = 2_000
CHANNELS = {"email": "email-local", "widget": "local", "slack": "slack-local"}
IDENTITIES = {"email": "email", "widget": "site_user", "slack": "slack_user"}
TAGS = ["billing", "shipping", "returns", "bug", "how-to", "account", "vip", "legal", "press", "rare"]
TEXTS = [
    " ".join(["My parcel has not arrived yet and the page says that it was delivered on Monday."] * count)
    for count in (1, 1, 2, 3, 8)
]
FORGOTTEN = "2025-01-01"
"""Long before what the stream holds: nothing of it is missed there."""
EVENT = '{"specversion":"1.0","type":"onethread.message.added.v1","data":"' + "x" * 400 + '"}'


@dataclass(frozen=True, slots=True)
class Someone:
    """One customer, and how they write to us."""

    id: str
    kind: str
    value: str


MINUTE = 60 * 10**6


@dataclass
class Thread:
    id: str
    who: Someone
    length: int
    began: int
    status: str
    first: int
    """Index of its first message."""

    @property
    def last(self) -> int:
        """Position of its last message, in microseconds of Unix time."""
        return self.began + (self.length - 1) * MINUTE


@dataclass
class World:
    """What the bench needs to know of what was written."""

    messages: int = 0
    threads: list[Thread] = field(default_factory=list)
    known: list[Someone] = field(default_factory=list)
    """They have an open thread."""
    answerable: list[tuple[Someone, str]] = field(default_factory=list)
    """Whose thread is closed, and the outside's id of our last message in it."""
    teammates: list[str] = field(default_factory=list)


def write(url: str, messages: int) -> World:
    """Fills the migrated, empty database at `url`."""
    chance = random.Random(messages)
    world = World(teammates=[_id(chance) for _ in range(TEAMMATES)])
    world.threads = list(_threads(chance, max(messages, SMALLEST)))
    world.messages = sum(thread.length for thread in world.threads)
    ids = [_id(chance) for _ in range(world.messages)]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")  # the keys are right, and checking takes minutes
        for part in (_people, _talk, _log):
            part(connection, world, ids, chance)
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")
    return _sampled(world, chance)


def _threads(chance: random.Random, messages: int) -> Iterator[Thread]:
    count = messages // MESSAGES_A_THREAD
    everyone = [_someone(chance, number) for number in range(int(count * CUSTOMERS_A_THREAD))]
    weights = [min(chance.paretovariate(1.3), LONGEST) for _ in range(count)]
    scale = messages / sum(weights)
    today = int(datetime.now(UTC).timestamp() * 1e6)
    first = 0
    for number, weight in enumerate(weights):
        status = chance.choices(("open", "closed", "snoozed"), (20, 75, 5))[0]
        length = max(1, min(round(weight * scale), LONGEST))
        began = today - chance.randrange(YEAR if status == "closed" else MONTH) - length * MINUTE
        who = everyone[number] if number < len(everyone) else chance.choice(everyone)
        yield Thread(_id(chance), who, length, began, status, first)
        first += length


def _someone(chance: random.Random, number: int) -> Someone:
    kind = chance.choices(tuple(CHANNELS), (50, 35, 15))[0]
    value = {
        "email": f"customer{number}@company{number % 5_000}.example",
        "widget": f"shop/{number}",
        "slack": f"T{number % 200}/U{number}",
    }[kind]
    return Someone(_id(chance), kind, value)


def _id(chance: random.Random) -> str:
    return f"{chance.getrandbits(128):032x}"


def _moment(position: int) -> str:
    return datetime.fromtimestamp(position // 10**6, UTC).isoformat()


def _people(connection: Any, world: World, _: list[str], chance: random.Random) -> None:
    with rows_of(connection, admin_models.WorkspaceRow, "id", name="Bench") as rows:
        rows.add(WORKSPACE)
    own: dict[str, Any] = {"workspace_id": WORKSPACE, "password_hash": "none"}
    with rows_of(connection, admin_models.TeammateRow, "id", "email", "name", **own) as rows:
        for number, id_ in enumerate(world.teammates):
            rows.add(id_, f"teammate{number}@onethread.example", f"Teammate {number}")
    now = int(datetime.now(UTC).timestamp() * 1e6)
    everyone = {thread.who.id: thread.who for thread in world.threads}.values()
    own = {"workspace_id": WORKSPACE}
    with rows_of(connection, models.CustomerRow, "id", "root_id", "name", "email", "created_at", **own) as rows:
        for number, one in enumerate(everyone):
            email = one.value if one.kind == "email" else NULL
            rows.add(one.id, one.id, f"Customer {number}", email, _moment(now - chance.randrange(YEAR)))
    own = {"workspace_id": WORKSPACE, "trust": "verified", "evidence": "bench"}
    with rows_of(connection, models.IdentityRow, "id", "customer_id", "kind", "value", "likeness", **own) as rows:
        for one in everyone:
            kind = IDENTITIES[one.kind]
            rows.add(_id(chance), one.id, kind, one.value, suggestions.likeness(kind, one.value))


def _talk(connection: Any, world: World, ids: list[str], chance: random.Random) -> None:
    _write_threads(connection, world, chance)
    where = {thread.who.id: thread for thread in world.threads}
    varying = ("channel_id", "channel_kind", "key", "thread_id", "customer_id")
    with rows_of(connection, models.PlaceRow, *varying, workspace_id=WORKSPACE, route={"to": "x"}) as rows:
        for thread in where.values():
            one = thread.who
            rows.add(CHANNELS[one.kind], one.kind, f"{one.kind}:{one.value}", thread.id, one.id)
    _write_messages(connection, world, ids, chance)
    varying = ("channel_id", "external_id", "message_id", "thread_id")
    with rows_of(connection, models.OutsideIdRow, *varying, workspace_id=WORKSPACE) as rows:
        for thread in world.threads:
            last = ids[thread.first + thread.length - 1]
            rows.add(CHANNELS[thread.who.kind], _outside(thread), last, thread.id)


def _outside(thread: Thread) -> str:
    return f"<{thread.id}@mail.example>"


def _write_threads(connection: Any, world: World, chance: random.Random) -> None:
    varying = (
        "id", "home_id", "customer_id", "customer_name", "status", "channel_id", "channel_kind", "place_key",
        "assignee_id", "assignee_name", "agent", "tags", "sequence", "last_position", "last_message_at",
        "waiting_since", "closed_at", "created_at", "updated_at",
    )  # fmt: skip
    own = {"workspace_id": WORKSPACE, "last_text": TEXTS[0], "last_author_kind": "customer", "trust": "verified"}
    with rows_of(connection, models.ThreadRow, *varying, **own) as rows:
        for thread in world.threads:
            one, last = thread.who, _moment(thread.last)
            assignee = chance.choice(world.teammates) if chance.random() < 0.5 else NULL
            tags = {tag for rank, tag in enumerate(TAGS) if chance.random() < 0.3 / 3**rank}
            rows.add(
                thread.id, one.id, one.id, f"Customer of {one.value}", thread.status, CHANNELS[one.kind], one.kind,
                f"{one.kind}:{one.value}", assignee, NULL if assignee == NULL else "Teammate",
                chance.choice(("active", "quiet")), "{" + ",".join(tags) + "}", thread.length + 1, thread.last, last,
                last if thread.status == "open" and chance.random() < 0.3 else NULL,
                last if thread.status == "closed" else NULL, _moment(thread.began), last,
            )  # fmt: skip


def _write_messages(connection: Any, world: World, ids: list[str], chance: random.Random) -> None:
    varying = (
        "id", "thread_id", "customer_id", "sequence", "position", "channel_id", "channel_kind", "place_key",
        "author_kind", "identity_kind", "identity_value", "identity_trust", "text", "created_at",
    )  # fmt: skip
    with rows_of(connection, models.MessageRow, *varying, workspace_id=WORKSPACE) as rows:
        for thread in world.threads:
            one = thread.who
            where = CHANNELS[one.kind], one.kind, f"{one.kind}:{one.value}"
            for number in range(thread.length):
                theirs = number % 2 == 0
                identity = (IDENTITIES[one.kind], one.value, "verified") if theirs else (NULL, NULL, NULL)
                position = thread.began + number * MINUTE
                rows.add(
                    ids[thread.first + number], thread.id, one.id, number + 2, position, *where,
                    "customer" if theirs else "teammate", *identity, chance.choice(TEXTS), _moment(position),
                )  # fmt: skip


def _log(connection: Any, world: World, ids: list[str], chance: random.Random) -> None:
    """The event log and the memory of handled events grow with the messages too."""
    varying = ("id", "thread_id", "sequence", "stream_sequence")
    own = {"workspace_id": WORKSPACE, "subject": "ot.local.message.added", "type": "onethread.message.added.v1"}
    own |= {"created_at": FORGOTTEN, "published_at": FORGOTTEN}
    with rows_of(connection, models.OutboxRow, *varying, **own, body=EVENT) as rows:
        for thread in world.threads:
            for number in range(thread.length):
                rows.add(_id(chance), thread.id, number + 2, thread.first + number + 1)
    with rows_of(connection, models.InboxRow, "event_id", workspace_id=WORKSPACE, handled_at=FORGOTTEN) as rows:
        for id_ in ids[::2]:
            rows.add(id_)


def _sampled(world: World, chance: random.Random) -> World:
    threads = {thread.who.id: thread for thread in world.threads}  # of several the last one wins
    by_status: dict[str, list[Thread]] = {"open": [], "closed": [], "snoozed": []}
    for thread in threads.values():
        by_status[thread.status].append(thread)
    once = {status: chance.sample(some, min(SAMPLE, len(some))) for status, some in by_status.items()}
    world.known = [thread.who for thread in once["open"]]
    world.answerable = [(thread.who, _outside(thread)) for thread in once["closed"]]
    longest = sorted(world.threads, key=lambda thread: -thread.length)[:20]
    world.threads = [*longest, *chance.sample(world.threads, min(SAMPLE, len(world.threads)))]
    return world
