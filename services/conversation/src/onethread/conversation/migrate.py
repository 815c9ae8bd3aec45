"""Brings the database's tables to what this version needs.

onethread-migrate
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config

from onethread.conversation.settings import ConversationSettings

LOCK = 7_011_002
"""Two replicas that start at once must not migrate at once."""


def config_for(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option(
        "sqlalchemy.url", url.replace("postgresql://", "postgresql+psycopg://", 1).replace("%", "%%")
    )
    return config


def migrate(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select pg_advisory_lock(%s)", [LOCK])
        command.upgrade(config_for(url), "head")


def main() -> None:
    settings = ConversationSettings.load()
    try:
        migrate(settings.database)
    except psycopg.OperationalError as error:
        raise SystemExit(f"Cannot reach the database: {str(error).splitlines()[0]}") from None
    sys.stdout.write("The database is up to date.\n")


if __name__ == "__main__":
    main()
