"""The outside's ids are found on whatever channel they came by. Mail comes in while the key is built."""

from alembic import op

revision, down_revision = "0021", "0020"
branch_labels = depends_on = None


def upgrade() -> None:
    _key("workspace_id, external_id, channel_id")


def downgrade() -> None:
    _key("workspace_id, channel_id, external_id")


def _key(columns: str) -> None:
    with op.get_context().autocommit_block():
        # One that was broken off has left an index that nobody can use.
        op.execute("drop index concurrently if exists outside_id_key")
        op.execute(f"create unique index concurrently outside_id_key on outside_id ({columns})")
    # It takes the name of the constraint.
    op.execute(
        "alter table outside_id drop constraint outside_id_pkey,"
        " add constraint outside_id_pkey primary key using index outside_id_key"
    )
