"""What the agent proposed and what became of it; what a message was to the agent, and to its customer."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from onethread.conversation import isolation

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    op.create_table(
        "proposal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", TEXT(), nullable=False),
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", TEXT(), nullable=False),
        sa.Column("channel_kind", TEXT(), nullable=False),
        sa.Column("place_key", TEXT(), nullable=True),
        sa.Column("mode", TEXT(), nullable=False),
        sa.Column("decision", TEXT(), nullable=False),
        sa.Column("handoff_kind", TEXT(), nullable=True),
        sa.Column("text", TEXT(), nullable=False),
        sa.Column("sources", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("topic", TEXT(), nullable=True),
        sa.Column("reason", TEXT(), nullable=False),
        sa.Column("summary", TEXT(), nullable=False),
        sa.Column("suggested_reply", TEXT(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("usage", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("dismissal", TEXT(), nullable=True),
        sa.Column("reply_id", sa.Uuid(), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", TEXT(), nullable=True),
        sa.Column("likeness", sa.Float(), nullable=True),
        sa.Column("likeness_by", TEXT(), nullable=True),
        sa.Column("compare_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["question_id"], ["message.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("proposal_of_question", "proposal", ["question_id"])
    op.create_index("proposal_by_age", "proposal", ["workspace_id", "created_at"])
    for name, columns in (("proposal_of_reply", ["reply_id"]), ("proposal_to_compare", ["workspace_id", "compare_at"])):
        op.create_index(name, "proposal", columns, postgresql_where=sa.text(f"{columns[-1]} IS NOT NULL"))
    op.add_column("message", sa.Column("agent_mode", TEXT(), nullable=True))
    op.add_column("message", sa.Column("thanks", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("message", sa.Column("feedback", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.create_index(
        "message_of_customers", "message", ["workspace_id", "created_at"],
        postgresql_where=sa.text("author_kind = 'customer'"),
    )  # fmt: skip
    for statement in isolation.isolate("proposal"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("message_of_customers", table_name="message")
    for column in ("feedback", "thanks", "agent_mode"):
        op.drop_column("message", column)
    op.drop_table("proposal")
