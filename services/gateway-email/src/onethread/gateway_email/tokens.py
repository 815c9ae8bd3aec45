"""Signed reply addresses and Message-IDs: pure. A token says which thread a mail belongs to, never who wrote it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from uuid import UUID

MAC_BYTES = 10
TOKEN_CHARACTERS = 42
LOCAL_PART_OCTETS = 64
_OURS = re.compile(r"<[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[a-z2-7]{16}@", re.IGNORECASE)


@dataclass(frozen=True)
class Signer:
    """Signs with the first secret and accepts all of them, so that a secret can be replaced without losing threads."""

    secrets: tuple[str, ...]
    workspace: str
    channel: str | None = None
    """Reply addresses of one channel name nothing on another. None: the one of the settings, whose addresses are older
    than there being others.
    """

    def reply_address(self, support_address: str, thread: UUID, recipient: str) -> str:
        """`support+<token>@…`; the support address itself where its own name leaves no room for a token."""
        local, _, domain = support_address.rpartition("@")
        signed = f"{local}+{self.token(thread, recipient)}"
        return f"{signed}@{domain}" if len(signed) <= LOCAL_PART_OCTETS else support_address

    def token(self, thread: UUID, recipient: str) -> str:
        """Lower-case base32, since mail systems fold the case of addresses."""
        return _base32(thread.bytes + self._reply_macs(thread, recipient)[0])

    def thread_of(self, token: str, sender: str) -> UUID | None:
        """The thread that `token` names, if it was made for `sender`."""
        raw = _unbase32(token)
        if raw is None:
            return None
        thread = UUID(bytes=raw[:16])
        macs = self._reply_macs(thread, sender)
        return thread if any(hmac.compare_digest(raw[16:], mac) for mac in macs) else None

    def bounce_address(self, support_address: str, message: UUID) -> str:
        """Where reports about that message go: `support+<token>@…`, or the support address where it leaves no room."""
        local, _, domain = support_address.rpartition("@")
        signed = f"{local}+{_base32(message.bytes + self._macs('bounce', message.hex)[0])}"
        return f"{signed}@{domain}" if len(signed) <= LOCAL_PART_OCTETS else support_address

    def bounced(self, token: str) -> UUID | None:
        """The message whose reports go to the address with that token."""
        raw = _unbase32(token)
        if raw is None:
            return None
        message = UUID(bytes=raw[:16])
        return message if any(hmac.compare_digest(raw[16:], mac) for mac in self._macs("bounce", message.hex)) else None

    def message_id(self, message: UUID, domain: str) -> str:
        """The Message-ID of our message: the same on every try, and not to be guessed from the message's id."""
        return f"<{message}.{_base32(self._macs('message-id', message.hex)[0])}@{domain}>"

    def is_ours(self, message_id: str) -> bool:
        return self.message_of(message_id) is not None

    def looks_like_ours(self, message_id: str) -> bool:
        return _OURS.match(message_id) is not None

    def message_of(self, message_id: str) -> UUID | None:
        """The message that our mail with that Message-ID was."""
        name, _, _ = message_id.strip("<> ").partition("@")
        said, _, tag = name.partition(".")
        try:
            message = UUID(said)
        except ValueError:
            return None
        macs = self._macs("message-id", message.hex)
        known = any(hmac.compare_digest(tag.lower().encode(), _base32(mac).encode()) for mac in macs)
        return message if known else None

    def instances(self) -> list[str]:
        """What our own mails carry, so that we know them when they come back; newest secret first."""
        return [_base32(mac) for mac in self._macs("instance")]

    def _reply_macs(self, thread: UUID, person: str) -> list[bytes]:
        channel = () if self.channel is None else (self.channel,)
        return self._macs("reply", thread.hex, person.lower(), *channel)

    def _macs(self, *what: str) -> list[bytes]:
        said = "\n".join((self.workspace, *what)).encode()
        return [hmac.digest(secret.encode(), said, hashlib.sha256)[:MAC_BYTES] for secret in self.secrets]


def token_in(address: str, support_address: str) -> str | None:
    """The token in a reply address of ours; empty for the support address itself, None for any other address."""
    local, _, domain = address.lower().rpartition("@")
    own_local, _, own_domain = support_address.lower().rpartition("@")
    name, _, token = local.partition("+")
    return token if (name, domain) == (own_local, own_domain) else None


def _base32(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def _unbase32(token: str) -> bytes | None:
    if len(token) != TOKEN_CHARACTERS:
        return None
    try:
        raw = base64.b32decode(token.upper() + "======")
    except (binascii.Error, ValueError):
        return None
    # Base32 has spare bits at its end: only the one spelling that we write counts.
    return raw if _base32(raw) == token.lower() else None
