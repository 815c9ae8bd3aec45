"""What a provider gives for the code of a sign-in, and who it says has signed in."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import urlencode

import jwt

from onethread.conversation.mail_apps import DIRECTORY_ID, App, Provider
from onethread.runtime.errors import Problem
from onethread.runtime.fetching import Answer, Fetcher, Guard, RefusedError, UnreachableError

GUARD = Guard(ports=frozenset({443}))
SECONDS, SIZE = 15.0, 256 * 1024
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
OK, REFUSALS = 200, (400, 401, 403)
CLOCKS_DIFFER = 120
"""Seconds."""
ALGORITHMS = ["RS256"]
NOTHING = "The mailbox is as it was."

OF_CODE = {
    "invalid_grant": "It takes the code no more: that lasts some minutes and is good once. Begin again.",
    "invalid_client": "It does not take the client secret. At Microsoft its value is meant, not the id of it; it "
    "ends after two years at the latest, and a new one is made there.",
    "unauthorized_client": "The app may not do this. Look there whether its client id, its kind (web) and its "
    "permissions are those that are told here.",
    "redirect_uri_mismatch": "The redirect URI of the app is another one. Copy the one that is shown here.",
}
LATER = "It is out of order just now. Try again in some minutes."
OF_AUTHORIZING = {
    "access_denied": "The sign-in was not allowed: somebody chose Cancel, or your organisation has to allow the app.",
    "consent_required": "Your organisation has to allow the app first: ask its administrator.",
    "interaction_required": "Your organisation asks for more than was given. Begin again, and follow its pages.",
    "unauthorized_client": "The app may not sign these accounts in. At Microsoft, look at its supported account types.",
    "invalid_scope": "The app may not ask to read mail. Give it the permissions that are told here.",
    "admin_policy_enforced": "The administrator of your Google Workspace does not allow the app.",
    "temporarily_unavailable": LATER,
    "server_error": LATER,
}
"""By the `error` of RFC 6749, in words of ours: those of the address could be anybody's."""


@dataclass(frozen=True, slots=True)
class Given:
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    claims: dict[str, Any] = field(repr=False)
    """Of the id token."""


def exchange(provider: Provider, app: App, code: str, verifier: str, nonce: str, redirect_uri: str) -> Given:
    """Blocks. Raises 409 and 503 problems."""
    asked = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "client_id": app.client_id,
        "code_verifier": verifier, **({"client_secret": app.client_secret} if app.client_secret else {}),
    }  # fmt: skip
    try:
        with Fetcher(GUARD, SECONDS, SIZE) as fetcher:
            said = _said(provider, fetcher.send("POST", provider.token_url(app.tenant), FORM, _form(asked), REFUSALS))
            keys = fetcher.send("GET", provider.keys_url(app.tenant), {"Accept": "application/json"})
    except (RefusedError, UnreachableError) as error:
        raise Problem(503, f"{provider.label} cannot be reached", f"{error}. {NOTHING} Begin again.") from error
    return _given(provider, app, said, keys, nonce)


def explain(provider: Provider, error: str) -> Problem:
    """What the provider's page sent back instead of a code."""
    words = OF_AUTHORIZING.get(error) or f"It said: {_plain(error)}."
    return _refused(provider, words)


def is_one_of(provider: Provider, claims: dict[str, Any], account: str) -> bool:
    return account.casefold() in {one.casefold() for one in addresses_of(provider, claims)}


def addresses_of(provider: Provider, claims: dict[str, Any]) -> list[str]:
    """As the provider vouches for them."""
    if claims.get("email_verified") is False:
        return []
    found = [claims[name] for name in provider.names if isinstance(claims.get(name), str) and claims[name]]
    return list(dict.fromkeys(found))


def _form(asked: dict[str, str]) -> bytes:
    return urlencode(asked).encode()


def _said(provider: Provider, answer: Answer) -> dict[str, Any]:
    said = _read(provider, answer)
    if answer.status == OK:
        return said
    if answer.status not in REFUSALS:
        raise Problem(
            503, f"{provider.label} cannot be reached", f"It answered {answer.status}. {NOTHING} Begin again."
        )
    error = str(said.get("error", ""))
    numbered = re.search(r"AADSTS\d+", str(said.get("error_description", "")))
    words = OF_CODE.get(error, "It gave no token.")
    raise _refused(provider, f"{words} It said: {_plain(error)}{f' ({numbered[0]})' if numbered else ''}.")


def _read(provider: Provider, answer: Answer) -> dict[str, Any]:
    try:
        said = json.loads(answer.content or b"{}")
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        _not_understood(provider)
    return said


def _given(provider: Provider, app: App, said: dict[str, Any], keys: Answer, nonce: str) -> Given:
    access, refresh, id_token = (said.get(f"{name}_token") for name in ("access", "refresh", "id"))
    if not isinstance(access, str) or not isinstance(id_token, str):
        _not_understood(provider)
    claims = _claims(provider, app, id_token, _read(provider, keys), nonce)
    if not provider.reads_mail(str(said.get("scope", provider.mail_scope))):
        raise _refused(provider, "Reading the mail was not allowed. Begin again, and tick what the page asks for.")
    if not isinstance(refresh, str) or not refresh:
        words = (
            "It gave no refresh token, so that the mailbox could be read for an hour only. Take the app away from the "
            "account's connected apps there, or allow it `offline_access`, and begin again."
        )
        raise _refused(provider, words)
    return Given(access, refresh, claims)


def _claims(provider: Provider, app: App, id_token: str, keys: dict[str, Any], nonce: str) -> dict[str, Any]:
    """Raises a 409 problem unless the id token is the provider's, for this app, and of this very sign-in."""
    try:
        key = jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(id_token).get("kid", "")]
        claims: dict[str, Any] = jwt.decode(
            id_token, key, algorithms=ALGORITHMS, audience=app.client_id, leeway=CLOCKS_DIFFER,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )  # fmt: skip
    except (jwt.PyJWTError, KeyError, ValueError, TypeError) as error:
        raise _not_proven(provider) from error
    right = claims.get("nonce") == nonce and claims.get("azp", app.client_id) == app.client_id
    if not right or not _is_from(provider, app, claims):
        raise _not_proven(provider)
    return claims


def _is_from(provider: Provider, app: App, claims: dict[str, Any]) -> bool:
    """At Microsoft the issuer names the organisation: the one of the claim, and the app's own if it has one."""
    issuer, directory = str(claims["iss"]), str(claims.get("tid", ""))
    foreign = DIRECTORY_ID.fullmatch(app.tenant.lower()) and app.tenant.lower() != directory
    return provider.is_issuer(issuer) and directory in issuer and not foreign


def _refused(provider: Provider, words: str) -> Problem:
    return Problem(409, f"{provider.label} did not sign you in", f"{words} {NOTHING}")


def _not_proven(provider: Provider) -> Problem:
    return _refused(provider, "Its answer does not prove who has signed in. Begin again.")


def _not_understood(provider: Provider) -> NoReturn:
    raise _refused(provider, "Its answer is not understood.")


def _plain(error: str) -> str:
    """Nobody writes sentences of theirs into our page."""
    return error if re.fullmatch("[a-z_]{1,60}", error) else "an error"
