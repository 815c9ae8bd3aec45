"""The keys that sign our mail."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from onethread.conversation import isolation

revision, down_revision = "0013", "0012"
branch_labels = depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    op.create_table(
        "mail_key",
        sa.Column("workspace_id", TEXT(), nullable=False),
        sa.Column("domain", TEXT(), nullable=False),
        sa.Column("selector", TEXT(), nullable=False),
        sa.Column("public", TEXT(), nullable=False),
        sa.Column("private", TEXT(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.PrimaryKeyConstraint("workspace_id", "domain", "selector"),
    )
    for statement in isolation.isolate("mail_key"):
        op.execute(statement)
    # The gateways ask for the channels of every workspace, with the key that signs. The private half is sealed.
    op.execute(f"create policy every_workspace on mail_key for select to {isolation.SYSTEM_ROLE} using (true)")
    op.execute(f"grant select on mail_key to {isolation.SYSTEM_ROLE}")


def downgrade() -> None:
    op.drop_table("mail_key")
