"""Brings the database's tables to what this version needs.

onethread-migrate
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config

from onethread.conversation.settings import ConversationSettings

LOCK = 7_011_002
"""Two replicas that start at once must not migrate at once."""
LOOK_SECONDS = 0.5


def config_for(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option(
        "sqlalchemy.url", url.replace("postgresql://", "postgresql+psycopg://", 1).replace("%", "%%")
    )
    return config


def migrate(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        _wait_for_turn(connection)
        command.upgrade(config_for(url), "head")


def _wait_for_turn(connection: psycopg.Connection) -> None:
    """Asks again and again: an index that is built concurrently waits for every statement that is under way, and so
    for one that waits for the lock.
    """
    while not (connection.execute("select pg_try_advisory_lock(%s)", [LOCK]).fetchone() or [False])[0]:
        time.sleep(LOOK_SECONDS)


def main() -> None:
    settings = ConversationSettings.load()
    try:
        migrate(settings.database)
    except psycopg.OperationalError as error:
        raise SystemExit(f"Cannot reach the database: {str(error).splitlines()[0]}") from None
    sys.stdout.write("The database is up to date.\n")


if __name__ == "__main__":
    main()
