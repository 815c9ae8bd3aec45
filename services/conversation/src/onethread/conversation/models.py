"""The tables. Rows are read through SQLModel by the API and written by plain SQL where every millisecond counts.

A row of either kind answers to the same attribute names.
"""

# pyright: reportAssignmentType=false
# SQLModel declares `__tablename__` as a method.

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Column, Computed, DateTime, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from onethread.contracts.envelope import now


def moment(**options: Any) -> Any:
    return Field(sa_type=DateTime(timezone=True), **options)  # type: ignore[call-overload]


def json(default: str = "{}") -> Any:
    return Column(JSONB, nullable=False, server_default=default)


class CompanyRow(SQLModel, table=True):
    """Customers whose verified addresses share a domain that is not a public mail provider's."""

    __tablename__ = "company"
    __table_args__ = (UniqueConstraint("workspace_id", "domain"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str = Field(foreign_key="workspace.id")
    domain: str
    name: str
    created_at: datetime = moment(default_factory=now)


class CustomerRow(SQLModel, table=True):
    """What came in as this customer stays theirs. Those found to be one person form a cluster: merges (`ActRow`) are
    the edges, and `root_id` says who stands for all of it.
    """

    __tablename__ = "customer"
    __table_args__ = (
        Index("customer_list", "workspace_id", text("created_at DESC"), "id"),
        Index("customer_cluster", "root_id"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str = Field(foreign_key="workspace.id")
    name: str | None = None
    email: str | None = Field(default=None, description="The verified one that is shown.")
    language: str | None = None
    time_zone: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict, sa_column=json())
    company_id: UUID | None = Field(default=None, foreign_key="company.id")
    root_id: UUID = Field(foreign_key="customer.id", description="Who stands for its cluster; itself when alone.")
    merged_into_id: UUID | None = Field(
        default=None, sa_column=Column(Uuid, Computed("nullif(root_id, id)", persisted=True))
    )
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    erased_at: datetime | None = moment(default=None)
    created_at: datetime = moment(default_factory=now)


class IdentityRow(SQLModel, table=True):
    """An asserted identity is another row than the verified one of the same value: it is somebody else."""

    __tablename__ = "identity"
    __table_args__ = (
        UniqueConstraint("workspace_id", "kind", "value", "trust"),
        Index("identity_of_customer", "customer_id"),
        Index("identity_alike", "workspace_id", "kind", "likeness"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str
    kind: str
    value: str
    trust: str
    evidence: str = ""
    customer_id: UUID = Field(foreign_key="customer.id", description="Its home: no merge changes it.")
    likeness: str = Field(
        default="", sa_column_kwargs={"server_default": ""}, description="Equal where a teammate should compare."
    )
    created_at: datetime = moment(default_factory=now)


class ClaimRow(SQLModel, table=True):
    """What a customer says about themself and has not proven: an address typed in the widget."""

    __tablename__ = "claim"
    __table_args__ = (Index("claim_alike", "workspace_id", "kind", "likeness"),)

    customer_id: UUID = Field(primary_key=True, foreign_key="customer.id")
    kind: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    workspace_id: str
    evidence: str = ""
    likeness: str = Field(default="", sa_column_kwargs={"server_default": ""})
    created_at: datetime = moment(default_factory=now)


class SuggestionRow(SQLModel, table=True):
    """Two customers who may be one person, where the evidence is not enough or speaks against itself."""

    __tablename__ = "suggestion"
    __table_args__ = (Index("suggestion_other", "other_id"),)

    customer_id: UUID = Field(primary_key=True, foreign_key="customer.id")
    other_id: UUID = Field(primary_key=True, foreign_key="customer.id")
    workspace_id: str
    reason: str
    created_at: datetime = moment(default_factory=now)


class ApartRow(SQLModel, table=True):
    """A teammate's word that two customers are not one person. No evidence merges them while it stands."""

    __tablename__ = "apart"
    __table_args__ = (Index("apart_other", "b"),)

    a: UUID = Field(primary_key=True, foreign_key="customer.id", description="The lower of the two ids.")
    b: UUID = Field(primary_key=True, foreign_key="customer.id")
    workspace_id: str
    reason: str
    by_name: str | None = None
    created_at: datetime = moment(default_factory=now)


class ActRow(SQLModel, table=True):
    """A merge, split or move, with the journal by which it is undone exactly.

    A merge that is not undone is an edge between two homes, `customer_id` (on the side that stays) and `other_id`.
    """

    __tablename__ = "act"
    __table_args__ = (
        Index("act_of_customer", "customer_id"),
        Index("act_of_other", "other_id"),
        Index("act_of_thread", "thread_id"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str
    kind: str = Field(description="`merge`, `unlink`, `split`, `move` or `merge_threads`.")
    how: str = Field(default="teammate", description="`proof` or `teammate`.")
    reason: str = ""
    customer_id: UUID | None = Field(default=None, foreign_key="customer.id")
    other_id: UUID | None = Field(default=None, foreign_key="customer.id")
    thread_id: UUID | None = Field(default=None, foreign_key="thread.id")
    other_thread_id: UUID | None = Field(default=None, foreign_key="thread.id")
    by_id: UUID | None = None
    by_name: str | None = None
    journal: dict[str, Any] = Field(default_factory=dict, sa_column=json())
    created_at: datetime = moment(default_factory=now)
    undone_at: datetime | None = moment(default=None)
    undone_by_name: str | None = None


class ProofRow(SQLModel, table=True):
    """A one-time code, or a link, on its way to an address, by which its owner proves it."""

    __tablename__ = "proof"
    __table_args__ = (
        Index("proof_of_address", "workspace_id", "value", "created_at"),
        Index("proof_of_claimant", "workspace_id", "claimant"),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str
    claimant: str = Field(description="Who says that it is theirs: an identity, or a customer who has proven none.")
    identities: list[Any] = Field(
        sa_column=json("[]"), description="What they have proven so far, the strongest first; none of an unproven mail."
    )
    customer_id: UUID | None = Field(
        default=None, foreign_key="customer.id", description="The home of the unproven mails that it is about."
    )
    value: str = Field(description="The address.")
    code_hash: str
    link_hash: str | None = Field(default=None, unique=True)
    tries_left: int = 3
    expires_at: datetime = moment()
    used_at: datetime | None = moment(default=None)
    proven: bool = Field(default=False, description="It was used, and the address is theirs since.")
    created_at: datetime = moment(default_factory=now)


class ThreadRow(SQLModel, table=True):
    """Names of the customer and the assignee stand here too, so that a list needs no join."""

    __tablename__ = "thread"
    __table_args__ = (
        Index("thread_of_customer", "workspace_id", "customer_id", text("updated_at DESC")),
        Index("thread_list", "workspace_id", "status", text("updated_at DESC"), text("id DESC")),
        Index("thread_newest", "workspace_id", text("updated_at DESC"), text("id DESC")),
        Index(
            "thread_of_assignee",
            "workspace_id",
            "assignee_id",
            text("updated_at DESC"),
            text("id DESC"),
            postgresql_where=text("assignee_id IS NOT NULL"),
        ),
        Index("thread_of_home", "home_id"),
        Index("thread_closed", "workspace_id", "closed_at", postgresql_where=text("status = 'closed'")),
        Index("thread_side", "side_of_id", postgresql_where=text("side_of_id IS NOT NULL")),
        Index("thread_snoozed", "snoozed_until", postgresql_where=text("status = 'snoozed'")),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str
    home_id: UUID = Field(foreign_key="customer.id", description="The customer as whom it was opened.")
    customer_id: UUID = Field(foreign_key="customer.id", description="Whose it is now: the root of `home_id`.")
    customer_name: str | None = None
    customer_email: str | None = None
    status: str = "open"
    snoozed_until: datetime | None = moment(default=None)
    topic: str | None = None
    channel_id: str | None = None
    channel_kind: str | None = None
    place_key: str | None = Field(default=None, description="Where the customer spoke last.")
    assignee_id: UUID | None = Field(default=None, foreign_key="teammate.id")
    assignee_name: str | None = None
    agent: str = "active"
    agent_by: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB), description="Who set it: an author.")
    agent_at: datetime | None = moment(default=None)
    handoff_reason: str | None = None
    handoff_summary: str | None = None
    handoff_at: datetime | None = moment(default=None)
    tags: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}"))
    priority: str = "normal"
    subject: str | None = None
    last_text: str | None = None
    trust: str | None = Field(default=None, description="Of the identity by which the customer spoke last.")
    verdict: str | None = Field(default=None, description="On their last mail; `forged` where any mail in it is.")
    machine: str | None = Field(default=None, description="Their last message is of this kind of machine.")
    last_author_kind: str | None = None
    last_author_id: UUID | None = None
    last_author_name: str | None = None
    last_message_at: datetime | None = moment(default=None)
    waiting_since: datetime | None = moment(default=None)
    sequence: int = 0
    last_position: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    previous_thread_id: UUID | None = Field(default=None, foreign_key="thread.id")
    side_of_id: UUID | None = Field(
        default=None, foreign_key="thread.id", description="It is side mail about that one."
    )
    merged_into_id: UUID | None = Field(default=None, foreign_key="thread.id")
    closed_at: datetime | None = moment(default=None)
    created_at: datetime = moment(default_factory=now)
    updated_at: datetime = moment(default_factory=now)


class PlaceRow(SQLModel, table=True):
    """A place on a channel, the thread that lives there now, and how to answer there."""

    __tablename__ = "place"
    __table_args__ = (Index("place_of_thread", "thread_id"), Index("place_by_key", "workspace_id", "key"))

    workspace_id: str = Field(primary_key=True)
    channel_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    channel_kind: str
    shared: bool = False
    name: str | None = None
    route: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))
    thread_id: UUID = Field(foreign_key="thread.id")
    customer_id: UUID = Field(foreign_key="customer.id", description="The home of whoever is answered here.")
    updated_at: datetime = moment(default_factory=now)


class MessageRow(SQLModel, table=True):
    """Each message keeps the identity it came in with, so that a merge can be undone exactly."""

    __tablename__ = "message"
    __table_args__ = (
        Index("message_of_thread", "thread_id", "position"),
        Index("message_of_customer", "customer_id", "position"),
        Index("message_to_mail", "mail_at", postgresql_where=text("mail_at IS NOT NULL")),
        Index("message_of_mail", "mail_id", postgresql_where=text("mail_id IS NOT NULL")),
        Index("message_of_customers", "workspace_id", "created_at", postgresql_where=text("author_kind = 'customer'")),
    )

    id: UUID = Field(primary_key=True)
    workspace_id: str
    thread_id: UUID = Field(foreign_key="thread.id")
    customer_id: UUID = Field(foreign_key="customer.id", description="The home in whose timeline it stands.")
    sequence: int = Field(description="Number of the event that added it, in the thread where it was said.")
    position: int = Field(sa_column=Column(BigInteger, nullable=False), description="Orders threads and timelines.")
    note: bool = False
    channel_id: str | None = None
    channel_kind: str | None = None
    place_key: str | None = None
    shared: bool = False
    audience_name: str | None = None
    author_kind: str
    author_id: UUID | None = None
    author_name: str | None = None
    identity_kind: str | None = None
    identity_value: str | None = None
    identity_trust: str | None = None
    identity_evidence: str | None = None
    verdict: str | None = None
    warnings: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(Text), nullable=False, server_default="{}")
    )
    subject: str | None = None
    text: str
    html: str | None = None
    attachments: list[Any] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False, server_default="[]"))
    sources: list[Any] = Field(default_factory=list, sa_column=Column(JSONB, nullable=False, server_default="[]"))
    external_id: str | None = None
    client_id: str | None = None
    delivery_state: str | None = None
    delivery_reason: str | None = None
    retry_at: datetime | None = moment(default=None)
    delivery_report: str | None = Field(
        default=None, description="`hard`, `soft` or `complaint`: what came back of it."
    )
    delivery_attempt: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    mail_at: datetime | None = moment(default=None, description="Unseen until then, it goes to the customer's mail.")
    mail_id: UUID | None = Field(default=None, description="Of the mail that it went out with, unseen in the widget.")
    agent_mode: str | None = Field(default=None, description="Of a customer's: what the agent was to do with it.")
    machine: str | None = Field(default=None, description="No person wrote it, but this kind of machine.")
    thanks: bool = Field(
        default=False,
        sa_column_kwargs={"server_default": "false"},
        description="It says that they were helped.",
    )
    feedback: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSONB), description="What the customer thinks of it."
    )
    remarks: list[Any] = Field(default_factory=list, sa_column=json("[]"))
    may_belong_to: UUID | None = None
    forwarded_by: UUID | None = Field(default=None, description="The teammate who forwarded it.")
    created_at: datetime = moment(default_factory=now)


