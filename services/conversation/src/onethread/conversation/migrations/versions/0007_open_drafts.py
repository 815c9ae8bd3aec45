"""Drafts that wait are found without looking at all proposals.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0007", "0006"
branch_labels = depends_on = None


def upgrade() -> None:
    op.create_index("proposal_open", "proposal", ["workspace_id"], postgresql_where=sa.text("state = 'open'"))


def downgrade() -> None:
    op.drop_index("proposal_open", "proposal")
