"""What the one query of `who` finds, in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from onethread.contracts.messages import Identity
from onethread.conversation import who

pytestmark = pytest.mark.connected
# The columns that FIND reads. In the session's own tables, which stand before the service's.
TABLES = """
    create temp table customer (id uuid, workspace_id text, root_id uuid, name text, email text, created_at timestamptz
        default now());
    create temp table identity (workspace_id text, kind text, value text, trust text, customer_id uuid);
    create temp table apart (workspace_id text, a uuid, b uuid);
"""
ANA = Identity(kind="email", value="ana@acme.com", trust="verified")


def id_of(number: int) -> UUID:
    return UUID(int=number)


@pytest.fixture
async def connection(servers: tuple[str, str]) -> AsyncIterator[Any]:
    async with await psycopg.AsyncConnection.connect(servers[1], row_factory=namedtuple_row) as opened:
        await opened.execute(TABLES)
        yield opened
        await opened.rollback()


async def customer(connection: Any, number: int, *identities: str, root: int = 0, workspace: str = "local") -> None:
    await connection.execute(
        "insert into customer (id, workspace_id, root_id, name) values (%s, %s, %s, %s)",
        [id_of(number), workspace, id_of(root or number), f"number {number}"],
    )
    for one in identities:
        kind, value, trust = one.split(" ")
        await connection.execute(
            "insert into identity values (%s, %s, %s, %s, %s)", [workspace, kind, value, trust, id_of(number)]
        )


async def find(connection: Any, *said: Identity) -> list[Any]:
    cursor = await connection.execute(who.FIND, who.find_parameters("local", said))
    return await cursor.fetchall()


async def test_an_identity_is_found_with_its_home_its_root_and_what_can_speak_against_a_merge(connection: Any) -> None:
    await customer(connection, 1, "site_user 17 verified", "email ana@old.com asserted")
    await customer(connection, 2, "email ana@acme.com verified", "visitor v verified", root=1)
    (row,) = await find(connection, ANA)
    assert (row.home, row.home_name, row.root, row.name) == (id_of(2), "number 2", id_of(1), "number 1")
    assert sorted(row.cluster) == [["email", "ana@acme.com"], ["site_user", "17"]]
    assert row.apart == []


async def test_by_one_identity_alone_the_same_person_is_found(connection: Any) -> None:
    await customer(connection, 1, "site_user 17 verified")
    await customer(connection, 2, "email ana@acme.com verified", "visitor v verified", root=1)
    await customer(connection, 3, "email ana@acme.com asserted")
    await customer(connection, 4, "email ana@acme.com verified", workspace="other")
    (among_several,) = await find(connection, ANA)
    (alone,) = await (await connection.execute(*who.that_finds("local", [ANA]))).fetchall()
    assert alone == among_several._replace(cluster=[], apart=[])
    assert who.resolve([ANA], "Ana", [alone]) == who.resolve([ANA], "Ana", [among_several])


async def test_a_browser_alone_has_nothing_that_can_speak_against_a_merge(connection: Any) -> None:
    await customer(connection, 1, "visitor v verified")
    (row,) = await find(connection, Identity(kind="visitor", value="v", trust="verified"))
    assert (row.cluster, row.apart) == ([], [])


async def test_who_was_set_apart_is_found_in_both_directions_by_their_roots_of_today(connection: Any) -> None:
    await customer(connection, 1)
    await customer(connection, 2, "email ana@acme.com verified", root=1)
    await customer(connection, 3)
    for number in (4, 5):
        await customer(connection, number, root=3 if number == 4 else 0)
    await connection.execute(
        "insert into apart values ('local', %s, %s), ('local', %s, %s)", [id_of(2), id_of(4), id_of(5), id_of(1)]
    )
    (row,) = await find(connection, ANA)
    assert sorted(row.apart) == [id_of(3), id_of(5)]


async def test_nothing_of_another_workspace_or_of_another_trust_is_found(connection: Any) -> None:
    await customer(connection, 1, "email ana@acme.com verified", workspace="other")
    await customer(connection, 2, "email ana@acme.com asserted")
    assert await find(connection, ANA) == []
    assert (await find(connection, ANA.model_copy(update={"trust": "asserted"})))[0].home == id_of(2)


async def test_what_is_found_decides(connection: Any) -> None:
    await customer(connection, 1, "site_user 17 verified", "email ana@acme.com verified")
    said = [Identity(kind="slack_user", value="T/U1", trust="verified"), ANA]
    resolved = who.resolve(said, "Ana", await find(connection, *said))
    assert (resolved.root, resolved.to_link, resolved.merge) == (id_of(1), said[:1], [])
