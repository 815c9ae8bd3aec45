"""Secrets of channels at rest: encrypted with a key made from `ONETHREAD_SECRET`, bound to what they belong to."""

from __future__ import annotations

import base64
import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from onethread.runtime.errors import Problem


class Seal:
    """`secret` is `new,old` while it is being changed: the first seals, all open."""

    def __init__(self, secret: SecretStr | None) -> None:
        parts = [part.strip() for part in (secret.get_secret_value() if secret else "").split(",")]
        keys = [Fernet(_key(part)) for part in parts if part]
        self._keys = MultiFernet(keys) if keys else None

    def close(self, owner: str, secrets: dict[str, str]) -> str | None:
        """None when there is nothing to keep. Raises a 409 problem when the installation has no secret of its own."""
        if not secrets:
            return None
        if self._keys is None:
            raise Problem(
                409, "This installation keeps no secrets", "Set ONETHREAD_SECRET and restart. Nothing was changed."
            )
        return self._keys.encrypt(json.dumps({"owner": owner, "secrets": secrets}).encode()).decode()

    def open(self, owner: str, sealed: str | None) -> dict[str, str]:
        """Raises `ValueError` when it was sealed with another secret, or for another owner."""
        if sealed is None:
            return {}
        try:
            found = json.loads(self._keys.decrypt(sealed)) if self._keys else {}
        except InvalidToken:
            found = {}
        if found.get("owner") != owner:
            raise ValueError("sealed with another ONETHREAD_SECRET, or for somebody else")
        return found["secrets"]


def _key(secret: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"onethread secrets of channels")
    return base64.urlsafe_b64encode(derived.derive(secret.encode()))
