"""DKIM: our mails carry a signature that receivers check with the key in the DNS of the address's domain (RFC 6376)."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage

import dkim

from onethread.gateway_email.parsing import addresses

SIGNED = (
    "From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Reply-To", "MIME-Version",
    "Content-Type", "Auto-Submitted", "List-Unsubscribe", "List-Unsubscribe-Post",
)  # fmt: skip
SEALED = ("From", "To", "Cc", "Subject", "Reply-To")
"""Named once more than they are there: a second one, added on the way, breaks the signature."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    selector: str
    private: str = field(repr=False)
    """PEM."""


def signed(mail: EmailMessage, address: str, key: SigningKey | None) -> bytes:
    """The mail as it is sent; without a key, unsigned."""
    raw = mail.as_bytes()
    if key is None:
        return raw
    names = [name.lower().encode() for name in SIGNED if mail[name] is not None]
    domain = addresses.domain_of(address).encode()
    signature: bytes = dkim.sign(
        raw, key.selector.encode(), domain, key.private.encode(), canonicalize=(b"relaxed", b"relaxed"),
        include_headers=[*names, *(name.lower().encode() for name in SEALED)],
    )  # fmt: skip
    return signature + raw
