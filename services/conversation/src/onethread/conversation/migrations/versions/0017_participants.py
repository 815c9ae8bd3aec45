"""Who else takes part in a thread, and gets a reply that waits."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from onethread.conversation import isolation

revision, down_revision = "0017", "0016"
branch_labels = depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    op.create_table(
        "participant",
        sa.Column("workspace_id", TEXT(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("value", TEXT(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", TEXT(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["thread_id"], ["thread.id"]),
        sa.PrimaryKeyConstraint("workspace_id", "thread_id", "value"),
    )
    op.add_column("pending_reply", sa.Column("cc", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    for statement in isolation.isolate("participant"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_column("pending_reply", "cc")
    op.drop_table("participant")
