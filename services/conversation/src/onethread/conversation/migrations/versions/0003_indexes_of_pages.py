"""What every page reads is found by an index, in its own order, however much there is."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NEWEST = (sa.literal_column("updated_at DESC"), sa.literal_column("id DESC"))
OF_SOMEBODY = sa.text("assignee_id IS NOT NULL")


def upgrade() -> None:
    op.drop_index("thread_list", table_name="thread")
    op.create_index("thread_list", "thread", ["workspace_id", "status", *NEWEST], unique=False)
    op.create_index("thread_newest", "thread", ["workspace_id", *NEWEST], unique=False)
    op.create_index(
        "thread_of_assignee", "thread", ["workspace_id", "assignee_id", *NEWEST], unique=False,
        postgresql_where=OF_SOMEBODY,
    )  # fmt: skip
    op.create_index("place_by_key", "place", ["workspace_id", "key"], unique=False)


def downgrade() -> None:
    op.drop_index("place_by_key", table_name="place")
    op.drop_index("thread_of_assignee", table_name="thread")
    op.drop_index("thread_newest", table_name="thread")
    op.drop_index("thread_list", table_name="thread")
    op.create_index(
        "thread_list", "thread", ["workspace_id", "status", sa.literal_column("updated_at DESC"), "id"], unique=False
    )
