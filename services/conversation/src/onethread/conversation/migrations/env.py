from alembic import context
from sqlalchemy import create_engine, pool
from sqlmodel import SQLModel

from onethread.conversation import (  # noqa: F401 the tables register themselves
    admin_models,
    agent_models,
    bench_models,
    models,
    tool_models,
)

config = context.config
engine = create_engine(config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()
