"""What the shop vouches for: who is signed in, as a token that the widget's gateway believes."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import jwt

if TYPE_CHECKING:
    from datetime import datetime

LIFETIME_SECONDS = 3600
_ACCOUNTS = uuid.uuid5(uuid.NAMESPACE_DNS, "accounts.pineandpaper.example")


def identity_token(secret: str, *, email: str, name: str, now: datetime) -> str:
    """An HS256 JWT with `sub` (the shop's own account id), `email`, `name` and `exp`, one hour from `now`."""
    claims = {
        "sub": account_id(email),
        "email": email.strip().lower(),
        "name": name,
        "exp": int(now.timestamp()) + LIFETIME_SECONDS,
    }
    return jwt.encode(claims, secret, algorithm="HS256")


def account_id(email: str) -> str:
    return str(uuid.uuid5(_ACCOUNTS, email.strip().lower()))
