"""Why a message stands where it does."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision, down_revision = "0012", "0011"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column(
        "message", sa.Column("remarks", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False)
    )
    op.add_column("message", sa.Column("may_belong_to", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("message", "may_belong_to")
    op.drop_column("message", "remarks")