class OutsideIdRow(SQLModel, table=True):
    """The outside's id for a message of ours, by which an answer to it is recognized."""

    __tablename__ = "outside_id"

    workspace_id: str = Field(primary_key=True)
    external_id: str = Field(primary_key=True)
    channel_id: str = Field(primary_key=True)
    message_id: UUID = Field(foreign_key="message.id")
    thread_id: UUID = Field(foreign_key="thread.id")


class SuppressionRow(SQLModel, table=True):
    """An address from which something came back, and what is not sent there any more."""

    __tablename__ = "suppression"
    __table_args__ = (UniqueConstraint("workspace_id", "address"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str
    address: str
    scope: str = Field(description="`all`, `automatic` (what teammates write is sent), or `none` yet.")
    report: str = Field(description="What came back: `hard`, `soft` or `complaint`.")
    reason: str = ""
    soft_at: list[datetime] = Field(
        default_factory=list,
        sa_column=Column(ARRAY(DateTime(timezone=True)), nullable=False, server_default="{}"),
        description="When mails came back that may arrive another time.",
    )
    message_id: UUID | None = Field(default=None, foreign_key="message.id", description="That came back last.")
    since: datetime = moment(default_factory=now, description="Of the scope.")


class ParticipantRow(SQLModel, table=True):
    """Somebody besides the customer whom a teammate wrote to in a thread, and who may answer there."""

    __tablename__ = "participant"

    workspace_id: str = Field(primary_key=True)
    thread_id: UUID = Field(primary_key=True, foreign_key="thread.id")
    value: str = Field(primary_key=True, description="The address.")
    by_id: UUID | None = None
    by_name: str | None = None
    created_at: datetime = moment(default_factory=now)


class PendingReplyRow(SQLModel, table=True):
    """A teammate's reply within its undo window. It becomes a message, at the customer's place of then, when due."""

    __tablename__ = "pending_reply"
    __table_args__ = (Index("pending_reply_due", "workspace_id", "send_at"),)

    id: UUID = Field(default_factory=uuid4, primary_key=True, description="The id of the message to be.")
    workspace_id: str
    thread_id: UUID = Field(foreign_key="thread.id")
    channel_id: str | None = Field(default=None, description="None: wherever the customer is then.")
    place_channel_id: str | None = Field(default=None, description="Where the customer was when it was written.")
    place_key: str | None = None
    text: str
    author: dict[str, Any] = Field(sa_column=json())
    cc: list[Any] | None = Field(default=None, sa_column=Column(JSONB))
    files: list[Any] = Field(default_factory=list, sa_column=json("[]"))
    send_at: datetime = moment()
    created_at: datetime = moment(default_factory=now)


class FileRow(SQLModel, table=True):
    """A file that a teammate uploaded: of the message that it went with, or one that waits for its message."""

    __tablename__ = "file"
    __table_args__ = (
        Index("file_of_message", "message_id", postgresql_where=text("message_id IS NOT NULL")),
        Index("file_of_thread", "thread_id"),
        Index("file_waiting", "workspace_id", "created_at", postgresql_where=text("message_id IS NULL")),
    )

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    workspace_id: str
    thread_id: UUID = Field(foreign_key="thread.id", description="Where it was uploaded, or is to be sent.")
    message_id: UUID | None = Field(
        default=None, description="The reply may still be one that waits, so this is no foreign key."
    )
    name: str
    type: str
    size: int
    sha256: str
    content: bytes
    created_at: datetime = moment(default_factory=now)


class MailboxSignInRow(SQLModel, table=True):
    """A sign-in to a mailbox that was begun, for some minutes."""

    __tablename__ = "mailbox_sign_in"
    __table_args__ = (Index("mailbox_sign_in_old", "workspace_id", "created_at"),)

    id: str = Field(primary_key=True, description="Hash of its state.")
    workspace_id: str
    channel_id: str
    credential: str = Field(description="Whose: the hash of a session's token or of an API key.")
    sealed: str
    created_at: datetime = moment(default_factory=now)


class IdempotencyRow(SQLModel, table=True):
    """What a POST with this key made, so that its repetition makes nothing."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("idempotency_by_age", "workspace_id", "created_at"),)

    workspace_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    message_id: UUID | None = None
    answer: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB), description="Where it is no message.")
    fingerprint: str = Field(default="", sa_column_kwargs={"server_default": ""}, description="Of what was asked for.")
    created_at: datetime = moment(default_factory=now)


class RatingRequestRow(SQLModel, table=True):
    """Somebody was asked by mail how our help was. `person` stands for their address."""

    __tablename__ = "rating_request"
    __table_args__ = (Index("rating_request_of_person", "workspace_id", "person"),)

    workspace_id: str
    thread_id: UUID = Field(primary_key=True)
    person: str
    asked_at: datetime = moment(default_factory=now)


class MailOptoutRow(SQLModel, table=True):
    """Somebody wants no mails from us but answers."""

    __tablename__ = "mail_optout"

    workspace_id: str = Field(primary_key=True)
    person: str = Field(primary_key=True)
    since: datetime = moment(default_factory=now)


class InboxRow(SQLModel, table=True):
    """Events whose effect is committed. A redelivery finds itself here and changes nothing."""

    __tablename__ = "inbox"

    workspace_id: str = Field(primary_key=True)
    event_id: UUID = Field(primary_key=True)
    handled_at: datetime = moment(sa_column_kwargs={"server_default": text("now()")}, default_factory=now)


LOST = text("published_at IS NOT NULL AND stream_sequence IS NULL")


class OutboxRow(SQLModel, table=True):
    """The event log: written with the change, relayed in order, kept. What is published and stands nowhere in the
    stream was lost there, and is published again.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("thread_id", "sequence"),
        Index("outbox_waiting", "position", postgresql_where=text("published_at IS NULL")),
        Index("outbox_in_stream", "stream_sequence"),
        Index("outbox_lost", "position", postgresql_where=LOST),
        Index("outbox_lost_of_thread", "thread_id", "position", postgresql_where=LOST),
    )

    position: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True, autoincrement=True))
    id: UUID = Field(unique=True)
    workspace_id: str
    subject: str
    type: str
    thread_id: UUID | None = None
    sequence: int | None = None
    body: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = moment(default_factory=now)
    published_at: datetime | None = moment(default=None)
    stream_sequence: int | None = Field(
        default=None, sa_column=Column(BigInteger), description="Where it stands in the stream; 0: not looked up yet."
    )


class ErasureRow(SQLModel, table=True):
    """A customer who is being erased. The database forgets them at once; `traces` says what to look for in the bus,
    and is emptied when nothing is found any more.
    """

    __tablename__ = "erasure"

    customer_id: UUID = Field(primary_key=True, foreign_key="customer.id")
    workspace_id: str
    traces: dict[str, Any] = Field(default_factory=dict, sa_column=json())
    created_at: datetime = moment(default_factory=now)
    done_at: datetime | None = moment(default=None)
