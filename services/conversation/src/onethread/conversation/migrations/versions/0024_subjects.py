"""Each mail keeps its own subject: a thread has only that of its first."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0024", "0023"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("message", sa.Column("subject", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("message", "subject")
