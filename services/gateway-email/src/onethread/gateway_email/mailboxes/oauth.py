"""Tokens for mailboxes without a password: a refresh token is exchanged for one that lasts an hour."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from onethread.gateway_email.mailboxes.bookmarks import Bookmarks
from onethread.gateway_email.mailboxes.mailbox import Mailbox, OAuth
from onethread.gateway_email.mailboxes.session import LoginRefusedError, UnreadableError
from onethread.runtime.fetching import Answer, Fetcher, Guard, RefusedError, UnreachableError

Blocking = Callable[[Callable[[], str]], Awaitable[str]]
EARLY = 120.0
"""Seconds before its end, at which a token is renewed."""
OK, GONE = 200, (400, 401)
APP_REFUSED = ("invalid_client", "unauthorized_client")
OVER = (
    "The provider takes the sign-in no more: it was revoked, its password was changed, or it was not used for long. "
    "Sign in again."
)
NO_APP = (
    "The provider does not take the app any more: its client secret has ended or is another one. Make a new one there, "
    "and sign in again with it."
)
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class KeptTokens:
    """The tokens of one mailbox, the newest kept on the bus as soon as it is there: another replica goes on with it."""

    def __init__(self, channel: str, mailbox: Mailbox, oauth: OAuth, bookmarks: Bookmarks, seal: Seal) -> None:
        self._channel, self._bookmarks, self._seal = channel, bookmarks, seal
        # Of another sign-in, or for another place to exchange it, it is not used: that place would learn it.
        origin = f"{oauth.token_url}\n{oauth.client_id}\n{oauth.refresh_token}"
        self._of = hashlib.sha256(origin.encode()).hexdigest()
        self._tokens = Tokens(mailbox, oauth, None)
        self._kept: str | None = None
        self._renewal: asyncio.Task[str] | None = None

    async def access(self, blocking: Blocking) -> str:
        """`blocking` runs what blocks elsewhere. Raises UnreadableError, UnavailableError."""
        # Whoever gives up waiting must not lose what the provider gives meanwhile.
        self._renewal = asyncio.create_task(self._access(blocking))
        return await asyncio.shield(self._renewal)

    async def _access(self, blocking: Blocking) -> str:
        tokens = self._tokens
        if tokens.newest == self._kept:
            sealed = await self._bookmarks.newest(self._channel, self._of)
            tokens.newest = self._kept = self._seal.open(sealed) if sealed else None
        try:
            return await blocking(tokens.access)
        finally:
            if tokens.newest and tokens.newest != self._kept:
                await self._bookmarks.keep_newest(self._channel, self._of, self._seal.close(tokens.newest))
            self._kept = tokens.newest

    def forget(self) -> None:
        """The server refused it."""
        self._tokens.forget()


class Tokens:
    """Of one mailbox. Microsoft gives a new refresh token each time, and forgets the old one after three months, others
    at once: the newest is `newest`, which is kept beside the bookmark as soon as it is there.
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
        self._until = 0.0

    def _renew(self) -> None:
        said = self._asked(self.newest or self._oauth.refresh_token)
        if said is None and self.newest:  # somebody signed in again: the one of the settings is newer
            self.newest = None
            said = self._asked(self._oauth.refresh_token)
        if said is None:
            raise LoginRefusedError(OVER)
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
            if _error(answer) in APP_REFUSED:
                raise LoginRefusedError(NO_APP)
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
            return fetcher.send("POST", url, FORM, body, GONE)
    except (RefusedError, UnreachableError) as error:
        raise UnreadableError(f"The provider cannot be asked for a token: {error}.") from error


def _error(answer: Answer) -> str:
    try:
        return str(json.loads(answer.content)["error"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""


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
