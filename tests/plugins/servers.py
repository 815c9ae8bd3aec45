"""Real NATS and PostgreSQL for the tests: containers where a Docker daemon answers, else the embedded servers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from uuid import uuid4

import pytest


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
    import nats

    from onethread.runtime.provision import provision

    connection = await nats.connect(url)
    js = connection.jetstream()
    for stream in await js.streams_info():
        # Where the disk is busy, a stream that is made anew at once would be given the old files.
        await js.purge_stream(stream.config.name)
        await js.delete_stream(stream.config.name)
    await provision(js)
    await connection.close()


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
