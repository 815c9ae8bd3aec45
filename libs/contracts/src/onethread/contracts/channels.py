"""The channels of every workspace, as conversation tells the gateways.

An administrator creates, changes and ends them by REST. Conversation keeps them, secrets included; a gateway keeps
none, and asks. `SETTINGS` and `SECRETS` say what a channel of each kind holds.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from onethread.contracts.envelope import Contract
from onethread.contracts.messages import ChannelKind

SIGNING_KEY = 32
"""Shortest secret that may sign identities or events; characters."""


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


class EmailSettings(Contract):
    address: str = Field(
        max_length=254, pattern="^[a-z0-9._-]+@[a-z0-9.-]+$", description="Unique in the installation."
    )
    display_name: str = Field(
        default="Support", max_length=200, description="The sender, where the author has no name."
    )


class EmailSecrets(Contract):
    """None: mail comes and goes through the installation's own servers."""


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
