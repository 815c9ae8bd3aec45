from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic import command

from onethread.conversation.migrate import config_for, migrate

pytestmark = pytest.mark.connected
ANA, GUEST, THREAD, MARA = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)


def test_the_migrations_make_the_tables_of_the_models_and_can_run_again(database_url: str) -> None:
    migrate(database_url)
    command.check(config_for(database_url))


def test_a_migration_that_would_lose_the_graph_is_not_taken_back(database_url: str) -> None:
    with pytest.raises(RuntimeError, match="Restore the backup"):
        command.downgrade(config_for(database_url), "0001")


@pytest.fixture
def empty(servers: tuple[str, str]) -> Iterator[str]:
    """The URL of a database without tables."""
    name = f"old_{uuid4().hex[:12]}"
    with psycopg.connect(servers[1], autocommit=True) as server:
        server.execute(f"create database {name}")
        try:
            yield servers[1].rsplit("/", 1)[0] + f"/{name}"
        finally:
            server.execute(f"drop database {name} with (force)")


def test_an_upgrade_keeps_who_was_merged_and_where_everything_stands(empty: str) -> None:
    command.upgrade(config_for(empty), "0001")
    with psycopg.connect(empty) as connection:
        connection.execute(OF_THE_FIRST_VERSION)  # type: ignore[arg-type]
    migrate(empty)
    with psycopg.connect(empty) as connection:
        _is_kept(connection)


def test_mail_comes_in_while_the_key_of_outside_ids_is_built_and_replicas_that_start_wait(empty: str) -> None:
    command.upgrade(config_for(empty), "0020")
    add = "insert into outside_id select 'local', 'local', %s, m.id, m.thread_id from message m"
    with psycopg.connect(empty) as mail, psycopg.connect(empty, autocommit=True) as more:
        more.execute(SOMETHING_SAID)  # type: ignore[arg-type]
        mail.execute(add, ["<1@x.example>"])
        with ThreadPoolExecutor(2) as replicas:
            both = [replicas.submit(migrate, empty) for _ in range(2)]
            _until(more, "select 1 from pg_stat_activity where query like 'create unique index concurrently%%'")
            more.execute("set lock_timeout = '5s'")
            more.execute(add, ["<2@x.example>"])
            mail.commit()
            for one in both:
                one.result(60)
        key = "select conkey from pg_constraint where conname = 'outside_id_pkey'"
        assert more.execute(key).fetchone() == ([1, 3, 2],)
        assert more.execute("select count(*) from outside_id").fetchone() == (2,)


def test_a_key_whose_building_was_broken_off_is_built_anew(empty: str) -> None:
    command.upgrade(config_for(empty), "0020")
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("create unique index outside_id_key on outside_id (workspace_id)")
        connection.execute("update pg_index set indisvalid = false where indexrelid = 'outside_id_key'::regclass")
    migrate(empty)
    command.check(config_for(empty))


def _until(connection: psycopg.Connection, query: str) -> None:
    deadline = time.monotonic() + 60
    while not connection.execute(query, []).fetchone():  # type: ignore[arg-type]
        assert time.monotonic() < deadline, query
        time.sleep(0.02)


SOMETHING_SAID = f"""
    insert into workspace (id, name, created_at) values ('local', 'Local', now());
    insert into customer (id, workspace_id, root_id, created_at) values ('{ANA}', 'local', '{ANA}', now());
    insert into thread (id, workspace_id, home_id, customer_id, status, agent, priority, sequence, last_position,
            created_at, updated_at)
        values ('{THREAD}', 'local', '{ANA}', '{ANA}', 'open', 'active', 'normal', 2, 1, now(), now());
    insert into message (id, workspace_id, thread_id, customer_id, sequence, position, note, shared, author_kind, text,
            created_at)
        values (gen_random_uuid(), 'local', '{THREAD}', '{ANA}', 2, 1, false, false, 'customer', 'Hi', now());
"""
OF_THE_FIRST_VERSION = f"""
    insert into customer (id, workspace_id, name, created_at) values ('{ANA}', 'local', 'Ana', now());
    insert into customer (id, workspace_id, merged_into_id, created_at) values ('{GUEST}', 'local', '{ANA}', now());
    insert into identity (id, workspace_id, kind, value, trust, evidence, customer_id, created_at)
        values (gen_random_uuid(), 'local', 'email', 'ana+shop@x.example', 'verified', '', '{ANA}', now());
    insert into thread (id, workspace_id, customer_id, status, agent, priority, sequence, created_at, updated_at)
        values ('{THREAD}', 'local', '{ANA}', 'open', 'active', 'normal', 2, now(), now());
    insert into message
            (id, workspace_id, thread_id, customer_id, sequence, note, shared, author_kind, text, created_at)
        values (gen_random_uuid(), 'local', '{THREAD}', '{ANA}', 2, false, false, 'customer', 'Hi', now());
    insert into place (workspace_id, channel_id, key, channel_kind, shared, route, thread_id, updated_at)
        values ('local', 'local', 'widget:v', 'widget', false, '{{}}', '{THREAD}', now());
    insert into teammate (id, workspace_id, email, name, password_hash, created_at)
        values ('{MARA}', 'local', 'mara@x.example', 'Mara', '', now());
"""
"""Ana by mail, a guest who was found to be her, and Mara who answers them."""


def _is_kept(connection: psycopg.Connection) -> None:
    def rows(query: str) -> list[tuple]:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]

    assert rows("select id, root_id, merged_into_id from customer order by id") == [(ANA, ANA, None), (GUEST, ANA, ANA)]
    assert rows("select kind, how, customer_id, other_id from act") == [("merge", "proof", ANA, GUEST)]
    assert rows("select likeness from identity") == [("ana@x.example",)]
    assert rows("select home_id, last_position > 0 from thread") == [(ANA, True)]
    assert rows("select customer_id, position > 0 from message") == [(ANA, True)]
    assert rows("select customer_id from place") == [(ANA,)]
    assert rows("select id, version from workspace") == [("local", 1)]
    assert rows("select id, role, version from teammate") == [(MARA, "teammate", 1)]
