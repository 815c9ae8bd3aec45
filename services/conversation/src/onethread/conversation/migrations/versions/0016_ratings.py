"""Who was asked by mail how our help was, and who wants no such mail."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from onethread.conversation import isolation

revision, down_revision = "0016", "0015"
branch_labels = depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString


def upgrade() -> None:
    op.create_table(
        "rating_request",
        sa.Column("workspace_id", TEXT(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("person", TEXT(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("thread_id"),
    )
    op.create_index("rating_request_of_person", "rating_request", ["workspace_id", "person"])
    op.create_table(
        "mail_optout",
        sa.Column("workspace_id", TEXT(), nullable=False),
        sa.Column("person", TEXT(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "person"),
    )
    op.create_index(
        "thread_closed", "thread", ["workspace_id", "closed_at"], postgresql_where=sa.text("status = 'closed'")
    )
    for table in ("rating_request", "mail_optout"):
        for statement in isolation.isolate(table):
            op.execute(statement)


def downgrade() -> None:
    op.drop_index("thread_closed", "thread")
    op.drop_table("mail_optout")
    op.drop_table("rating_request")
