"""Real NATS and PostgreSQL for the tests: containers where a Docker daemon answers, else the embedded servers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from nats.js import JetStreamContext


def docker_answers() -> bool:
    if os.environ.get("ONETHREAD_TEST_SERVERS") == "embedded":
        return False
    try:
        import docker

        return bool(docker.from_env(timeout=2).ping())
    except Exception:
        return False


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[str, str]]:
    """(NATS_URL, DATABASE_URL) of servers that live as long as the test run."""
    if docker_answers():
        from testcontainers.community.nats import NatsContainer
        from testcontainers.community.postgres import PostgresContainer

        with (
            PostgresContainer("postgres:18-alpine", driver=None).with_command("-c fsync=off") as pg,
            NatsContainer("nats:2.15-alpine", jetstream=True) as bus,
        ):
            yield bus.nats_uri(), pg.get_connection_url()
        return
    embedded = pytest.importorskip("onethread.local.servers", reason="no embedded servers: sync onethread-local")
    with embedded.embedded_servers(durable=False) as urls:
        yield urls


@pytest.fixture
def nats_url(servers: tuple[str, str]) -> str:
    """A bus with every stream and consumer in place and nothing in them."""
    asyncio.run(fresh_bus(servers[0]))
    return servers[0]


async def fresh_bus(url: str) -> None:
    """The server removes what was deleted in the background, from one place for each stream. Where the last one of its
    name still lies there, it leaves the next where it is without a word: what is then made anew has the old messages,
    or cannot be made.
    """
    import nats

    connection = await nats.connect(url)
    while not await _made_anew(connection.jetstream()):
        await asyncio.sleep(0.05)
    await connection.close()


async def _made_anew(js: JetStreamContext) -> bool:
    from nats.js.errors import ServerError

    from onethread.runtime.provision import provision

    await asyncio.gather(*(js.delete_stream(stream.config.name) for stream in await js.streams_info()))
    try:
        await provision(js)
    except ServerError:
        return False
    return not any(stream.state.last_seq for stream in await js.streams_info())


@pytest.fixture(scope="session")
def migrated_database(servers: tuple[str, str]) -> str:
    """URL of a database that has the tables; each test gets a copy of it."""
    import psycopg

    from onethread.conversation.migrate import migrate

    with psycopg.connect(servers[1], autocommit=True) as connection:
        connection.execute("create database template_onethread")
    url = servers[1].rsplit("/", 1)[0] + "/template_onethread"
    migrate(url)
    return url


@pytest.fixture
def database_url(servers: tuple[str, str], migrated_database: str) -> Iterator[str]:
    """URL of an empty database with the tables in place."""
    import psycopg

    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(servers[1], autocommit=True) as connection:
        connection.execute(f"create database {name} template template_onethread strategy file_copy")
        yield servers[1].rsplit("/", 1)[0] + f"/{name}"
        connection.execute(f"drop database {name} with (force)")
