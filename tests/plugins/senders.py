"""Mails of a domain that says how its mail is known, and what is found out about their senders: real look-ups, real
signatures.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from random import getrandbits
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from onethread.gateway_email.desks import Desk
from onethread.gateway_email.names import Names
from onethread.gateway_email.parsing import mime
from onethread.gateway_email.sender.authenticity import Verdict
from onethread.gateway_email.sender.checks import Checks, judge

ANN, OURS, STRANGE = "ann@customer.example", "198.51.100.7", "203.0.113.66"
"""Her mail server's address, and somebody else's."""
ALL = ("from", "to", "cc", "subject", "date", "message-id")
MAIL = (
    b"From: Ann <ann@customer.example>\r\nTo: Support <support@desk.example>\r\nSubject: My order\r\n"
    b"Message-ID: <1@customer.example>\r\nDate: Mon, 02 Nov 2026 09:59:58 +0000\r\n\r\nWhere is it?\r\n"
)


@cache
def key() -> tuple[bytes, str]:
    """(private key, record)"""
    made = rsa.generate_private_key(65537, 2048)
    private = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = made.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, f"v=DKIM1; k=rsa; p={b64encode(public).decode()}"


@cache
def weak_key() -> tuple[bytes, str]:
    """Of 768 bits, which no tool makes any more."""
    first, second = (next(filter(_is_prime, iter(lambda: getrandbits(384) | 3 << 382 | 1, None))) for _ in range(2))
    n, d = first * second, pow(65537, -1, (first - 1) * (second - 1))
    numbers = (0, n, 65537, d, first, second, d % (first - 1), d % (second - 1), pow(second, -1, first))
    private, public = b64encode(_der(*numbers)), b64encode(_der(n, 65537)).decode()
    return b"-----BEGIN RSA PRIVATE KEY-----\n" + private + b"\n-----END RSA PRIVATE KEY-----", f"v=DKIM1; p={public}"


def _der(*numbers: int) -> bytes:
    inside = b"".join(_entry(0x02, one.to_bytes(one.bit_length() // 8 + 1)) for one in numbers)
    return _entry(0x30, inside)


def _entry(tag: int, content: bytes) -> bytes:
    size = len(content)
    return bytes([tag, size]) + content if size < 128 else bytes([tag, 0x82, size >> 8, size & 255]) + content


def _is_prime(number: int) -> bool:
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7)) and number % 65537 != 1


def signed(raw: bytes, domain: str = "customer.example", covers: Iterable[str] = ALL, **options: Any) -> bytes:
    """With a signature by `domain` on top."""
    private = options.pop("private", None) or key()[0]
    covered = [name.encode() for name in covers]
    return dkim.sign(raw, b"k1", domain.encode(), private, include_headers=covered, **options) + raw


def sealed(raw: bytes, domain: str, results: str, covers: Iterable[str] = ALL) -> bytes:
    """Passed on by `domain`, which says what it found out."""
    told = f"Authentication-Results: {domain}; {results}\r\n".encode() + raw
    sealing = dkim.arc_sign(
        told, b"k1", domain.encode(), key()[0], domain.encode(), include_headers=[*map(str.encode, covers)]
    )
    return b"".join(sealing) + raw


@pytest.fixture
def zone(name_server: Any) -> Any:
    """Ann's domain: one server, one key, and the wish that all else be refused."""
    name_server.text("customer.example", f"v=spf1 ip4:{OURS} -all")
    name_server.text("k1._domainkey.customer.example", key()[1])
    name_server.text("_dmarc.customer.example", "v=DMARC1; p=reject")
    return name_server


async def verdict(
    raw: bytes, zone: Any, desk: Desk, *, peer: str = STRANGE, sender: str = ANN, sealers: tuple[str, ...] = (),
    greeting: str = "mx.elsewhere.example",
) -> Verdict:  # fmt: skip
    found = await Checks(Names(zone.address), sealers).find(raw, peer=peer, greeting=greeting, sender=sender)
    assert found
    return judge(found, mime.parse(raw), desk.is_at, datetime.now(UTC))
