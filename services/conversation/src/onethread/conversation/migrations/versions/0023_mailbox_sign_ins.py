"""Sign-ins to mailboxes that were begun."""

import sqlalchemy as sa
from alembic import op

from onethread.conversation.isolation import isolate

revision, down_revision = "0023", "0022"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_table(
        "mailbox_sign_in",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("workspace_id", sa.String(), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("credential", sa.String(), nullable=False),
        sa.Column("sealed", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("mailbox_sign_in_old", "mailbox_sign_in", ["workspace_id", "created_at"])
    for statement in isolate("mailbox_sign_in"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("mailbox_sign_in")
