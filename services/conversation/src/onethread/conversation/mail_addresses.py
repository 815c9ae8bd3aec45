"""The support addresses of a workspace, with how mails from them look, and the records of their domains, over REST."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field

from onethread.contracts.channels import EmailSettings
from onethread.contracts.mail import DnsRecord
from onethread.conversation import audit, channels, etags, mail_keys
from onethread.conversation.access import ADMINISTRATION, CallerDep
from onethread.conversation.admin_api import DatabaseDep
from onethread.conversation.channels import Aliases, Email
from onethread.conversation.database import Connection
from onethread.conversation.etags import IfMatchDep
from onethread.conversation.mail_keys import KEPT_DAYS, MailKeys
from onethread.conversation.once import OnceDep
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.errors import Problem

router = APIRouter(prefix="/api/v1/email", tags=[ADMINISTRATION])
AddressId = Annotated[str, Path(max_length=63)]
Domain = Annotated[str, Path(max_length=253, examples=["shop.example"])]

ALL = "select * from channel where workspace_id = %s and kind = 'email' order by created_at, id"
ONE = "select * from channel where workspace_id = %s and kind = 'email' and id = %s for update"
OWN = """insert into channel (id, workspace_id, kind, name, settings, active, created_at)
    values (%s, %s, 'email', %s, %s, true, now()) on conflict (id) do nothing"""
SAVE = "update channel set settings = %s, version = version + 1 where id = %s returning *"
NAME = "Support address"
NO_SUCH = Problem(404, "There is no such address")
NO_DOMAIN = Problem(404, "No address of yours is of this domain", "Make the address first.")


class Writing(BaseModel):
    """How mails from an address look. Only what is given changes."""

    model_config = ConfigDict(extra="forbid")

    display_name: str = Field(default="Support", min_length=1, max_length=200)
    sender: str = Field(default="{name}", min_length=1, max_length=200, examples=["{name} at Acme"])
    signature: str = Field(default="", max_length=4_000, examples=["**{name}**\nAcme, 1 High Street"])
    quotes_history: bool = False
    receipt: bool = False
    asks_rating: bool = False
    plus_addresses: bool = True
    aliases: Aliases = []


class AddressView(BaseModel):
    id: str = Field(examples=["email-local"])
    address: str = Field(examples=["support@shop.example"])
    domain: str = Field(examples=["shop.example"])
    name: str = Field(examples=["Sales"])
    installation: bool = Field(description="The installation's own: it is in the settings, and cannot be removed.")
    active: bool
    display_name: str = Field(examples=["Support"], description="The sender, where the author has no name.")
    sender: str = Field(examples=["{name} at Acme"], description="Whom a reply is from; `{name}` is its author.")
    signature: str = Field(description="Markdown below each reply.")
    quotes_history: bool = Field(description="Below a reply stands what its readers had read last.")
    receipt: bool = Field(description="Whoever begins a conversation is told that it has arrived, once a day.")
    asks_rating: bool = Field(description="After closing, customers are asked by mail how our help was.")
    plus_addresses: bool = Field(description="Mail for `name+token@domain` arrives.")
    aliases: list[str] = Field(
        examples=[["help@shop.example"]], description="Addresses elsewhere that forward to this one."
    )
    version: int


class Addresses(BaseModel):
    items: list[AddressView]
    next: None = None


class KeyView(BaseModel):
    selector: str = Field(examples=["ot20261126a"])
    created_at: datetime
    seen_at: datetime | None = Field(description="Since when the DNS shows it.")
    in_use: bool = Field(description="Mail is signed with it.")
    keep_until: datetime | None = Field(description="Of an older key: so long its record should stay in the DNS.")


class DomainView(BaseModel):
    domain: str = Field(examples=["shop.example"])
    keys: list[KeyView] = Field(description="The newest first.")
    records: list[DnsRecord] = Field(description="What is to stand in the DNS, and what does.")


@router.get("/addresses")
async def list_addresses(request: Request, caller: CallerDep, database: DatabaseDep) -> Addresses:
    """Those that were made as channels, and the installation's own in its own workspace."""
    async with database.transaction(caller.workspace) as connection:
        rows = await _all(connection, _settings(request), caller.workspace)
    return Addresses(items=rows)


@router.get("/addresses/{address_id}")
async def get_address(
    address_id: AddressId, request: Request, caller: CallerDep, database: DatabaseDep, response: Response
) -> AddressView:
    async with database.transaction(caller.workspace) as connection:
        known = await _all(connection, _settings(request), caller.workspace)
    found = next((one for one in known if one.id == address_id), None)
    if found is None:
        raise NO_SUCH
    etags.tag(response, found.version)
    return found


