"""The support addresses that are served here: one channel each, in whichever workspace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from onethread.contracts.channels import ChannelConfig, EmailSecrets, EmailSettings, MailKeySecrets
from onethread.contracts.messages import Channel
from onethread.gateway_email.capabilities import KIND
from onethread.gateway_email.mailboxes.mailbox import Mailbox
from onethread.gateway_email.outgoing.signing import SigningKey
from onethread.gateway_email.parsing.addresses import domain_of, normal
from onethread.gateway_email.sender.authenticity import Edge
from onethread.gateway_email.settings import Settings
from onethread.gateway_email.tokens import Signer, token_in

INBOUND = "inbound_"


@dataclass(frozen=True)
class Desk:
    """Our end: the channel and its address, whom we believe, and our signatures."""

    id: str
    workspace: str
    address: str
    name: str
    """Shown as the sender when the author has no name."""
    edge: Edge
    signer: Signer
    bounce_tokens: bool = True
    """Our mails name, as the sender of their envelope, an address by which what comes back of each is known."""
    bounce_domain: str = ""
    """Where that address is, if not beside our own."""
    receipt: bool = False
    """Whoever begins a conversation is told that it has arrived."""
    sender: str = "{name}"
    """Whom a reply is from; `{name}` is its author."""
    signature: str = ""
    signature_html: str = ""
    quotes_history: bool = False
    """Below a reply stands what was said before it."""
    key: SigningKey | None = None
    plus: bool = True
    """Mail for `name+token@domain` arrives."""
    keys: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """What proves the requests of a provider of mail, by its name."""
    mailbox: Mailbox | None = None
    """From which mail for the address is fetched."""
    aliases: frozenset[str] = frozenset()
    """Addresses elsewhere from which mail is forwarded to this one."""

    def is_at(self, address: str) -> bool:
        """Whether a mail to that (normal) address is meant for this desk."""
        returned = bool(self.bounce_domain) and token_in(address, self._at(self.bounce_domain)) is not None
        return token_in(address, self.address) is not None or address in self.aliases or returned

    @property
    def channel(self) -> Channel:
        return Channel(id=self.id, kind=KIND)

    def bounce_address(self, message: UUID) -> str:
        """The sender of a mail's envelope, to which what comes back of it is sent."""
        if not self.bounce_tokens or not (self.plus or self.bounce_domain):
            return self.address
        at = self._at(self.bounce_domain) if self.bounce_domain else self.address
        signed = self.signer.bounce_address(at, message)
        return signed if "+" in signed else self.address

    def _at(self, domain: str) -> str:
        return f"{self.address.partition('@')[0]}@{domain}"

    def reply_address(self, thread: UUID, recipient: str) -> str:
        return self.signer.reply_address(self.address, thread, recipient) if self.plus else self.address


def own_desk(settings: Settings) -> Desk:
    return Desk(
        id=settings.channel_id,
        workspace=settings.workspace,
        address=settings.support_address,
        name=settings.support_name,
        edge=settings.edge,
        signer=settings.signer(settings.workspace),
        bounce_tokens=settings.bounce_tokens,
        bounce_domain=settings.bounce_domain(settings.support_address),
        receipt=settings.receipt,
        aliases=_normal(settings.support_aliases.split(",")),
        plus=settings.plus_addresses,
        keys=settings.keys,
        mailbox=settings.mailbox,
    )


def own_desk_as(own: Desk, config: ChannelConfig, settings: Settings) -> Desk:
    """The address of the settings, with what an administrator says of it: how mails from it look, and by which other
    ways mail comes. A mailbox of the settings stays the one that is read.
    """
    written, known = _written(config), EmailSettings.model_validate(config.settings)
    same = domain_of(known.address) == domain_of(own.address)
    bounds = {
        "key": written["key"] if same else None, "plus": own.plus and known.plus_addresses,
        "receipt": own.receipt or known.receipt,
        "aliases": own.aliases | written["aliases"], "mailbox": own.mailbox or _mailbox(known, config, settings),
        "keys": {**own.keys, **_keys(config.secrets)},
    }  # fmt: skip
    return replace(own, **written | bounds)


def desk_of(config: ChannelConfig, settings: Settings) -> Desk:
    """Raises `ValidationError` for a channel that no mail can be taken for."""
    known = EmailSettings.model_validate(config.settings)
    return Desk(
        id=config.id,
        workspace=config.workspace,
        address=known.address,
        edge=settings.edge,
        signer=settings.signer(config.workspace, config.id),
        bounce_tokens=settings.bounce_tokens,
        bounce_domain=settings.bounce_domain(known.address),
        keys=_keys(config.secrets),
        mailbox=_mailbox(known, config, settings),
        **_written(config),
    )


def _written(config: ChannelConfig) -> dict[str, Any]:
    known, secrets = EmailSettings.model_validate(config.settings), MailKeySecrets.model_validate(config.secrets)
    key = SigningKey(secrets.dkim_selector, secrets.dkim_key) if secrets.dkim_selector and secrets.dkim_key else None
    return {
        "name": known.display_name, "sender": known.sender, "signature": known.signature,
        "signature_html": known.signature_html, "quotes_history": known.quotes_history, "key": key,
        "plus": known.plus_addresses, "receipt": known.receipt, "aliases": _normal(known.aliases),
    }  # fmt: skip


def _mailbox(known: EmailSettings, config: ChannelConfig, settings: Settings) -> Mailbox | None:
    return Mailbox.of(known.imap, config.secrets, settings.mailbox_guard) if known.imap else None


def _keys(secrets: Mapping[str, str]) -> dict[str, str]:
    EmailSecrets.model_validate(secrets)
    return {name.removeprefix(INBOUND): key for name, key in secrets.items() if name.startswith(INBOUND)}


def _normal(aliases: Iterable[str]) -> frozenset[str]:
    return frozenset(found for alias in aliases if (found := normal(alias)))


def at_home(desks: Iterable[Desk], address: str) -> str:
    """An address at a domain for what comes back, as one at the support address whose message it names. Others stay."""
    local, _, domain = address.lower().rpartition("@")
    name, _, token = local.partition("+")
    for desk in desks if token else ():
        own, _, home = desk.address.partition("@")
        if (name, domain) == (own, desk.bounce_domain) and desk.signer.bounced(token):
            return f"{name}+{token}@{home}"
    return address


def desk_address(address: str) -> str:
    """The support address that `address` belongs to, were it ours: `Support+token@…` to `support@…`."""
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"
