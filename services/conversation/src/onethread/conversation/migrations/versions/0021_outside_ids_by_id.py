"""The outside's ids are found on whatever channel they came by."""

from alembic import op

revision, down_revision = "0021", "0020"
branch_labels = depends_on = None


def upgrade() -> None:
    _key("workspace_id, external_id, channel_id")


def downgrade() -> None:
    _key("workspace_id, channel_id, external_id")


def _key(columns: str) -> None:
    op.execute(f"alter table outside_id drop constraint outside_id_pkey, add primary key ({columns})")
