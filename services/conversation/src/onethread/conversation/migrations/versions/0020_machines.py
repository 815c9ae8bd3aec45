"""A thread in which a machine spoke last says so: the agent does not hold it."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0020", "0019"
branch_labels = depends_on = None

OF_LAST = """update thread t set machine = (
        select machine from message where thread_id = t.id and author_kind = 'customer'
            order by coalesce(machine in ('auto_reply', 'bounce', 'complaint'), false), position desc limit 1)
    where exists (select from message where thread_id = t.id and machine is not null)"""


def upgrade() -> None:
    op.add_column("thread", sa.Column("machine", sa.String(), nullable=True))
    op.execute(OF_LAST)


def downgrade() -> None:
    op.drop_column("thread", "machine")
