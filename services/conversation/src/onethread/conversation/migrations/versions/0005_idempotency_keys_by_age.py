"""Idempotency keys are forgotten after some days: those are found by their age."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("idempotency_by_age", "idempotency", ["workspace_id", "created_at"], unique=False)


def downgrade() -> None:
    op.drop_index("idempotency_by_age", table_name="idempotency")
