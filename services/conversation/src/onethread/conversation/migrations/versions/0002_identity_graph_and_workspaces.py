"""The identity graph, workspaces that cannot see each other, and what administrators make."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from onethread.conversation import isolation
from onethread.conversation.likeness import likeness_key

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = (
    "act",
    "apart",
    "api_key",
    "audit",
    "channel",
    "claim",
    "company",
    "customer",
    "erasure",
    "idempotency",
    "identity",
    "inbox",
    "message",
    "outbox",
    "outside_id",
    "pending_reply",
    "place",
    "proof",
    "session",
    "suggestion",
    "teammate",
    "thread",
    "workspace",
)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("position", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("action", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("target", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("audit_newest", "audit", ["workspace_id", sa.literal_column("position DESC")], unique=False)
    op.create_table(
        "workspace",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(
        "insert into workspace (id, name, created_at) select distinct workspace_id, workspace_id, now() from ("
        "select workspace_id from customer union select workspace_id from teammate) known"
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("key_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_by_name", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_hash"),
    )
    op.create_table(
        "channel",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("address", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("secrets", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "channel_address", "channel", ["kind", "address"], unique=True, postgresql_where=sa.text("address IS NOT NULL")
    )
    op.create_table(
        "company",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("domain", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "domain"),
    )
    op.create_table(
        "apart",
        sa.Column("a", sa.Uuid(), nullable=False),
        sa.Column("b", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("by_name", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["a"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["b"],
            ["customer.id"],
        ),
        sa.PrimaryKeyConstraint("a", "b"),
    )
    op.create_index("apart_other", "apart", ["b"], unique=False)
    op.create_table(
        "claim",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("value", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("evidence", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("likeness", sqlmodel.sql.sqltypes.AutoString(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.PrimaryKeyConstraint("customer_id", "kind", "value"),
    )
    op.create_index("claim_alike", "claim", ["workspace_id", "kind", "likeness"], unique=False)
    op.add_column(
        "identity", sa.Column("likeness", sqlmodel.sql.sqltypes.AutoString(), server_default="", nullable=False)
    )
    for id_, kind, value in op.get_bind().execute(sa.text("select id, kind, value from identity")).fetchall():
        alike = {"id": id_, "likeness": likeness_key(value) if kind == "email" else value}
        op.get_bind().execute(sa.text("update identity set likeness = :likeness where id = :id"), alike)
    op.create_index("identity_alike", "identity", ["workspace_id", "kind", "likeness"], unique=False)
    op.create_table(
        "proof",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("claimant", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("identities", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("value", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("code_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("link_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("tries_left", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("link_hash"),
    )
    op.create_index("proof_of_address", "proof", ["workspace_id", "value", "created_at"], unique=False)
    op.create_index("proof_of_claimant", "proof", ["workspace_id", "claimant"], unique=False)
    op.create_table(
        "suggestion",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["other_id"],
            ["customer.id"],
        ),
        sa.PrimaryKeyConstraint("customer_id", "other_id"),
    )
    op.create_index("suggestion_other", "suggestion", ["other_id"], unique=False)
    op.create_table(
        "act",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("how", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=True),
        sa.Column("other_id", sa.Uuid(), nullable=True),
        sa.Column("thread_id", sa.Uuid(), nullable=True),
        sa.Column("other_thread_id", sa.Uuid(), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("by_name", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("journal", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by_name", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["other_id"],
            ["customer.id"],
        ),
        sa.ForeignKeyConstraint(
            ["other_thread_id"],
            ["thread.id"],
        ),
        sa.ForeignKeyConstraint(
            ["thread_id"],
            ["thread.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("act_of_customer", "act", ["customer_id"], unique=False)
    op.create_index("act_of_other", "act", ["other_id"], unique=False)
    op.create_index("act_of_thread", "act", ["thread_id"], unique=False)
    op.create_table(
        "pending_reply",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("place_channel_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("place_key", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("author", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("send_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["thread_id"],
            ["thread.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("pending_reply_due", "pending_reply", ["workspace_id", "send_at"], unique=False)
    op.add_column("customer", sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column("customer", sa.Column("time_zone", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column(
        "customer",
        sa.Column("attributes", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    op.add_column("customer", sa.Column("company_id", sa.Uuid(), nullable=True))
    op.add_column("customer", sa.Column("root_id", sa.Uuid(), nullable=True))
    op.execute("update customer set root_id = coalesce(merged_into_id, id)")
    op.execute(
        "insert into act (id, workspace_id, kind, how, reason, customer_id, other_id, created_at)"
        " select gen_random_uuid(), workspace_id, 'merge', 'proof', 'merged before the upgrade', merged_into_id, id,"
        " now()"
        " from customer where merged_into_id is not null"
    )
    op.drop_column("customer", "merged_into_id")
    op.add_column(
        "customer",
        sa.Column("merged_into_id", sa.Uuid(), sa.Computed("nullif(root_id, id)", persisted=True), nullable=True),
    )
    op.alter_column("customer", "root_id", nullable=False)
    op.add_column("customer", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("customer", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index(op.f("ix_customer_workspace_id"), table_name="customer")
    op.create_index("customer_cluster", "customer", ["root_id"], unique=False)
    op.create_index(
        "customer_list", "customer", ["workspace_id", sa.literal_column("created_at DESC"), "id"], unique=False
    )
    op.create_foreign_key(None, "customer", "company", ["company_id"], ["id"])
    op.create_foreign_key(None, "customer", "customer", ["root_id"], ["id"])
    op.create_foreign_key(None, "customer", "workspace", ["workspace_id"], ["id"])
    op.add_column(
        "idempotency", sa.Column("fingerprint", sqlmodel.sql.sqltypes.AutoString(), server_default="", nullable=False)
    )
    op.add_column("idempotency", sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.alter_column("idempotency", "message_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("inbox", sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.execute("update inbox set workspace_id = 'local'")
    op.alter_column("inbox", "workspace_id", nullable=False)
    op.drop_constraint("inbox_pkey", "inbox")
    op.create_primary_key("inbox_pkey", "inbox", ["workspace_id", "event_id"])
    op.add_column("message", sa.Column("position", sa.BigInteger(), nullable=True))
    op.execute("update message set position = extract(epoch from created_at) * 1000000 + sequence")
    op.alter_column("message", "position", nullable=False)
    op.add_column("message", sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("message", sa.Column("delivery_attempt", sa.Integer(), server_default="1", nullable=False))
    op.add_column("message", sa.Column("mail_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("message", sa.Column("mail_id", sa.Uuid(), nullable=True))
    op.create_index(
        "message_of_mail", "message", ["mail_id"], unique=False, postgresql_where=sa.text("mail_id IS NOT NULL")
    )
    op.drop_constraint(op.f("message_thread_id_sequence_key"), "message", type_="unique")
    op.drop_index(op.f("message_of_customer"), table_name="message")
    op.create_index("message_of_customer", "message", ["customer_id", "position"], unique=False)
    op.create_index("message_of_thread", "message", ["thread_id", "position"], unique=False)
    op.create_index(
        "message_to_mail", "message", ["mail_at"], unique=False, postgresql_where=sa.text("mail_at IS NOT NULL")
    )
    op.add_column("place", sa.Column("customer_id", sa.Uuid(), nullable=True))
    op.execute("update place set customer_id = (select customer_id from thread where thread.id = place.thread_id)")
    op.alter_column("place", "customer_id", nullable=False)
    op.create_foreign_key(None, "place", "customer", ["customer_id"], ["id"])
    op.add_column("session", sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.execute(
        "update session set workspace_id = (select workspace_id from teammate where teammate.id = session.teammate_id)"
    )
    op.alter_column("session", "workspace_id", nullable=False)
    op.add_column(
        "teammate", sa.Column("role", sqlmodel.sql.sqltypes.AutoString(), server_default="teammate", nullable=False)
    )
    op.add_column("teammate", sa.Column("deactivated_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("thread", sa.Column("home_id", sa.Uuid(), nullable=True))
    op.execute("update thread set home_id = customer_id")
    op.alter_column("thread", "home_id", nullable=False)
    op.add_column("thread", sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("thread", sa.Column("topic", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column("thread", sa.Column("agent_by", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("thread", sa.Column("agent_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("thread", sa.Column("last_position", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("thread", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("thread", sa.Column("merged_into_id", sa.Uuid(), nullable=True))
    op.create_index("thread_of_home", "thread", ["home_id"], unique=False)
    op.create_index(
        "thread_snoozed", "thread", ["snoozed_until"], unique=False, postgresql_where=sa.text("status = 'snoozed'")
    )
    op.create_foreign_key(None, "thread", "customer", ["home_id"], ["id"])
    op.create_foreign_key(None, "thread", "thread", ["merged_into_id"], ["id"])
    op.execute(
        "update thread set last_position = coalesce((select max(position) from message where thread_id = thread.id), 0)"
    )
    op.add_column("outbox", sa.Column("stream_sequence", sa.BigInteger(), nullable=True))
    op.execute("update outbox set stream_sequence = 0 where published_at is not null")
    op.create_index("outbox_in_stream", "outbox", ["stream_sequence"], unique=False)
    lost = sa.text("published_at IS NOT NULL AND stream_sequence IS NULL")
    op.create_index("outbox_lost", "outbox", ["position"], unique=False, postgresql_where=lost)
    op.create_index("outbox_lost_of_thread", "outbox", ["thread_id", "position"], unique=False, postgresql_where=lost)
    op.create_table(
        "erasure",
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("traces", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"],
            ["customer.id"],
        ),
        sa.PrimaryKeyConstraint("customer_id"),
    )
    for role in isolation.ROLES:
        op.execute(isolation.make_role(role))
    for table in TABLES:
        for statement in isolation.isolate(table):
            op.execute(statement)
    for statement in isolation.SYSTEM:
        op.execute(statement)


def downgrade() -> None:
    raise RuntimeError("Merges cannot be told apart in the older tables. Restore the backup made before the upgrade.")
