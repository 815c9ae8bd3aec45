"""What the checks of a mail's sender came to, and what may deceive its reader."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision, down_revision = "0015", "0014"
branch_labels = depends_on = None


def upgrade() -> None:
    op.add_column("thread", sa.Column("verdict", sa.String(), nullable=True))
    op.add_column("message", sa.Column("verdict", sa.String(), nullable=True))
    warnings = sa.Column("warnings", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    op.add_column("message", warnings)


def downgrade() -> None:
    op.drop_column("message", "warnings")
    op.drop_column("message", "verdict")
    op.drop_column("thread", "verdict")
