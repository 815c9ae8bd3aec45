"""Signing in to a mailbox at Google or Microsoft: the authorization code flow, with PKCE, a state and a nonce.

What is begun is kept for some minutes, for the session that began it, and is good once. Nothing of it leads to another
place: the browser comes back to one page of the inbox, which brings what the provider said.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from typing import Any, NamedTuple

from onethread.contracts.channels import EmailSettings, ImapSettings
from onethread.conversation import channels, mail_addresses, mail_apps, mail_tokens
from onethread.conversation.access import Caller, hash_of
from onethread.conversation.channels import ChannelPatch, EmailSecrets
from onethread.conversation.database import Database
from onethread.conversation.mail_apps import PROVIDERS, App, ProviderName
from onethread.conversation.mail_tokens import Given
from onethread.conversation.sealing import Seal
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.errors import Problem

MINUTES = 15
AT_ONCE = 4
ADD = """insert into mailbox_sign_in (id, workspace_id, channel_id, credential, sealed, created_at)
    values (%s, %s, %s, %s, %s, now())"""
FORGET = """delete from mailbox_sign_in where workspace_id = %s
    and created_at < now() - make_interval(mins => %s)"""
TAKE = """delete from mailbox_sign_in where workspace_id = %s and id = %s
    returning channel_id, credential, sealed, created_at > now() - make_interval(mins => %s) as is_new"""
OVER = Problem(
    409,
    "This sign-in is over",
    f"It was used already, is older than {MINUTES} minutes, or was begun in another session of the inbox. Nothing was "
    "changed now. Begin again.",
)


class Wanted(NamedTuple):
    """`user` is the mailbox. `account` is who signs in: another one for a shared mailbox."""

    provider: ProviderName
    user: str
    account: str
    app: App
    is_operators: bool
    """The secret of the app is in the settings."""


class Answered(NamedTuple):
    """What the provider's page sent back; empty where it did not say."""

    state: str
    code: str
    error: str
    issuer: str


class Signed(NamedTuple):
    channel: str
    account: str
    imap: ImapSettings
    access_token: str
    """For an hour."""


class SignIns:
    def __init__(self, database: Database, settings: ConversationSettings, seal: Seal) -> None:
        self._database, self._settings, self._seal = database, settings, seal
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def begin(self, caller: Caller, address: str, wanted: Wanted) -> str:
        """Returns where the browser is to go. Raises 404 and 409 problems."""
        state, verifier, nonce = (secrets.token_urlsafe(48) for _ in range(3))
        provider, id_ = PROVIDERS[wanted.provider], hash_of(state)
        kept = {
            "provider": wanted.provider, "user": wanted.user, "account": wanted.account, "verifier": verifier,
            "nonce": nonce, "client_id": wanted.app.client_id, "tenant": wanted.app.tenant,
            "client_secret": "" if wanted.is_operators else wanted.app.client_secret,
            "operators": "yes" if wanted.is_operators else "",
        }  # fmt: skip
        sealed = self._seal.close(id_, kept)
        async with self._database.transaction(caller.workspace) as connection:
            await mail_addresses.row_of(connection, self._settings, caller.workspace, address)
            await connection.execute(FORGET, [caller.workspace, MINUTES])
            await connection.execute(ADD, [id_, caller.workspace, address, _session(caller), sealed])
        return provider.authorize_url(
            wanted.app.tenant, client_id=wanted.app.client_id, state=state, nonce=nonce, login_hint=wanted.account,
            redirect_uri=mail_apps.redirect_uri(self._settings, wanted.provider), code_challenge=_challenge(verifier),
            code_challenge_method="S256",
        )  # fmt: skip

    async def finish(self, caller: Caller, name: ProviderName, said: Answered) -> Signed:
        """The mailbox is read with it from now on. Raises 404, 409 and 503 problems."""
        address, wanted, kept = await self._taken(caller, name, said)
        provider = PROVIDERS[name]
        if said.error or not said.code:
            raise mail_tokens.explain(provider, said.error)
        async with self._turn:
            given = await asyncio.to_thread(
                mail_tokens.exchange, provider, wanted.app, said.code, kept["verifier"], kept["nonce"],
                mail_apps.redirect_uri(self._settings, name),
            )  # fmt: skip
        account = _expect(wanted, given)
        imap = await self._keep(caller, address, wanted, account, given)
        return Signed(address, account, imap, given.access_token)

    async def _taken(self, caller: Caller, name: ProviderName, said: Answered) -> tuple[str, Wanted, dict[str, str]]:
        """It is used up, whoever brings it and whatever comes of it."""
        id_ = hash_of(said.state)
        async with self._database.transaction(caller.workspace) as connection:
            row = await (await connection.execute(TAKE, [caller.workspace, id_, MINUTES])).fetchone()
        if row is None or not row.is_new or not secrets.compare_digest(row.credential, _session(caller)):
            raise OVER
        kept = self._opened(id_, row.sealed)
        if kept["provider"] != name or (said.issuer and not PROVIDERS[name].is_issuer(said.issuer)):
            raise OVER
        return row.channel_id, self._wanted(kept), kept

    def _opened(self, id_: str, sealed: str) -> dict[str, str]:
        try:
            return self._seal.open(id_, sealed)
        except ValueError:  # of another ONETHREAD_SECRET
            raise OVER from None

    def _wanted(self, kept: dict[str, str]) -> Wanted:
        name: Any = kept["provider"]
        secret, operators = kept["client_secret"], mail_apps.app_of(self._settings, name)
        if kept["operators"]:
            secret = operators.client_secret if operators else ""
        app = App(kept["client_id"], secret, kept["tenant"])
        return Wanted(name, kept["user"], kept["account"], app, bool(kept["operators"]))

    async def _keep(self, caller: Caller, address: str, wanted: Wanted, account: str, given: Given) -> ImapSettings:
        own = wanted.app.client_secret if not wanted.is_operators else ""
        secrets_ = EmailSecrets(
            imap_refresh_token=given.refresh_token, imap_client_secret=own or None, imap_password=None
        )
        async with self._database.transaction(caller.workspace) as connection:
            row = await mail_addresses.row_of(connection, self._settings, caller.workspace, address)
            before = EmailSettings.model_validate(row.settings).imap
            imap = mail_apps.mailbox(PROVIDERS[wanted.provider], wanted.app, wanted.user, account, before)
            patch = ChannelPatch(settings={"imap": imap.model_dump()}, secrets=secrets_)
            await channels.change(connection, caller, address, patch, self._seal, None)
        return imap


def _expect(wanted: Wanted, given: Given) -> str:
    """Who signed in, as the provider calls them. Raises a 409 problem where it is somebody else."""
    provider = PROVIDERS[wanted.provider]
    if mail_tokens.is_one_of(provider, given.claims, wanted.account):
        return wanted.account
    who = " or ".join(mail_tokens.addresses_of(provider, given.claims)) or "somebody without an address"
    raise Problem(
        409,
        "That is another account",
        f"You signed in at {provider.label} as {who}, not as {wanted.account}. Nothing was kept. Begin again with "
        f"{wanted.account}, or change who signs in.",
    )


def _session(caller: Caller) -> str:
    return caller.credential or f"{caller.kind} {caller.id}"


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
