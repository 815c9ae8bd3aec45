"""Addresses to which nothing is sent any more, what came back of a message, and what machines wrote."""

import sqlalchemy as sa
from alembic import op

from onethread.conversation.isolation import isolate

revision, down_revision = "0018", "0017"
branch_labels = depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("message", sa.Column("delivery_report", sa.String(), nullable=True))
    op.add_column("message", sa.Column("machine", sa.String(), nullable=True))
    op.create_table(
        "suppression",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("report", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("soft_at", sa.ARRAY(MOMENT), server_default="{}", nullable=False),
        sa.Column("message_id", sa.Uuid(), sa.ForeignKey("message.id"), nullable=True),
        sa.Column("since", MOMENT, nullable=False),
        sa.UniqueConstraint("workspace_id", "address"),
    )
    for statement in isolate("suppression"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("suppression")
    op.drop_column("message", "machine")
    op.drop_column("message", "delivery_report")
