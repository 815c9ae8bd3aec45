"""Who a browser is: the session token that it keeps, and the identity token by which the site vouches for someone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import jwt
from jwt.exceptions import InvalidSubjectError

from onethread.contracts.messages import Identity
from onethread.gateway_widget.sites import Site

ALGORITHM = "HS256"
AUDIENCE = "onethread-session"
"""Keeps a site's identity token from passing for a session, should both secrets ever be the same."""
LIFETIME = timedelta(days=30)
LONGEST_NAME = 200
LONGEST_ADDRESS = 254


class IdentityRefusedError(Exception):
    """The site's token proves nothing. Says why, in words for the site's developer."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the site vouches for."""

    sub: str
    email: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One visitor on one channel, and the person they signed in as, if they did."""

    workspace: str
    channel_id: str
    visitor: str
    person: Person | None = None

    @property
    def identities(self) -> list[Identity]:
        """What the session proves, the strongest first."""
        own = Identity(kind="visitor", value=self.visitor, trust="verified", evidence="this browser's session")
        if self.person is None:
            return [own]
        signed = "signed by the site"
        proven = [Identity(kind="site_user", value=self.person.sub, trust="verified", evidence=signed)]
        if self.person.email:
            proven.append(Identity(kind="email", value=self.person.email, trust="verified", evidence=signed))
        return [*proven, own]

    def is_of(self, site: Site) -> bool:
        return (self.workspace, self.channel_id) == (site.workspace, site.id)

    @property
    def name(self) -> str | None:
        return self.person.name if self.person else None


def continue_session(
    site: Site, known: Session | None, person: Person | None, new_visitor: Callable[[], str]
) -> Session:
    """The session after a browser has shown what it has.

    A visitor who signs in stays the same visitor; another person on the same browser is another visitor. A session of
    another channel says nothing here.
    """
    if known is None or not known.is_of(site):
        return Session(site.workspace, site.id, new_visitor(), person)
    if person is None:
        return known
    if known.person is not None and known.person.sub != person.sub:
        return replace(known, visitor=new_visitor(), person=person)
    return replace(known, person=person)


def session_token(session: Session, secret: str, now: datetime) -> str:
    claims: dict[str, Any] = {"v": session.visitor, "ws": session.workspace, "ch": session.channel_id}
    claims |= {"aud": AUDIENCE, "exp": now + LIFETIME}
    if person := session.person:
        claims |= {"sub": person.sub, "email": person.email, "name": person.name}
    return jwt.encode(claims, secret, ALGORITHM)


def read_session(token: str | None, secret: str) -> Session | None:
    """None when `token` is not one of ours, or is older than it may be."""
    if not token:
        return None
    try:
        options: Any = {"require": ["exp", "v", "ws", "ch"], "verify_sub": False}
        claims = jwt.decode(token, secret, [ALGORITHM], audience=AUDIENCE, options=options)
    except jwt.InvalidTokenError:
        return None
    sub = claims.get("sub")
    person = Person(sub, claims.get("email"), claims.get("name")) if sub else None
    return Session(claims["ws"], claims["ch"], claims["v"], person)


def read_identity(token: str, secret: str) -> Person:
    """Raises `IdentityRefusedError` unless the site has signed `token` and it holds now."""
    # A site whose clock runs ahead issues tokens "in the future"; `exp` alone says how long they hold.
    options: Any = {"require": ["exp", "sub"], "verify_iat": False}
    try:
        claims = jwt.decode(token, secret, [ALGORITHM], options=options)
    except jwt.ExpiredSignatureError:
        raise IdentityRefusedError("The identity token has expired. Sign a new one for each page.") from None
    except jwt.MissingRequiredClaimError as error:
        raise IdentityRefusedError(f"The identity token lacks the claim {error.claim}.") from None
    except InvalidSubjectError:
        raise IdentityRefusedError("The claim sub of the identity token is not a string.") from None
    except jwt.InvalidTokenError:
        raise IdentityRefusedError("The identity token is not signed with this channel's secret.") from None
    return Person(_sub(claims), _email(claims), _name(claims))


def _sub(claims: dict[str, Any]) -> str:
    sub = claims["sub"].strip()
    if not sub or len(sub) > LONGEST_ADDRESS or not sub.isprintable():
        raise IdentityRefusedError("The claim sub of the identity token is empty or is not an id.")
    return sub


def _email(claims: dict[str, Any]) -> str | None:
    email = claims.get("email")
    if email in (None, ""):
        return None
    address = email.strip().lower() if isinstance(email, str) else ""
    local, _, domain = address.rpartition("@")
    if not local or not domain or len(address) > LONGEST_ADDRESS or any(c.isspace() or c in "<>," for c in address):
        raise IdentityRefusedError("The claim email of the identity token is not a mail address.")
    return address


def _name(claims: dict[str, Any]) -> str | None:
    name = claims.get("name")
    if not isinstance(name, str):
        return None
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:LONGEST_NAME] or None
