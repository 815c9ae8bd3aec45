"""The support addresses that are served here: one channel each, in whichever workspace."""

from __future__ import annotations

from dataclasses import dataclass

from onethread.contracts.channels import ChannelConfig, EmailSettings
from onethread.contracts.messages import Channel
from onethread.gateway_email.authenticity import Edge
from onethread.gateway_email.capabilities import KIND
from onethread.gateway_email.settings import Settings
from onethread.gateway_email.tokens import Signer


@dataclass(frozen=True, slots=True)
class Desk:
    """Our end: the channel and its address, whom we believe, and our signatures."""

    id: str
    workspace: str
    address: str
    name: str
    """Shown as the sender when the author has no name."""
    edge: Edge
    signer: Signer

    @property
    def channel(self) -> Channel:
        return Channel(id=self.id, kind=KIND)


def own_desk(settings: Settings) -> Desk:
    return Desk(
        id=settings.channel_id,
        workspace=settings.workspace,
        address=settings.support_address,
        name=settings.support_name,
        edge=settings.edge,
        signer=settings.signer(settings.workspace),
    )


def desk_of(config: ChannelConfig, settings: Settings) -> Desk:
    """Raises `ValidationError` for a channel that no mail can be taken for."""
    known = EmailSettings.model_validate(config.settings)
    return Desk(
        id=config.id,
        workspace=config.workspace,
        address=known.address,
        name=known.display_name,
        edge=settings.edge,
        signer=settings.signer(config.workspace, config.id),
    )


def desk_address(address: str) -> str:
    """The support address that `address` belongs to, were it ours: `Support+token@…` to `support@…`."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
