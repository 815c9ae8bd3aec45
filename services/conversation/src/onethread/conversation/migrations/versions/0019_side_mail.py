"""Side mail: a thread with a third party about another."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0019", "0018"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("thread", sa.Column("side_of_id", sa.Uuid(), nullable=True))
    op.create_foreign_key("thread_side_of_id_fkey", "thread", "thread", ["side_of_id"], ["id"])
    op.create_index("thread_side", "thread", ["side_of_id"], postgresql_where=sa.text("side_of_id IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("thread_side", table_name="thread")
    op.drop_column("thread", "side_of_id")
