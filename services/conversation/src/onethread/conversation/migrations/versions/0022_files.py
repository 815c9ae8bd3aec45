"""Files that teammates send."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from onethread.conversation.isolation import isolate

revision, down_revision = "0022", "0021"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "file",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), sa.ForeignKey("thread.id"), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("file_of_message", "file", ["message_id"], postgresql_where=sa.text("message_id IS NOT NULL"))
    op.create_index("file_of_thread", "file", ["thread_id"])
    op.create_index(
        "file_waiting", "file", ["workspace_id", "created_at"], postgresql_where=sa.text("message_id IS NULL")
    )
    # What is in them is packed already, mostly.
    op.execute("alter table file alter column content set storage external")
    for statement in isolate("file"):
        op.execute(statement)
    op.add_column("pending_reply", sa.Column("files", JSONB(), server_default="[]", nullable=False))


def downgrade() -> None:
    op.drop_column("pending_reply", "files")
    op.drop_table("file")
