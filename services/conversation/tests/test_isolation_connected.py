"""Two workspaces in one database: what PostgreSQL itself refuses, with the application's own filters taken away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from plugins.conversation_world import running
from psycopg import sql

from onethread.conversation import database as database_module
from onethread.conversation import isolation
from onethread.conversation.database import Database
from onethread.conversation.migrate import migrate

pytestmark = pytest.mark.connected
APP = isolation.APP
OWN = "current_setting('onethread.workspace'::text, true)"
NO_KEY = {"alembic_version"}

TABLES = "select relname, oid, relowner::regrole::text, relrowsecurity and relforcerowsecurity from pg_class \
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by relname"
COLUMNS = "select attname from pg_attribute where attrelid = %s and attnum > 0 and not attisdropped"
POLICIES = "select policyname, roles::text[], qual, with_check, permissive from pg_policies where tablename = %s"
HOLES = f"""
    select 'a view, which is read as its owner: ' || relname from pg_class
        where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
    union all select 'a function that runs as its owner: ' || proname from pg_proc
        where prosecdef and pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    union all select 'a role above row-level security: ' || rolname from pg_roles
        where rolname = any(array['{APP}', '{isolation.SYSTEM_ROLE}']) and (rolsuper or rolbypassrls or rolcanlogin)
    union all select 'a role that is also ' || roleid::regrole::text || ': ' || member::regrole::text
        from pg_auth_members where member::regrole::text = any(array['{APP}', '{isolation.SYSTEM_ROLE}'])
    union all select 'a table open to everybody: ' || table_name from information_schema.table_privileges
        where grantee = 'PUBLIC' and table_schema = 'public'"""


def flaws(connection: psycopg.Connection[Any]) -> list[str]:
    """Every way in which one workspace could see or write another's rows, as the catalog has it."""
    found = [row[0] for row in connection.execute(HOLES).fetchall()]  # type: ignore[arg-type]
    for table, oid, owner, forced in connection.execute(TABLES).fetchall():
        if table not in NO_KEY:
            columns = {row[0] for row in connection.execute(COLUMNS, [oid]).fetchall()}
            policies = connection.execute(POLICIES, [table]).fetchall()
            found += [f"{table}: {flaw}" for flaw in _flaws(table, owner, forced, columns, policies)]
    return found


def _flaws(table: str, owner: str, forced: bool, columns: set[str], policies: list[Any]) -> Iterator[str]:
    key = "id" if table in isolation.ITS_OWN_ID else "workspace_id"
    ours = [policy for policy in policies if {APP, "public"} & set(policy[1])]
    if key not in columns:
        yield "no workspace key"
    if not forced:
        yield "row-level security is not enabled and forced"
    if owner in isolation.ROLES:
        yield "owned by a role of the application"
    if not ours:
        yield f"no policy for {APP}"
    for name, _, using, check, _ in ours:
        for what, expression in (("USING", using), ("WITH CHECK", check)):
            if expression not in {f"({key} = {OWN})", f"(({key})::text = {OWN})"}:
                yield f"policy {name} lacks its {what}"


