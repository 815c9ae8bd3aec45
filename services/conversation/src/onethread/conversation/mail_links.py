"""Links in our mails: signed, so that nobody makes one up, and without an address in them."""

from __future__ import annotations

import hashlib
import hmac
from typing import Literal, NamedTuple
from uuid import UUID

from onethread.conversation.access import SLUG
from onethread.conversation.settings import ConversationSettings

Kind = Literal["rate", "off", "unseen"]
KINDS: tuple[Kind, ...] = ("rate", "off", "unseen")
"""To rate; to be asked no more to; to be mailed no more what was missed in the chat."""
MAC = 32
"""Characters, of four bits each."""


class Link(NamedTuple):
    workspace: str
    kind: Kind
    about: str


class MailLinks:
    """`{workspace}.{kind}.{about}.{mac}`. Keyed by a secret that the database does not hold."""

    def __init__(self, settings: ConversationSettings) -> None:
        self._base, self._key = settings.public_address, settings.api_key.get_secret_value().encode()

    def to_rate(self, workspace: str, message_id: UUID) -> str:
        return self._url(workspace, "rate", message_id.hex)

    def to_stop(self, workspace: str, address: str) -> str:
        return self._url(workspace, "off", self.person(workspace, address))

    def to_stop_unseen(self, workspace: str, address: str) -> str:
        return self._url(workspace, "unseen", self.chatter(workspace, address))

    def person(self, workspace: str, address: str) -> str:
        """Stands for an address, and tells nobody which."""
        return self._mac("person", workspace, address.lower())

    def chatter(self, workspace: str, address: str) -> str:
        """The same address as one that is mailed what it missed: who declines one kind of mail still gets the other."""
        return self._mac("chatter", workspace, address.lower())

    def read(self, token: str) -> Link | None:
        if token.count(".") != len(Link._fields):
            return None
        workspace, kind, about, mac = token.split(".")
        expected = self._mac("link", workspace, kind, about)
        if kind not in KINDS or not SLUG.fullmatch(workspace):
            return None
        return Link(workspace, kind, about) if hmac.compare_digest(mac.encode(), expected.encode()) else None

    def _url(self, workspace: str, kind: Kind, about: str) -> str:
        return f"{self._base}/mail/{workspace}.{kind}.{about}.{self._mac('link', workspace, kind, about)}"

    def _mac(self, *what: str) -> str:
        return hmac.new(self._key, "\n".join(("mail", *what)).encode(), hashlib.sha256).hexdigest()[:MAC]
