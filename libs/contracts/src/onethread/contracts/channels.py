"""The channels of every workspace, as conversation tells the gateways.

An administrator creates, changes and ends them by REST. Conversation keeps them, secrets included; a gateway keeps
none, and asks. `SETTINGS` and `SECRETS` say what a channel of each kind holds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from onethread.contracts.envelope import Contract
from onethread.contracts.messages import ChannelKind

SIGNING_KEY = 32
"""Shortest secret that may sign identities or events; characters."""


LOGIN = "^[^:]+:.{8,}$"
TOPIC = "^arn:aws[a-z-]*:sns:[^,]+(,\\s*arn:aws[a-z-]*:sns:[^,]+)*$"


class WidgetSettings(Contract):
    greeting: str = Field(default="Hello! How can we help?", max_length=500)
    brand: str | None = Field(default=None, pattern="^#[0-9a-fA-F]{6}$", description="The site's colour, `#rrggbb`.")
    origins: list[str] = Field(
        default_factory=lambda: ["*"], description="Sites that may use the widget, `https://shop.example`; `*`: any."
    )


class WidgetSecrets(Contract):
    identity_secret: str = Field(
        min_length=SIGNING_KEY, repr=False, description="The site signs its customers' identities with it."
    )


class ImapSettings(Contract):
    """A mailbox at a provider, from which mail for the address is fetched."""

    host: str = Field(max_length=253, pattern="^[A-Za-z0-9.-]+$", examples=["imap.gmail.com"])
    port: int = Field(default=993, ge=1, le=65_535, description="993, or 143 with `starttls`.")
    security: Literal["tls", "starttls"] = "tls"
    user: str = Field(min_length=1, max_length=320)
    folder: str = Field(default="INBOX", min_length=1, max_length=255)
    after: Literal["nothing", "seen", "deleted"] = Field(
        default="nothing", description="What becomes there of a mail that was taken."
    )
    authserv_id: str = Field(
        default="",
        max_length=253,
        description="Whose `Authentication-Results` are believed: the server must write them on top of every mail, as "
        "`mx.google.com` does. Empty: nobody's.",
    )
    token_url: str = Field(
        default="",
        pattern="^(https://.+)?$",
        description="Where a refresh token is exchanged. Google's and Microsoft's are known.",
    )
    client_id: str = Field(default="", max_length=500, description="Of the app that the sign-in was made with.")
    signed_in_as: str = Field(
        default="", max_length=320, description="Who signed in, by the inbox. Of a shared mailbox it is not `user`."
    )


class EmailSettings(Contract):
    address: str = Field(
        max_length=254, pattern="^[a-z0-9._-]+@[a-z0-9.-]+$", description="Unique in the installation."
    )
    display_name: str = Field(
        default="Support", max_length=200, description="The sender, where the author has no name."
    )
    receipt: bool = Field(
        default=False, description="Whoever begins a conversation is told by mail that it has arrived, once a day."
    )
    aliases: list[Annotated[str, Field(max_length=254)]] = Field(
        default_factory=list[str],
        max_length=50,
        description="Addresses elsewhere that forward to this one: mail that was signed for them was written to us.",
    )
    sender: str = Field(
        default="{name}", min_length=1, max_length=200,
        description="Whom a reply is from; `{name}` is its author: `{name} at Acme`.",
    )  # fmt: skip
    signature: str = Field(
        default="", max_length=4_000, description="Markdown below each reply; `{name}` is its author."
    )
    signature_html: str = Field(default="", description="The same, rendered. Whatever is sent here is replaced.")
    quotes_history: bool = Field(
        default=False, description="Below a reply stands what its readers had read last in that conversation."
    )
    asks_rating: bool = Field(
        default=False, description="Minutes after a conversation is closed its customer is asked how our help was."
    )
    plus_addresses: bool = Field(
        default=True,
        description="False where the provider takes no mail for `name+token@domain`: then Message-IDs alone say which "
        "thread an answer belongs to.",
    )
    imap: ImapSettings | None = Field(default=None, description="None: no mailbox is read for this address.")


class EmailSecrets(Contract):
    """None: mail comes and goes through the installation's own servers.

    Each `inbound_…` proves what a provider posts to `/inbound/{provider}/{channel}`.
    """

    inbound_postmark: str | None = Field(
        default=None, pattern=LOGIN, repr=False, description="`user:password` of the webhook's address."
    )
    inbound_mailgun: str | None = Field(
        default=None,
        min_length=16,
        repr=False,
        description="Signing key for webhooks; where Mailgun stores the mails, a comma and an API key that reads them.",
    )
    inbound_sendgrid: str | None = Field(
        default=None, min_length=16, repr=False, description="Verification key, or `user:password`."
    )
    inbound_ses: str | None = Field(
        default=None, pattern=TOPIC, repr=False, description="ARN of the SNS topic; several with commas."
    )

    imap_password: str | None = Field(default=None, min_length=1, repr=False, description="Of the mailbox.")
    imap_refresh_token: str | None = Field(
        default=None,
        min_length=1,
        repr=False,
        description="Instead of it: from a sign-in at Google or Microsoft.",
    )
    imap_client_secret: str | None = Field(default=None, min_length=1, repr=False, description="Of that app.")


class MailKeySecrets(Contract):
    """Given by nobody: conversation makes the keys of a domain, and hands on the one that the DNS shows."""

    dkim_selector: str | None = None
    dkim_key: str | None = Field(default=None, repr=False, description="PEM. It signs the mails from this address.")


class SlackSettings(Contract):
    team_id: str = Field(pattern="^[TE][A-Z0-9]{1,30}$", description="Unique in the installation.")
    own_domains: list[str] = Field(
        default_factory=list[str],
        description="Mail domains of the workspace's own people: their Slack profile addresses count as verified.",
    )


class SlackSecrets(Contract):
    bot_token: str = Field(min_length=1, repr=False)
    signing_secret: str = Field(min_length=1, repr=False, description="Proves that Slack sent an event.")


SETTINGS: dict[ChannelKind, type[Contract]] = {"widget": WidgetSettings, "email": EmailSettings, "slack": SlackSettings}
SECRETS: dict[ChannelKind, type[Contract]] = {"widget": WidgetSecrets, "email": EmailSecrets, "slack": SlackSecrets}


class ChannelConfig(Contract):
    """One channel, with all that its gateway needs. Crosses the bus only as an answer; never stored on it or logged."""

    id: str = Field(description="Unique in the installation.")
    workspace: str
    kind: ChannelKind
    name: str = Field(description="As people call it; a widget shows it on the chat window.")
    settings: dict[str, Any] = Field(default_factory=dict[str, Any], description="As `SETTINGS` has it for the kind.")
    secrets: dict[str, str] = Field(
        default_factory=dict[str, str], repr=False, description="As `SECRETS` has it for the kind."
    )
    active: bool = Field(default=True, description="False: nothing is taken or sent here any more.")


class ChannelsOf(Contract):
    """`svc.conversation.channels`, asked by a gateway: every channel of its kind, in every workspace."""

    kind: ChannelKind


class Channels(Contract):
    """All of them: one that is missing is gone."""

    items: list[ChannelConfig] = Field(default_factory=list[ChannelConfig])


class ChannelChanged(Contract):
    """A channel was created, changed or removed: gateways of its kind ask again. Core NATS only, no secret in it."""

    id: str
