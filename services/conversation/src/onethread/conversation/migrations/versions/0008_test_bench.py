"""The test bench: questions, runs and their results, and what is to be run."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from onethread.conversation import isolation

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
TABLES = ("bench_question", "bench_run", "bench_result", "bench_due")


def _words(name: str) -> sa.Column[list[str]]:
    return sa.Column(name, postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "bench_question",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", TEXT(), nullable=False),
        sa.Column("question", TEXT(), nullable=False),
        sa.Column("history", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("channel", TEXT(), nullable=False),
        sa.Column("expect", TEXT(), nullable=True),
        _words("sources"),
        _words("contains"),
        _words("lacks"),
        sa.Column("note", TEXT(), nullable=False),
        sa.Column("message_ids", postgresql.ARRAY(sa.Uuid()), server_default="{}", nullable=False),
        sa.Column("by_name", TEXT(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        _moment("created_at"),
        _moment("updated_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("bench_question_list", "bench_question", ["workspace_id", "created_at", "id"])
    op.create_table(
        "bench_run",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", TEXT(), nullable=False),
        sa.Column("why", TEXT(), nullable=False),
        _words("changes"),
        sa.Column("trial", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("state", TEXT(), nullable=False),
        sa.Column("reason", TEXT(), nullable=False),
        sa.Column("by_name", TEXT(), nullable=True),
        sa.Column("baseline_id", sa.Uuid(), nullable=True),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("accepted_by", TEXT(), nullable=True),
        sa.Column("input_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("output_tokens", sa.Integer(), server_default="0", nullable=False),
        sa.Column("cost", sa.Float(), server_default="0", nullable=False),
        _moment("held_until", nullable=True),
        _moment("created_at"),
        _moment("started_at", nullable=True),
        _moment("ended_at", nullable=True),
        sa.ForeignKeyConstraint(["baseline_id"], ["bench_run.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("bench_run_list", "bench_run", ["workspace_id", "created_at", "id"])
    op.create_index(
        "bench_run_alone", "bench_run", ["workspace_id"], unique=True, postgresql_where=sa.text("state = 'running'")
    )
    op.create_table(
        "bench_result",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", TEXT(), nullable=False),
        sa.Column("question_version", sa.Integer(), nullable=False),
        sa.Column("answered", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        _words("failures"),
        sa.Column("change", TEXT(), nullable=True),
        _words("changes"),
        sa.Column("judged", sa.Boolean(), nullable=True),
        sa.Column("judged_by", TEXT(), nullable=True),
        _moment("asked_at", nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["bench_run.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["question_id"], ["bench_question.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "question_id"),
    )
    op.create_index("bench_result_of_question", "bench_result", ["question_id"])
    op.create_table(
        "bench_due",
        sa.Column("workspace_id", TEXT(), nullable=False),
        _moment("due_at"),
        _moment("since"),
        _words("changes"),
        sa.PrimaryKeyConstraint("workspace_id"),
    )
    for table in TABLES:
        for statement in isolation.isolate(table):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
