from __future__ import annotations

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


def test_an_upgrade_keeps_who_was_merged_and_where_everything_stands(servers: tuple[str, str]) -> None:
    name = f"old_{uuid4().hex[:12]}"
    url = servers[1].rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(servers[1], autocommit=True) as server:
        server.execute(f"create database {name}")
        try:
            command.upgrade(config_for(url), "0001")
            with psycopg.connect(url) as connection:
                connection.execute(OF_THE_FIRST_VERSION)  # type: ignore[arg-type]
            migrate(url)
            with psycopg.connect(url) as connection:
                _is_kept(connection)
        finally:
            server.execute(f"drop database {name} with (force)")


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
