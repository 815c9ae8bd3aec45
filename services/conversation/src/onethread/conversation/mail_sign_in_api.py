"""Signing in to a mailbox, over REST: where the browser is to go, and what it brings back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from onethread.contracts import mail
from onethread.contracts.channels import EmailSettings
from onethread.conversation import channels, mail_apps, mail_ways
from onethread.conversation.access import ADMINISTRATION, Caller, CallerDep
from onethread.conversation.admin_api import DatabaseDep
from onethread.conversation.mail_apps import ANY_TENANT, PROVIDERS, TENANT, App, ProviderName
from onethread.conversation.mail_sign_ins import Answered, Signed, SignIns, Wanted
from onethread.runtime.errors import Problem

router = APIRouter(prefix="/api/v1/email", tags=[ADMINISTRATION])
AddressId = Annotated[str, Path(max_length=63)]
LONGEST = 4_000
NO_APP = Problem(
    409,
    "There is no app to sign in with",
    "Give the client id of an app of your own, or have the operator set one for the installation.",
)
UNTRIED = "The mail gateway does not answer, so the mailbox was not tried. It is read as soon as the gateway is there."


class WantedSignIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    provider: ProviderName
    user: str = Field(min_length=1, max_length=320, examples=["help@shop.example"], description="The mailbox.")
    account: str = Field(
        default="", max_length=320, description="Who signs in, where that is another: for a shared mailbox."
    )
    client_id: str = Field(default="", max_length=500, description="Of an app of your own; empty: the installation's.")
    client_secret: str = Field(
        default="", max_length=1_000, repr=False, description="Of that app. Empty: the one that is kept for it."
    )
    tenant: str = Field(
        default=ANY_TENANT, pattern=f"^{TENANT.pattern}$", description="Of an app at Microsoft for one organisation."
    )


class SignInBegun(BaseModel):
    url: str = Field(
        examples=["https://accounts.google.com/o/oauth2/v2/auth?response_type=code&state=…"],
        description="Where the browser is to go. It comes back to the provider's redirect URI within 15 minutes.",
    )


class SignInAnswer(BaseModel):
    """What the provider put behind the redirect URI."""

    model_config = ConfigDict(extra="forbid")

    provider: ProviderName = Field(description="At whose redirect URI the browser is.")
    state: str = Field(min_length=1, max_length=LONGEST)
    code: str = Field(default="", max_length=LONGEST)
    error: str = Field(default="", max_length=LONGEST)
    iss: str = Field(default="", max_length=LONGEST)


class SignedInMailbox(BaseModel):
    address_id: str = Field(examples=["email-local"])
    account: str = Field(examples=["help@shop.example"], description="Who signed in.")
    checked: mail.MailboxChecked


@router.post("/addresses/{address_id}/sign-in")
async def begin_sign_in(
    address_id: AddressId, wanted: WantedSignIn, request: Request, caller: CallerDep, database: DatabaseDep
) -> SignInBegun:
    """Begins a sign-in to the mailbox of this address at Google or Microsoft. The same session can end it, once."""
    row = await mail_ways.row_of(request, caller.workspace, database, address_id)
    app, is_operators = _app(wanted, row, request)
    asked = Wanted(wanted.provider, wanted.user, wanted.account or wanted.user, app, is_operators)
    sign_ins: SignIns = request.app.state.sign_ins
    return SignInBegun(url=await sign_ins.begin(caller, address_id, asked))


@router.post("/sign-ins")
async def finish_sign_in(said: SignInAnswer, request: Request, caller: CallerDep) -> SignedInMailbox:
    """Keeps what the provider gives for the code, and tries the mailbox at once. It is read from then on."""
    sign_ins: SignIns = request.app.state.sign_ins
    signed = await sign_ins.finish(caller, said.provider, Answered(said.state, said.code, said.error, said.iss))
    await channels.tell(request.app.state.bus, caller.workspace, "email", signed.channel)
    checked = await _check(request, caller, signed)
    return SignedInMailbox(address_id=signed.channel, account=signed.account, checked=checked)


def _app(wanted: WantedSignIn, row: Any, request: Request) -> tuple[App, bool]:
    """And whether it is the operator's. Raises a 409 problem."""
    operators = mail_apps.app_of(request.app.state.settings, wanted.provider)
    if operators and not wanted.client_secret and wanted.client_id in {"", operators.client_id}:
        return operators, True
    if not wanted.client_id:
        raise NO_APP
    secret = wanted.client_secret or _kept_secret(wanted, row, request)
    return App(wanted.client_id, secret, wanted.tenant), False


def _kept_secret(wanted: WantedSignIn, row: Any, request: Request) -> str:
    """Of the same app, for the same address that it is sent to."""
    imap, token_url = (
        EmailSettings.model_validate(row.settings).imap,
        PROVIDERS[wanted.provider].token_url(wanted.tenant),
    )
    same = imap and (imap.client_id, imap.token_url) == (wanted.client_id, token_url)
    return mail_ways.secrets_of(row, request).get("imap_client_secret", "") if same else ""


async def _check(request: Request, caller: Caller, signed: Signed) -> mail.MailboxChecked:
    asked = mail.CheckMailbox(
        workspace=caller.workspace, channel=signed.channel, imap=signed.imap, access_token=signed.access_token
    )
    try:
        return await mail_ways.try_mailbox(request, asked)
    except Problem:
        return mail.MailboxChecked(ok=False, words=[UNTRIED])
