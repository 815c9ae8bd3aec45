"""A mailbox at some provider, as its settings have it: pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

from onethread.contracts.channels import ImapSettings
from onethread.runtime.fetching import Guard

After = Literal["nothing", "seen", "deleted"]
Security = Literal["tls", "starttls", "none"]
SCHEMES: dict[str, tuple[Security, int]] = {
    "imaps": ("tls", 993),
    "imap": ("starttls", 143),
    "imap+plain": ("none", 143),
}
TOKEN_URLS = {
    "imap.gmail.com": "https://oauth2.googleapis.com/token",
    "outlook.office365.com": "https://login.microsoftonline.com/common/oauth2/v2.0/token",
}
"""Where the providers of these servers give out tokens."""


@dataclass(frozen=True, slots=True)
class OAuth:
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Mailbox:
    host: str
    port: int
    security: Security
    user: str
    password: str = field(repr=False)
    oauth: OAuth | None
    """None: by the password."""
    folder: str
    after: After
    """What becomes of a mail there that was taken."""
    authserv_id: str
    """Whose `Authentication-Results` in it are believed; empty: nobody's."""
    guard: Guard
    """Which machines may be asked."""

    @property
    def place(self) -> str:
        """What its bookmarks are good for."""
        return f"{self.host}:{self.port} {self.user} {self.folder}"

    @classmethod
    def of(cls, known: ImapSettings, secrets: dict[str, str], guard: Guard) -> Self:
        return cls(
            known.host, known.port, known.security, known.user, secrets.get("imap_password", ""),
            _oauth(known.host, known.token_url, known.client_id, secrets),
            known.folder, known.after, known.authserv_id, guard,
        )  # fmt: skip

    @classmethod
    def at(
        cls, url: str, after: After, authserv_id: str, token_url: str, client_id: str, secrets: dict[str, str]
    ) -> Self:
        """Of the installation's own address: the operator may name any machine. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in SCHEMES or not (parts.hostname and parts.username):
            raise ValueError("it is not of the form imaps://user:password@host/folder")
        security, port = SCHEMES[parts.scheme]
        return cls(
            parts.hostname, parts.port or port, security, unquote(parts.username), unquote(parts.password or ""),
            _oauth(parts.hostname, token_url, client_id, secrets),
            unquote(parts.path.strip("/")) or "INBOX", after, authserv_id, _anywhere(parts.port or port, token_url),
        )  # fmt: skip


def _anywhere(port: int, token_url: str) -> Guard:
    everything = tuple(map(ip_network, ("0.0.0.0/0", "::/0")))
    return Guard(everything, frozenset({port, 80, 443, urlsplit(token_url).port or 443}))


def _oauth(host: str, token_url: str, client_id: str, secrets: dict[str, str]) -> OAuth | None:
    refresh_token = secrets.get("imap_refresh_token", "")
    url = token_url or TOKEN_URLS.get(host, "")
    if not (refresh_token and url):
        return None
    return OAuth(url, client_id, secrets.get("imap_client_secret", ""), refresh_token)
