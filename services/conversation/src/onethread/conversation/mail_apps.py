"""Google and Microsoft, where people sign in to their mailboxes, and the apps of ours that are registered there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from onethread.contracts.channels import ImapSettings
from onethread.conversation.settings import ConversationSettings

ProviderName = Literal["google", "microsoft"]
DIRECTORY_ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TENANT = re.compile("[A-Za-z0-9.-]{1,253}")
ANY_TENANT = "common"


@dataclass(frozen=True, slots=True)
class Provider:
    """`{tenant}` in an address is an organisation at Microsoft: its id, its domain, or any one's (`common`)."""

    label: str
    host: str
    port: int
    authorize: str
    token: str
    keys: str
    issuer: str
    """Of its id tokens; `{tid}` is a claim of theirs."""
    scope: str
    mail_scope: str
    """The part of `scope` without which no mailbox can be read."""
    more: Mapping[str, str]
    names: tuple[str, ...]
    """Claims that hold an address of who signed in."""

    def reads_mail(self, scopes: str) -> bool:
        """Whether it is among what was allowed. Microsoft calls the same scope by one of several machines of theirs."""
        wanted = self.mail_scope.casefold()
        return any(one == wanted or one.endswith(f"/{wanted}") for one in scopes.casefold().split())

    def token_url(self, tenant: str) -> str:
        return self.token.format(tenant=tenant)

    def is_issuer(self, issuer: str) -> bool:
        """Some leave out the scheme."""
        form = re.escape(self.issuer).replace(re.escape("{tid}"), DIRECTORY_ID.pattern)
        return bool(re.fullmatch(form.replace("https://", "(https://)?"), issuer))

    def keys_url(self, tenant: str) -> str:
        return self.keys.format(tenant=tenant)

    def authorize_url(self, tenant: str, **query: str) -> str:
        asked = {"response_type": "code", "scope": self.scope, **self.more, **query}
        return f"{self.authorize.format(tenant=tenant)}?{urlencode(asked)}"


GMAIL, IMAP = "https://mail.google.com/", "IMAP.AccessAsUser.All"
MICROSOFT = "https://login.microsoftonline.com"
PROVIDERS: dict[ProviderName, Provider] = {
    "google": Provider(
        label="Google", host="imap.gmail.com", port=993,
        authorize="https://accounts.google.com/o/oauth2/v2/auth", token="https://oauth2.googleapis.com/token",  # noqa: S106
        keys="https://www.googleapis.com/oauth2/v3/certs", issuer="https://accounts.google.com",
        scope=f"openid email {GMAIL}", mail_scope=GMAIL, names=("email",),
        # Without these two there is a refresh token the first time only.
        more={"access_type": "offline", "prompt": "consent select_account"},
    ),
    "microsoft": Provider(
        label="Microsoft", host="outlook.office365.com", port=993,
        authorize=f"{MICROSOFT}/{{tenant}}/oauth2/v2.0/authorize", token=f"{MICROSOFT}/{{tenant}}/oauth2/v2.0/token",
        keys=f"{MICROSOFT}/{{tenant}}/discovery/v2.0/keys", issuer=f"{MICROSOFT}/{{tid}}/v2.0",
        scope=f"openid email profile offline_access https://outlook.office.com/{IMAP}", mail_scope=IMAP,
        names=("preferred_username", "email", "upn"), more={"prompt": "select_account"},
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class App:
    """What a provider knows us as."""

    client_id: str
    client_secret: str = field(repr=False)
    tenant: str = ANY_TENANT


def app_of(settings: ConversationSettings, name: ProviderName) -> App | None:
    """The one that the operator registered for all workspaces."""
    if name == "google":
        id_, secret, tenant = settings.google_client_id, settings.google_client_secret, ANY_TENANT
    else:
        id_, secret, tenant = (
            settings.microsoft_client_id, settings.microsoft_client_secret, settings.microsoft_tenant,
        )  # fmt: skip
    return App(id_, secret.get_secret_value() if secret else "", tenant) if id_ else None


def with_app_secret(
    settings: ConversationSettings, imap: ImapSettings | None, secrets: dict[str, str]
) -> dict[str, str]:
    """With the secret of the operator's app, where the sign-in was made with it: no channel keeps it, so that a new one
    holds for all. It is given for that provider's own address alone: anybody may name the app, and another machine.
    """
    if imap is None or secrets.get("imap_client_secret") or not secrets.get("imap_refresh_token"):
        return secrets
    for name, provider in PROVIDERS.items():
        app = app_of(settings, name)
        if app and imap.client_id == app.client_id and imap.token_url == provider.token_url(app.tenant):
            return secrets | {"imap_client_secret": app.client_secret} if app.client_secret else secrets
    return secrets


def tenant_of(provider: Provider, token_url: str) -> str | None:
    """None: tokens are not exchanged at this provider."""
    before, placeholder, behind = provider.token.partition("{tenant}")
    found = token_url.removeprefix(before).removesuffix(behind) if placeholder else ANY_TENANT
    return found if TENANT.fullmatch(found) and provider.token_url(found) == token_url else None


def redirect_uri(settings: ConversationSettings, name: ProviderName) -> str:
    """One for each provider: what comes back there is an answer of that one."""
    return f"{settings.public_address}/inbox/email/addresses/{name}"


def mailbox(provider: Provider, app: App, user: str, account: str, before: Any) -> ImapSettings:
    """What is said of a mailbox there besides stays as it was `before`."""
    known = ImapSettings.model_validate(before).model_dump() if before else {}
    stays = {name: known[name] for name in ("folder", "after", "authserv_id") if known.get("host") == provider.host}
    return ImapSettings(
        host=provider.host, port=provider.port, security="tls", user=user, signed_in_as=account,
        token_url=provider.token_url(app.tenant), client_id=app.client_id, **stays,
    )  # fmt: skip
