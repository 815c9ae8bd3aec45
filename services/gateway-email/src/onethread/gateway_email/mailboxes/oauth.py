"""Tokens for mailboxes without a password: a refresh token is exchanged for one that lasts an hour."""

from __future__ import annotations

import base64
import json
import time
from typing import Any
from urllib.parse import urlencode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from onethread.gateway_email.mailboxes.mailbox import Mailbox, OAuth
from onethread.gateway_email.mailboxes.session import LoginRefusedError, UnreadableError
from onethread.runtime.fetching import Answer, Fetcher, Guard, RefusedError, UnreachableError

EARLY = 120.0
"""Seconds before its end, at which a token is renewed."""
OK, GONE = 200, (400, 401)
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class Tokens:
    """Of one mailbox. Microsoft gives a new refresh token each time, and forgets the old one after three months: the
    newest is `newest`, which is kept beside the bookmark.
    """

    def __init__(self, mailbox: Mailbox, oauth: OAuth, newest: str | None) -> None:
        self._guard, self._oauth = mailbox.guard, oauth
        self.newest = newest
        self._token, self._until = "", 0.0

    def access(self) -> str:
        """Blocks. Raises UnreadableError."""
        if time.monotonic() >= self._until:
            self._renew()
        return self._token

    def forget(self) -> None:
        """The server refused it."""
        self._until = 0.0

    def _renew(self) -> None:
        said = self._asked(self.newest or self._oauth.refresh_token)
        if said is None and self.newest:  # somebody signed in again: the one of the settings is newer
            self.newest = None
            said = self._asked(self._oauth.refresh_token)
        if said is None:
            raise LoginRefusedError("The provider takes the sign-in no more. Sign in again for a new refresh token.")
        self._token = str(said["access_token"])
        self._until = time.monotonic() + max(said["expires_in"] - EARLY, EARLY)
        self.newest = said.get("refresh_token") or self.newest

    def _asked(self, refresh_token: str) -> dict[str, Any] | None:
        """None: the token is good no more."""
        body = {
            "grant_type": "refresh_token",
            "refresh_token": refresh_token,
            "client_id": self._oauth.client_id,
            **({"client_secret": self._oauth.client_secret} if self._oauth.client_secret else {}),
        }
        answer = _post(self._guard, self._oauth.token_url, urlencode(body).encode())
        if answer.status in GONE:
            return None
        if answer.status != OK:
            raise UnreadableError(f"The provider gives no token now: it answered {answer.status}.")
        try:
            said = json.loads(answer.content)
            return said | {"access_token": said["access_token"], "expires_in": float(said.get("expires_in") or 0)}
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise UnreadableError("The provider's answer to the sign-in is not understood.") from error


def _post(guard: Guard, url: str, body: bytes) -> Answer:
    try:
        with Fetcher(guard) as fetcher:
            return fetcher.send("POST", url, FORM, body)
    except (RefusedError, UnreachableError) as error:
        raise UnreadableError(f"The provider cannot be asked for a token: {error}.") from error


class Seal:
    """Keeps a refresh token unreadable on the bus: with a key made from `ONETHREAD_REPLY_SECRET`."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self._keys = [Fernet(_key(secret)) for secret in secrets]

    def close(self, token: str) -> str:
        return self._keys[0].encrypt(token.encode()).decode()

    def open(self, sealed: str) -> str | None:
        for key in self._keys:
            try:
                return key.decrypt(sealed).decode()
            except InvalidToken:
                continue
        return None


def _key(secret: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"onethread refresh tokens of mailboxes")
    return base64.urlsafe_b64encode(derived.derive(secret.encode()))