@router.patch("/addresses/{address_id}")
async def change_address(
    address_id: AddressId, patch: Writing, request: Request, caller: CallerDep, database: DatabaseDep,
    response: Response, version: IfMatchDep,
) -> AddressView:  # fmt: skip
    """How mails from it look. Its gateway knows within seconds."""
    settings = _settings(request)
    async with database.transaction(caller.workspace) as connection:
        before = await row_of(connection, settings, caller.workspace, address_id)
        etags.expect(before, version, "address")
        given = patch.model_dump(exclude_unset=True)
        written = channels.settings_of(before, given)
        row: Any = await (await connection.execute(SAVE, [Jsonb(written), address_id])).fetchone()
        await audit.record(connection, caller, "channel.changed", address_id, {"fields": sorted(given)})
    await channels.tell(request.app.state.bus, caller.workspace, "email", address_id)
    etags.tag(response, row.version)
    return _view(row, settings)


@router.post("/domains/{domain}/check")
async def check_domain(domain: Domain, request: Request, caller: CallerDep, database: DatabaseDep) -> DomainView:
    """Asks the DNS now. A key that it shows signs our mail from then on."""
    await _expect_domain(request, caller.workspace, database, domain)
    keys, records = await _keys(request).check(caller.workspace, domain)
    return _domain_view(domain, keys, records)


@router.post("/domains/{domain}/keys", status_code=201)
async def make_key(
    domain: Domain, request: Request, caller: CallerDep, database: DatabaseDep, once: OnceDep
) -> DomainView:
    """A new key, with the record to put into the DNS. The one in use stays until the DNS shows this one."""
    await _expect_domain(request, caller.workspace, database, domain)
    settings = _settings(request)
    if caller.workspace == settings.workspace:
        async with database.transaction(caller.workspace) as connection:
            await _keep_own(connection, settings)
    await _keys(request).make(caller, domain, once)
    keys, records = await _keys(request).check(caller.workspace, domain)
    return _domain_view(domain, keys, records)


async def row_of(connection: Connection, settings: ConversationSettings, workspace: str, id_: str) -> Any:
    """The row of an address, held until the transaction ends. Raises a 404 problem."""
    if _is_own(settings, workspace, id_):
        await _keep_own(connection, settings)
    row = await (await connection.execute(ONE, [workspace, id_])).fetchone()
    if row is None:
        raise NO_SUCH
    return row


async def _all(connection: Connection, settings: ConversationSettings, workspace: str) -> list[AddressView]:
    rows = await (await connection.execute(ALL, [workspace])).fetchall()
    shown = sorted((_view(row, settings) for row in rows), key=lambda one: not one.installation)
    if workspace == settings.workspace and not any(one.installation for one in shown):
        plain = EmailSettings.model_validate(_of_installation(settings))
        shown.insert(0, _shown(settings.email_channel_id, NAME, plain, active=True, version=1, installation=True))
    return shown


def _view(row: Any, settings: ConversationSettings) -> AddressView:
    own, known = _is_own(settings, row.workspace_id, row.id), EmailSettings.model_validate(row.settings)
    if own:
        known = known.model_copy(update={"address": settings.support_address})
    return _shown(row.id, row.name, known, active=row.active, version=row.version, installation=own)


def _shown(id_: str, name: str, known: EmailSettings, *, active: bool, version: int, installation: bool) -> AddressView:
    return AddressView(
        id=id_, address=known.address, domain=known.address.rpartition("@")[2], name=name, installation=installation,
        active=active, version=version, **known.model_dump(include=set(Writing.model_fields)),
    )  # fmt: skip


def _is_own(settings: ConversationSettings, workspace: str, id_: str) -> bool:
    return (workspace, id_) == (settings.workspace, settings.email_channel_id)


async def _keep_own(connection: Connection, settings: ConversationSettings) -> None:
    """From now on its gateway is told of the installation's own address, too."""
    plain = Jsonb(_of_installation(settings))
    await connection.execute(OWN, [settings.email_channel_id, settings.workspace, NAME, plain])


def _of_installation(settings: ConversationSettings) -> dict[str, Any]:
    return Email(address=settings.support_address, display_name=settings.support_name).model_dump()


async def _expect_domain(request: Request, workspace: str, database: DatabaseDep, domain: str) -> None:
    async with database.transaction(workspace) as connection:
        known = await _all(connection, _settings(request), workspace)
    if domain not in {one.domain for one in known}:
        raise NO_DOMAIN


def _domain_view(domain: str, keys: Any, records: list[DnsRecord]) -> DomainView:
    used = mail_keys.in_use(keys)
    since = next((key.seen_at for key in keys if key.selector == used), None)
    newest = next((key.created_at for key in keys if key.selector == used), None)
    shown = [
        KeyView(
            selector=key.selector, created_at=key.created_at, seen_at=key.seen_at, in_use=key.selector == used,
            keep_until=since + timedelta(days=KEPT_DAYS) if since and newest and key.created_at < newest else None,
        )
        for key in keys
    ]  # fmt: skip
    return DomainView(domain=domain, keys=shown, records=records)


def _settings(request: Request) -> ConversationSettings:
    return request.app.state.settings


def _keys(request: Request) -> MailKeys:
    return request.app.state.mail_keys
