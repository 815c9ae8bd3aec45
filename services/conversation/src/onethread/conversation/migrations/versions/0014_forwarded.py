"""Who forwarded a message."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0014", "0013"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("message", sa.Column("forwarded_by", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("message", "forwarded_by")
