"""What was begun and not ended: calls of tools, and judgements of the test bench that knowledge was not told yet."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.add_column("tool_call", sa.Column("writes", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("tool_call", sa.Column("bound", JSONB, server_default="{}", nullable=False))
    op.add_column("tool_call", sa.Column("began_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "update tool_call set writes = true from tool d where d.id = tool_id and d.definition ->> 'access' = 'writes'"
    )
    op.execute("update tool_call set began_at = created_at where state = 'running'")
    unended = sa.text("state IN ('running', 'waits')")
    op.create_index("tool_call_unended", "tool_call", ["workspace_id", "state"], postgresql_where=unended)
    op.add_column("bench_result", sa.Column("tell_at", sa.DateTime(timezone=True), nullable=True))
    untold = sa.text("tell_at IS NOT NULL")
    op.create_index("bench_result_untold", "bench_result", ["workspace_id", "tell_at"], postgresql_where=untold)


def downgrade() -> None:
    op.drop_index("bench_result_untold", "bench_result")
    op.drop_column("bench_result", "tell_at")
    op.drop_index("tool_call_unended", "tool_call")
    for column in ("began_at", "bound", "writes"):
        op.drop_column("tool_call", column)
