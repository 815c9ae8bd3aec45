from __future__ import annotations

import pytest
from alembic import command

from onethread.conversation.migrate import config_for, migrate

pytestmark = pytest.mark.connected


def test_the_migrations_make_the_tables_of_the_models_and_can_run_again(database_url: str) -> None:
    migrate(database_url)
    command.check(config_for(database_url))


def test_a_migration_that_would_lose_the_graph_is_not_taken_back(database_url: str) -> None:
    with pytest.raises(RuntimeError, match="Restore the backup"):
        command.downgrade(config_for(database_url), "0001")