@pytest.fixture
def owner(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection above all policies; what it does here is taken back."""
    with psycopg.connect(database_url) as connection:
        yield connection
        connection.rollback()


def test_every_table_keeps_workspaces_apart(owner: psycopg.Connection[Any]) -> None:
    assert flaws(owner) == []


GOOD = "create table bad (id uuid, workspace_id text)"
BAD = {
    "bad: no workspace key": ["create table bad (id uuid)", *isolation.isolate("bad")[:2],
                              f"create policy p on bad to {APP} using ({OWN} = '') with check ({OWN} = '')"],
    "bad: row-level security is not enabled and forced": [GOOD, *isolation.isolate("bad")[::2]],
    f"bad: no policy for {APP}": [GOOD, *isolation.isolate("bad")[:2]],
    "bad: policy p lacks its WITH CHECK": [GOOD, *isolation.isolate("bad")[:2],
                                           f"create policy p on bad to {APP} using (workspace_id = {OWN})"],
    "bad: policy wide lacks its USING": [GOOD, *isolation.isolate("bad"),
                                         "create policy wide on bad using (true) with check (true)"],
    "bad: owned by a role of the application": [GOOD, *isolation.isolate("bad"), f"alter table bad owner to {APP}"],
    "a view, which is read as its owner: peek": ["create view peek as select * from message"],
    "a function that runs as its owner: peek": [
        "create function peek() returns bigint language sql security definer as 'select count(*) from message'"],
    f"a role above row-level security: {APP}": [f"alter role {APP} bypassrls"],
    f"a role that is also pg_read_all_data: {APP}": [f"grant pg_read_all_data to {APP}"],
    "a table open to everybody: message": ["grant select on message to public"],
}  # fmt: skip


@pytest.mark.parametrize("flaw", BAD)
def test_a_hole_is_found(owner: psycopg.Connection[Any], flaw: str) -> None:
    for statement in BAD[flaw]:
        owner.execute(statement)  # type: ignore[arg-type]
    assert flaw in flaws(owner)


VALUES = {
    "uuid": uuid4, "text": lambda: uuid4().hex, "character varying": lambda: uuid4().hex, "jsonb": lambda: "{}",
    "timestamp with time zone": lambda: "2026-01-01T00:00:00Z", "boolean": lambda: False, "integer": lambda: 1,
    "bigint": lambda: uuid4().int % 10**9, "ARRAY": lambda: "{}", "double precision": lambda: 0.5,
    "bytea": lambda: b"1",
}  # fmt: skip
ROW = """select column_name, data_type from information_schema.columns where table_schema = 'public' and table_name = %s
    and is_nullable = 'NO' and column_default is null and is_generated = 'NEVER'"""


def tables(connection: psycopg.Connection[Any]) -> dict[str, str]:
    """Each table, with the name of its workspace key."""
    names = [row[0] for row in connection.execute(TABLES).fetchall() if row[0] not in NO_KEY]
    return {name: "id" if name in isolation.ITS_OWN_ID else "workspace_id" for name in names}


def insert(connection: psycopg.Connection[Any], table: str, key: str, workspace: str) -> tuple[sql.Composed, list[Any]]:
    """A row of the workspace with something in every column that needs it."""
    columns = dict(connection.execute(ROW, [table]).fetchall())
    values = [workspace if name == key else VALUES[kind]() for name, kind in columns.items()]
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    places = sql.SQL(", ").join([sql.SQL("%s")] * len(values))
    return sql.SQL("insert into {} ({}) values ({})").format(sql.Identifier(table), names, places), values


@pytest.fixture
def filled(database_url: str) -> dict[str, Any]:
    """A row of `a` and one of `b` in every table; a statement for one more of `b`."""
    more: dict[str, Any] = {}
    with psycopg.connect(database_url) as connection:
        connection.execute("set session_replication_role = replica")  # no foreign keys
        for table, key in tables(connection).items():
            for workspace in "ab":
                connection.execute(*insert(connection, table, key, workspace))
            more[table] = (key, insert(connection, table, key, "b"))
    return more


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, 4)
    await database.start()
    yield database
    await database.stop()


async def test_without_a_filter_a_workspace_sees_changes_and_deletes_its_own_rows_alone(
    filled: dict[str, Any], database: Database, owner: psycopg.Connection[Any]
) -> None:
    for table, (key, _) in filled.items():
        name, column = sql.Identifier(table), sql.Identifier(key)
        async with database.transaction("a") as connection:
            seen = await (await connection.execute(sql.SQL("select {} from {}").format(column, name))).fetchall()
            assert [row[0] for row in seen] == ["a"], table
            if table in isolation.APPEND_ONLY:
                continue
            update = sql.SQL("update {} set {} = {} returning 1").format(name, column, column)
            assert len(await (await connection.execute(update)).fetchall()) == 1, table
        kept = owner.execute(sql.SQL("select count(*) from {} where {} = 'b'").format(name, column)).fetchone()
        assert kept == (1,), table


async def test_a_workspace_deletes_nothing_of_another(filled: dict[str, Any], database: Database) -> None:
    for table, (key, _) in filled.items():
        if table in isolation.APPEND_ONLY:
            continue
        async with database.transaction("a") as connection:
            name, column = sql.Identifier(table), sql.Identifier(key)
            delete = sql.SQL("delete from {} where {} = 'b' returning 1").format(name, column)
            assert await (await connection.execute(delete)).fetchall() == [], table


async def test_a_row_of_another_workspace_is_neither_added_nor_given_away(
    filled: dict[str, Any], database: Database
) -> None:
    for table, (key, more) in filled.items():
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            async with database.transaction("a") as connection:
                await connection.execute(*more)
        give = sql.SQL("update {} set {} = 'b'").format(sql.Identifier(table), sql.Identifier(key))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with database.transaction("a") as connection:
                await connection.execute(give)


async def test_a_transaction_that_names_no_workspace_sees_nothing(filled: dict[str, Any], database: Database) -> None:
    for workspace in ("", "c"):
        async with database.transaction(workspace) as connection:
            for table in filled:
                count = sql.SQL("select count(*) from {}").format(sql.Identifier(table))
                assert (await (await connection.execute(count)).fetchone())[0] == 0, table  # type: ignore[index]


async def test_the_workspace_of_a_transaction_ends_with_it(database_url: str) -> None:
    database = Database(database_url, 2)
    await database.start()
    named: set[str] = set()
    for _ in range(4):
        async with database.transaction("a"):
            pass
        async with database._pool.connection() as connection:  # pyright: ignore[reportPrivateUsage]
            row = await (await connection.execute(f"select {OWN}")).fetchone()
            named.add(row[0] or "" if row else "")
    await database.stop()
    assert named == {""}


async def test_what_serves_all_workspaces_sees_events_channels_keys_and_workspaces_and_nothing_else(
    filled: dict[str, Any], database: Database
) -> None:
    async with await database.system() as connection:
        for table in filled:
            read = sql.SQL("select * from {}").format(sql.Identifier(table))
            if table in {"outbox", "workspace", "channel", "mail_key"}:
                assert len(await (await connection.execute(read)).fetchall()) == 2
                continue
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute(read)
        for table in ("workspace", "channel"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await connection.execute(sql.SQL("update {} set name = 'x'").format(sql.Identifier(table)))


class TestStarting:
    async def test_is_refused_when_the_role_could_see_every_workspace(self, database_url: str) -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(f"alter role {APP} bypassrls")  # type: ignore[arg-type]
            try:
                with pytest.raises(SystemExit, match=f"sees every workspace: alter role {APP} nosuperuser nobypassrls"):
                    await Database(database_url, 2).start()
            finally:
                connection.execute(f"alter role {APP} nobypassrls")  # type: ignore[arg-type]

    async def test_is_refused_when_the_role_is_missing(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(isolation, "APP", "no_such_role")
        monkeypatch.setattr(database_module, "AS_APP", isolation.as_role("no_such_role"))
        with pytest.raises(SystemExit, match="run onethread-migrate"):
            await Database(database_url, 2).start()

    async def test_is_refused_when_the_role_is_not_granted(self, database_url: str) -> None:
        stranger = f"stranger_{uuid4().hex[:8]}"
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(f"create role {stranger} login password 'x'")  # type: ignore[arg-type]
            try:
                at = database_url.split("//")[1].split("@")[1]
                with pytest.raises(SystemExit, match="run onethread-migrate"):
                    await Database(f"postgresql://{stranger}:x@{at}", 2).start()
            finally:
                connection.execute(f"drop role {stranger}")  # type: ignore[arg-type]

    async def test_two_replicas_start_at_once_on_an_empty_database(
        self, servers: tuple[str, str], nats_url: str
    ) -> None:
        name = f"test_{uuid4().hex[:12]}"
        url = f"{servers[1].rsplit('/', 1)[0]}/{name}"
        with psycopg.connect(servers[1], autocommit=True) as connection:
            connection.execute(f"create database {name}")  # type: ignore[arg-type]
            await asyncio.gather(*(asyncio.to_thread(migrate, url) for _ in range(2)))
            await asyncio.gather(*(self.start_and_stop(nats_url, url) for _ in range(3)))
            with psycopg.connect(url) as inside:
                found = inside.execute("select count(*), (select count(*) from teammate) from workspace").fetchone()
            connection.execute(f"drop database {name} with (force)")  # type: ignore[arg-type]
        assert found == (1, 1)

    async def test_works_for_an_owner_who_is_nobody_special(self, servers: tuple[str, str], nats_url: str) -> None:
        """Neither superuser nor allowed to make roles: whoever runs the server made them."""
        owner = f"owner_{uuid4().hex[:8]}"
        address = servers[1].split("//")[1].split("@")[1].rsplit("/", 1)[0]
        with psycopg.connect(servers[1], autocommit=True) as connection:
            connection.execute(f"create role {owner} login password 'x'")  # type: ignore[arg-type]
            for role in isolation.ROLES:
                connection.execute(isolation.make_role(role))  # type: ignore[arg-type]
                connection.execute(f"grant {role} to {owner}")  # type: ignore[arg-type]
            connection.execute(f"create database {owner} owner {owner}")  # type: ignore[arg-type]
            try:
                url = f"postgresql://{owner}:x@{address}/{owner}"
                await asyncio.to_thread(migrate, url)
                await self.start_and_stop(nats_url, url)
                with psycopg.connect(url) as inside:
                    assert inside.execute("select count(*) from teammate").fetchone() == (0,)  # FORCE: the owner too
            finally:
                connection.execute(f"drop database {owner} with (force)")  # type: ignore[arg-type]
                connection.execute(f"drop owned by {owner}")  # type: ignore[arg-type]
                connection.execute(f"drop role {owner}")  # type: ignore[arg-type]

    async def start_and_stop(self, nats_url: str, url: str) -> None:
        async with running(nats_url, url):
            await asyncio.sleep(0.2)
