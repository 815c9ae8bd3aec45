"""Channels that administrators make: a widget for a site, a support address, a Slack installation."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from onethread.contracts import channels as c
from onethread.contracts import subjects
from onethread.conversation import audit, etags
from onethread.conversation.access import Caller
from onethread.conversation.database import Connection
from onethread.conversation.likeness import normal_address
from onethread.conversation.rendering import to_html
from onethread.conversation.sealing import Seal
from onethread.runtime.bus import Bus
from onethread.runtime.errors import Problem

OWN = (
    ("local", "widget", "Website chat"),
    ("email-local", "email", "Support address"),
    ("slack-local", "slack", "Slack"),
)
"""Id, kind and name of the channels that the gateways have by their own settings."""
OF_THE_INSTALLATION = {id_ for id_, _, _ in OWN}
OF_MAILBOX = "imap_"
"""Begins the names of the secrets that its server gets."""
ADDRESSES = {"widget": None, "email": "address", "slack": "team_id"}
"""By which setting the outside names a channel."""
NO_SUCH = Problem(404, "There is no such channel")

ADD = """insert into channel (id, workspace_id, kind, name, address, settings, secrets, active, created_at)
    values (%s, %s, %s, %s, %s, %s, %s, true, now()) returning *"""
ALL = "select * from channel where workspace_id = %s and id <> all(%s) order by created_at, id"
ONE = "select * from channel where workspace_id = %s and id = %s"
SAVE = """update channel set name = %s, address = %s, settings = %s, secrets = %s, active = %s, version = version + 1
    where id = %s returning *"""
REMOVE = "delete from channel where workspace_id = %s and id = %s returning kind"

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*\S[^\x00]*$")]
Id = Annotated[str, Field(pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Origin = Annotated[str, Field(pattern=r"^(\*|https?://[a-z0-9.-]+(:[0-9]{1,5})?)$")]
ELSEWHERE = re.compile(r"[^@\s\x00]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
Domain = Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253)]


def _address_elsewhere(text: str) -> str:
    address = normal_address(text)
    if not ELSEWHERE.fullmatch(address):
        raise ValueError(f"{text} is not of the form name@domain")
    return address


Aliases = Annotated[
    list[Annotated[str, Field(max_length=254), AfterValidator(_address_elsewhere)]], Field(max_length=50)
]


class Widget(c.WidgetSettings):
    model_config = ConfigDict(extra="forbid")

    origins: list[Origin] = Field(default_factory=lambda: ["*"], max_length=100, description="Sites that may use it.")


class Email(c.EmailSettings):
    model_config = ConfigDict(extra="forbid")

    aliases: Aliases = Field(default_factory=list[str], description=c.EmailSettings.model_fields["aliases"].description)

    @field_validator("address", mode="before")
    @classmethod
    def _normal(cls, value: Any) -> Any:
        return normal_address(value) if isinstance(value, str) else value

    @model_validator(mode="before")
    @classmethod
    def _render(cls, given: Any) -> Any:
        """The gateway has no renderer of Markdown, and nobody may send HTML of their own."""
        if not isinstance(given, dict):
            return given
        return given | {"signature_html": to_html(str(given.get("signature") or ""))}


class Slack(c.SlackSettings):
    model_config = ConfigDict(extra="forbid")

    own_domains: list[Domain] = Field(default_factory=list[str], max_length=100)


class SlackSecrets(c.SlackSecrets):
    model_config = ConfigDict(extra="forbid")


class EmailSecrets(c.EmailSecrets):
    model_config = ConfigDict(extra="forbid")


class _New(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: Id | None = Field(default=None, description="Unique in the installation; made up if left out.")
    name: Name = Field(examples=["Shop"])


class NewWidget(_New):
    kind: Literal["widget"]
    settings: Widget = Widget()


class NewEmail(_New):
    kind: Literal["email"]
    settings: Email
    secrets: EmailSecrets = EmailSecrets()


class NewSlack(_New):
    kind: Literal["slack"]
    settings: Slack
    secrets: SlackSecrets


NewChannel = Annotated[NewWidget | NewEmail | NewSlack, Field(discriminator="kind")]
SETTINGS = {"widget": Widget, "email": Email, "slack": Slack}


class ChannelPatch(BaseModel):
    """Only what is given changes, within `settings` too."""

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    active: bool | None = Field(default=None, description="False: nothing is taken or sent there any more.")
    settings: dict[str, Any] | None = Field(default=None, examples=[{"greeting": "Good day!"}])
    secrets: SlackSecrets | EmailSecrets | None = Field(
        default=None,
        description="Of a Slack channel, all; of a support address, those that change, null takes one away.",
    )
    new_identity_secret: bool = Field(default=False, description="Of a widget: the old one ends at once.")


async def create(connection: Connection, caller: Caller, new: Any, seal: Seal) -> tuple[Any, dict[str, str]]:
    """Returns the row, and the secrets that were made for it. Raises 409 problems."""
    id_ = new.id or f"{new.kind}-{secrets.token_hex(8)}"
    made = _identity_secret() if new.kind == "widget" else {}
    kept = made or ({} if new.kind == "widget" else new.secrets.model_dump(exclude_none=True))
    settings = new.settings.model_dump()
    own = [id_, caller.workspace, new.kind, new.name.strip(), _address(new.kind, settings), Jsonb(settings)]
    if id_ in OF_THE_INSTALLATION:
        raise Problem(409, "This id is the installation's own", "Choose another one. Nothing was changed.")
    try:
        row = await (await connection.execute(ADD, [*own, seal.close(id_, kept)])).fetchone()
    except UniqueViolation as error:
        raise _taken(error) from None
    await audit.record(connection, caller, "channel.created", id_, {"kind": new.kind})
    return row, made


async def change(
    connection: Connection, caller: Caller, id_: str, patch: ChannelPatch, seal: Seal, version: int | None
) -> tuple[Any, dict[str, str]]:
    """Returns the row, and a secret that was made for it. Raises 404, 409, 412 and 422 problems."""
    row = await (await connection.execute(f"{ONE} for update", [caller.workspace, id_])).fetchone()
    if row is None:
        raise NO_SUCH
    etags.expect(row, version, "channel")
    settings = settings_of(row, patch.settings or {})
    made = _identity_secret() if patch.new_identity_secret else {}
    sealed = _sealed(row, patch, settings, made, seal)
    active = row.active if patch.active is None else patch.active
    new = [patch.name or row.name, _address(row.kind, settings), Jsonb(settings), sealed, active, id_]
    try:
        row = await (await connection.execute(SAVE, new)).fetchone()
    except UniqueViolation as error:
        raise _taken(error) from None
    fields = sorted(patch.model_fields_set | set(patch.settings or {}))
    await audit.record(connection, caller, "channel.changed", id_, {"fields": fields})
    return row, made


async def remove(connection: Connection, caller: Caller, id_: str) -> str:
    """What came by it stays. Returns its kind. Raises a 404 problem."""
    row = await (await connection.execute(REMOVE, [caller.workspace, id_])).fetchone()
    if row is None:
        raise NO_SUCH
    await audit.record(connection, caller, "channel.removed", id_, {"kind": row.kind})
    return row.kind


async def all_of(connection: Connection, workspace: str) -> Sequence[Any]:
    return await (await connection.execute(ALL, [workspace, list(OF_THE_INSTALLATION)])).fetchall()


async def one(connection: Connection, workspace: str, id_: str) -> Any:
    """Raises a 404 problem."""
    row = await (await connection.execute(ONE, [workspace, id_])).fetchone()
    if row is None:
        raise NO_SUCH
    return row


def settings_of(row: Any, given: dict[str, Any]) -> dict[str, Any]:
    """With what is `given` changed. Raises a 422 problem."""
    try:
        return SETTINGS[row.kind].model_validate(row.settings | given).model_dump()
    except ValidationError as error:
        errors = [{"at": ".".join(map(str, ("settings", *e["loc"]))), "problem": e["msg"]} for e in error.errors()]
        raise Problem(422, "The request is not valid", errors=errors) from None


async def tell(bus: Bus, workspace: str, kind: str, id_: str) -> None:
    """Gateways of the kind ask again. One that does not hear it asks by itself within a minute."""
    if bus.connected:
        await bus.say_live(subjects.live(workspace, "channels", kind), c.ChannelChanged(id=id_))


def same_server(one: c.ImapSettings | None, other: c.ImapSettings | None) -> bool:
    """Whether who gets the secrets of a mailbox stays the same. Nobody has them sent to a machine of their own."""
    gets = {"host", "port", "security", "token_url"}
    return one is not None and other is not None and one.model_dump(include=gets) == other.model_dump(include=gets)


def _sealed(row: Any, patch: ChannelPatch, settings: dict[str, Any], made: dict[str, str], seal: Seal) -> str | None:
    """Raises 409 and 422 problems."""
    if row.kind == "email" and patch.secrets is None and _mailbox_moved(row, settings):
        patch = patch.model_copy(update={"secrets": EmailSecrets()})
    if not made and patch.secrets is None:
        return row.secrets
    if row.kind != ("widget" if made else "slack" if isinstance(patch.secrets, SlackSecrets) else "email"):
        raise Problem(422, "A channel of this kind has no such secret", "Nothing was changed.")
    if not isinstance(patch.secrets, EmailSecrets):
        return seal.close(row.id, made or patch.secrets.model_dump())  # type: ignore[union-attr]
    try:
        kept = seal.open(row.id, row.secrets)
    except ValueError:  # of another ONETHREAD_SECRET: nobody can use them any more
        kept = {}
    if _mailbox_moved(row, settings):
        kept = {name: value for name, value in kept.items() if not name.startswith(OF_MAILBOX)}
    new = kept | patch.secrets.model_dump(exclude_unset=True)
    return seal.close(row.id, {name: value for name, value in new.items() if value is not None})


def _mailbox_moved(row: Any, settings: dict[str, Any]) -> bool:
    before, after = (c.EmailSettings.model_validate(one).imap for one in (row.settings, settings))
    return before is not None and not same_server(before, after)


def _identity_secret() -> dict[str, str]:
    return {"identity_secret": secrets.token_urlsafe(c.SIGNING_KEY)}


def _address(kind: str, settings: dict[str, Any]) -> str | None:
    name = ADDRESSES[kind]
    return settings[name] if name else None


def _taken(error: UniqueViolation) -> Problem:
    what = "address" if error.diag.constraint_name == "channel_address" else "id"
    return Problem(409, f"This {what} is another channel's already", "Nothing was changed.")
