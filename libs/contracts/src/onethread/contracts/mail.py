"""What conversation and gateway-email ask each other about the mails that go out."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from onethread.contracts.channels import ImapSettings
from onethread.contracts.envelope import Contract

RecordKind = Literal["mx", "spf", "dkim", "dmarc"]
RecordState = Literal["right", "missing", "wrong", "unknown"]


class BeforeMessage(Contract):
    """`svc.conversation.before`, asked by gateway-email: what had those who get this message read last?"""

    workspace: str
    message_id: UUID


class SaidBefore(Contract):
    """One message, said in the same place before the same people."""

    author: str
    address: str | None = Field(default=None, description="Of a customer who wrote by mail.")
    text: str
    html: str | None = Field(default=None, description="Of what we said ourselves.")
    said_at: AwareDatetime


class Before(Contract):
    """`said` none: there was nothing, or not before all of them."""

    said: SaidBefore | None = None


class PublicKey(Contract):
    """A DKIM key as the DNS is to show it: `{selector}._domainkey.{domain}`."""

    selector: str = Field(pattern="^[a-z0-9-]{1,63}$")
    public: str = Field(max_length=2_000, description="Base64.")


class CheckRecords(Contract):
    """`svc.gateway-email.records`, asked by conversation: does the DNS say of this domain what our mail needs?"""

    domain: str = Field(max_length=253)
    keys: list[PublicKey] = Field(default_factory=list[PublicKey], max_length=10)


class DnsRecord(Contract):
    """What is to stand in the DNS, and what does."""

    kind: RecordKind
    type: Literal["MX", "TXT"]
    name: str = Field(description="Where it stands.")
    value: str = Field(description="As it is to be there. Empty where only the operator can know it.")
    found: list[str] = Field(default_factory=list[str], description="What stands there now.")
    state: RecordState
    words: str = Field(description="What follows from it, and what to do.")
    selector: str | None = Field(default=None, description="Of a DKIM key.")


class RecordsChecked(Contract):
    items: list[DnsRecord] = Field(default_factory=list[DnsRecord])


class WaysOf(Contract):
    """`svc.gateway-email.ways`, asked by conversation: how does mail come to this address, besides by SMTP?"""

    workspace: str
    channel: str


class MailboxState(Contract):
    """How far a mailbox is read."""

    read_at: AwareDatetime | None = Field(default=None, description="When it was last found read to its end.")
    waiting: int = Field(default=0, description="Mails in it that are still to be taken.")
    has_idle: bool | None = Field(default=None, description="The server tells of new mail. False: we look each minute.")
    error: str | None = Field(default=None, description="Why it cannot be read, in words.")
    since: AwareDatetime | None = Field(default=None, description="Since when it cannot.")
    sign_in_again: bool = Field(default=False, description="It cannot because the sign-in at its provider is over.")


class Ways(Contract):
    url: str = Field(description="Where providers reach the gateway; empty where it does not know.")
    operators_mailbox: str | None = Field(
        default=None, description="User and server of the one in the installation's settings: no other is read."
    )
    operators_providers: list[str] = Field(
        default_factory=list[str], description="Those whose key is in the installation's settings."
    )
    state: MailboxState | None = Field(default=None, description="None: there is no mailbox, or it was not read yet.")


class CheckMailbox(Contract):
    """`svc.gateway-email.mailbox`, asked by conversation: can this mailbox be read? Crosses the bus as a question only;
    never stored on it or logged.
    """

    workspace: str
    channel: str
    imap: ImapSettings | None = Field(default=None, description="None: the one of the installation's settings.")
    secrets: dict[str, str] = Field(default_factory=dict[str, str], repr=False)
    access_token: str | None = Field(
        default=None, repr=False, description="Of a sign-in just made. To get one, a refresh token may be used up."
    )


class MailboxChecked(Contract):
    ok: bool
    words: list[str] = Field(description="What was found, or what is wrong and what to do, in sentences.")
