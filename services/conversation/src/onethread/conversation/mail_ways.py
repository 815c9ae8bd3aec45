"""How mail comes to a support address besides by SMTP, over REST: its mailbox, and the providers that bring mail."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from onethread.contracts import mail, subjects
from onethread.contracts.channels import EmailSettings, ImapSettings
from onethread.conversation import channels, etags, mail_addresses, mail_apps
from onethread.conversation.access import ADMINISTRATION, CallerDep
from onethread.conversation.admin_api import DatabaseDep
from onethread.conversation.channels import ChannelPatch, EmailSecrets
from onethread.conversation.etags import IfMatchDep
from onethread.conversation.mail_apps import PROVIDERS as SIGN_INS
from onethread.conversation.mail_apps import ProviderName
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import Bus, RefusedError, UnavailableError
from onethread.runtime.errors import Problem

PROVIDERS = ("postmark", "mailgun", "sendgrid", "ses")
ASK_SECONDS, CHECK_SECONDS = 2.0, 40.0
AWAY = Problem(503, "The mail gateway does not answer", "Nothing was changed. Try again in a moment.")
NO_SUCH = mail_addresses.NO_SUCH
AddressId = Annotated[str, Path(max_length=63)]
A = TypeVar("A", bound=BaseModel)
router = APIRouter(prefix="/api/v1/email/addresses/{address_id}", tags=[ADMINISTRATION])


class WaysPatch(BaseModel):
    """Only what is given changes; a secret that is null is taken away."""

    model_config = ConfigDict(extra="forbid")

    imap: ImapSettings | None = Field(default=None, description="Null: no mailbox is read.")
    secrets: EmailSecrets = EmailSecrets()


class WantedMailbox(BaseModel):
    model_config = ConfigDict(extra="forbid")

    imap: ImapSettings | None = Field(default=None, description="Null: the mailbox of the installation's settings.")
    secrets: EmailSecrets = Field(
        default=EmailSecrets(), description="Those that are kept already need not be sent again for the same server."
    )


class ProviderView(BaseModel):
    name: str = Field(examples=["postmark"])
    url: str = Field(
        examples=["https://mail.shop.example/inbound/postmark/email-local"],
        description="Where it is to bring mail. Empty while the gateway does not answer.",
    )
    is_set: bool = Field(description="There is a key that proves its requests. It is never shown.")
    by_operator: bool = Field(description="The installation's settings have a key, for every address.")


class SignInView(BaseModel):
    name: ProviderName
    redirect_uri: str = Field(
        examples=["https://inbox.shop.example/inbox/email/addresses/google"],
        description="For the app at the provider. The browser must be in the inbox at this origin to begin.",
    )
    client_id: str = Field(description="Of the app that the installation has there; empty: none.")
    is_used: bool = Field(description="The mailbox is at this provider, by a sign-in that was made here.")
    tenant: str = Field(description="Of the app that it was made with, where it is at Microsoft.")


class WaysView(BaseModel):
    imap: ImapSettings | None = Field(description="The mailbox that administrators gave it.")
    operators_mailbox: str | None = Field(description="The one of the installation's settings; no other is read then.")
    secrets: list[str] = Field(examples=[["imap_password"]], description="Names of those that are kept.")
    providers: list[ProviderView]
    sign_ins: list[SignInView] = Field(description="Where one can sign in to a mailbox.")
    answers: bool = Field(description="False: the gateway does not answer, so nobody knows how far a mailbox is read.")
    state: mail.MailboxState | None = Field(description="None: there is no mailbox, or it was not read yet.")
    version: int


@router.get("/ways")
async def get_ways(
    address_id: AddressId, request: Request, caller: CallerDep, database: DatabaseDep, response: Response
) -> WaysView:
    """The secrets themselves are shown to nobody."""
    row = await row_of(request, caller.workspace, database, address_id)
    etags.tag(response, row.version)
    return await _view(request, row)


@router.patch("/ways")
async def change_ways(
    address_id: AddressId, patch: WaysPatch, request: Request, caller: CallerDep, database: DatabaseDep,
    response: Response, version: IfMatchDep,
) -> WaysView:  # fmt: skip
    """Its gateway knows within seconds. Secrets of a mailbox are forgotten when its server becomes another one."""
    await row_of(request, caller.workspace, database, address_id)
    settings = {"imap": patch.imap and patch.imap.model_dump()} if "imap" in patch.model_fields_set else None
    given = patch.secrets if patch.secrets.model_fields_set else None
    change = ChannelPatch(settings=settings, secrets=given)
    async with database.transaction(caller.workspace) as connection:
        row, _ = await channels.change(connection, caller, address_id, change, request.app.state.seal, version)
    await channels.tell(request.app.state.bus, caller.workspace, "email", address_id)
    etags.tag(response, row.version)
    return await _view(request, row)


@router.post("/check")
async def check_mailbox(
    address_id: AddressId, wanted: WantedMailbox, request: Request, caller: CallerDep, database: DatabaseDep
) -> mail.MailboxChecked:
    """Signs in to the mailbox now, as it is given or kept, and says what it finds. Nothing is kept, and nothing changed
    there.
    """
    row = await row_of(request, caller.workspace, database, address_id)
    secrets = _secrets_for(wanted, row, request)
    asked = mail.CheckMailbox(workspace=caller.workspace, channel=address_id, imap=wanted.imap, secrets=secrets)
    return await try_mailbox(request, asked)


async def try_mailbox(request: Request, asked: mail.CheckMailbox) -> mail.MailboxChecked:
    """Raises a 503 problem."""
    return await _ask(request, subjects.EMAIL_MAILBOX, asked, mail.MailboxChecked, CHECK_SECONDS)


def _secrets_for(wanted: WantedMailbox, row: Any, request: Request) -> dict[str, str]:
    if wanted.imap is None:
        return {}
    before = EmailSettings.model_validate(row.settings).imap
    kept = secrets_of(row, request) if channels.same_server(before, wanted.imap) else {}
    given = kept | wanted.secrets.model_dump(exclude_unset=True)
    own = {name: value for name, value in given.items() if value and name.startswith(channels.OF_MAILBOX)}
    return mail_apps.with_app_secret(request.app.state.settings, wanted.imap, own)


async def _view(request: Request, row: Any) -> WaysView:
    told = await _told(request, row)
    secrets = sorted(secrets_of(row, request))
    providers = [
        ProviderView(
            name=name, url=f"{told.url}/inbound/{name}/{row.id}" if told and told.url else "",
            is_set=f"inbound_{name}" in secrets, by_operator=bool(told and name in told.operators_providers),
        )
        for name in PROVIDERS
    ]  # fmt: skip
    imap = EmailSettings.model_validate(row.settings).imap
    return WaysView(
        imap=imap, secrets=secrets, providers=providers, version=row.version,
        sign_ins=[_sign_in(name, imap, request.app.state.settings) for name in SIGN_INS],
        operators_mailbox=told and told.operators_mailbox, answers=told is not None, state=told and told.state,
    )  # fmt: skip


def _sign_in(name: ProviderName, imap: ImapSettings | None, settings: ConversationSettings) -> SignInView:
    app = mail_apps.app_of(settings, name)
    tenant = mail_apps.tenant_of(SIGN_INS[name], imap.token_url) if imap and imap.signed_in_as else None
    return SignInView(
        name=name, redirect_uri=mail_apps.redirect_uri(settings, name), client_id=app.client_id if app else "",
        is_used=tenant is not None, tenant=tenant or "",
    )  # fmt: skip


async def _told(request: Request, row: Any) -> mail.Ways | None:
    asked = mail.WaysOf(workspace=row.workspace_id, channel=row.id)
    try:
        return await _ask(request, subjects.EMAIL_WAYS, asked, mail.Ways, ASK_SECONDS)
    except Problem:
        return None


async def _ask(request: Request, subject: str, question: BaseModel, answer: type[A], seconds: float) -> A:
    """Raises a 503 problem."""
    bus: Bus = request.app.state.bus
    if not bus.connected:
        raise AWAY
    try:
        return await bus.ask(subject, question, answer, seconds)
    except (UnavailableError, RefusedError) as error:
        raise AWAY from error


def secrets_of(row: Any, request: Request) -> dict[str, str]:
    try:
        return request.app.state.seal.open(row.id, row.secrets)
    except ValueError:  # of another ONETHREAD_SECRET: nobody can use them any more
        return {}


async def row_of(request: Request, workspace: str, database: DatabaseDep, id_: str) -> Any:
    """Raises a 404 problem."""
    settings: ConversationSettings = request.app.state.settings
    async with database.transaction(workspace) as connection:
        return await mail_addresses.row_of(connection, settings, workspace, id_)
