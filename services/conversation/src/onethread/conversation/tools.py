"""Tools that administrators define: an address of their own system, what it needs, and what it may say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from onethread.contracts.tools import Tool
from onethread.conversation import audit, etags, tool_request
from onethread.conversation.access import Caller
from onethread.conversation.database import Connection
from onethread.conversation.sealing import Seal
from onethread.runtime.errors import Problem

NO_SUCH = Problem(404, "There is no such tool")
MOST_TOOLS = 50

ADD = """insert into tool (id, workspace_id, name, definition, secrets, active, created_at)
    values (%s, %s, %s, %s, %s, %s, now()) returning *"""
ALL = "select * from tool where workspace_id = %s order by created_at, id"
ACTIVE = "select * from tool where workspace_id = %s and active order by created_at, id"
ONE = "select * from tool where workspace_id = %s and id = %s"
NAMED = "select * from tool where workspace_id = %s and name = %s and active"
SAVE = """update tool set name = %s, definition = %s, secrets = %s, active = %s, version = version + 1
    where id = %s returning *"""
REMOVE = "delete from tool where workspace_id = %s and id = %s returning name"

Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,47}$")]
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00\r\n]*\S[^\x00\r\n]*$")]
HeaderName = Annotated[str, Field(pattern="^[A-Za-z0-9-]{1,60}$")]
HeaderValue = Annotated[str, Field(max_length=4_000, pattern=r"^[\x20-\x7e]*$")]
Pointer = Annotated[str, Field(max_length=300, pattern="^(/[^/\x00]*)+$")]
Binding = Annotated[str, Field(pattern=r"^(email|site_user|customer_id|attribute:[^\x00]{1,100})$")]
FORBIDDEN = {"host", "content-length", "transfer-encoding", "connection", "idempotency-key", "content-type"}


class Owner(BaseModel):
    """Where the answer says whose it is; another's is no answer."""

    model_config = ConfigDict(extra="forbid")

    pointer: Pointer = Field(examples=["/customer/email"])
    is_: Binding = Field(alias="is", examples=["email"])


class Definition(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name = Field(examples=["order_status"], description="How the language model calls it.")
    title: Line = Field(examples=["our order system"], description="The source, as customers read it.")
    description: str = Field(default="", max_length=2_000, description="When to use it.")
    examples: list[Line] = Field(
        default_factory=list[str],
        max_length=50,
        examples=[["where is my order 1042?"]],
        description="What customers write who need it, in any language. Without a language model they choose the tool.",
    )
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: str = Field(max_length=1_000, examples=["https://api.shop.example/orders/{order}"])
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict[str, str], max_length=20)
    parameters: dict[str, Any] = Field(
        default_factory=lambda: {"type": "object", "properties": {}},
        description="JSON Schema of what the customer says. A `pattern` finds it in their words, `title` asks for it.",
    )
    bindings: dict[Name, Binding] = Field(
        default_factory=dict[str, str],
        max_length=20,
        examples=[{"email": "email"}],
        description="Parameters that the server fills from this customer: `email` (proven), `site_user`, `customer_id` "
        "or `attribute:plan`. The agent neither sees nor sets them.",
    )
    access: Literal["reads", "writes"] = "reads"
    identified: bool = Field(default=True, description="Only for a customer whose identity is proven.")
    approval: bool = Field(default=True, description="A teammate approves each call that writes.")
    owner: Owner | None = None
    fields: dict[Name, Pointer] = Field(
        default_factory=dict[str, str],
        max_length=50,
        examples=[{"status": "/status"}],
        description="What of the answer may be said. Nothing else leaves this service.",
    )
    answer: str = Field(
        min_length=1,
        max_length=4_000,
        examples=["Your order {order} is {status}."],
        description="Markdown with fields and parameters. A line that lacks one is left out.",
    )
    seconds: float = Field(default=5.0, gt=0, le=15)
    kilobytes: int = Field(default=64, ge=1, le=1_024)

    @model_validator(mode="after")
    def _is_sound(self) -> Definition:
        tool_request.check_schema(self.parameters)
        own = {*self.parameters.get("properties", {})}
        self._check_owner(own)
        known = own | {*self.bindings}
        if unknown := set(tool_request.placeholders(self.url)) - known:
            raise ValueError(f"the address names {', '.join(sorted(unknown))}, which is no parameter")
        if unknown := set(tool_request.placeholders(self.answer)) - own - {*self.fields}:
            raise ValueError(f"the answer names {', '.join(sorted(unknown))}, which is neither a parameter nor a field")
        if forbidden := {name for name in self.headers if name.lower() in FORBIDDEN}:
            raise ValueError(f"{', '.join(sorted(forbidden))} is set by the server")
        return self

    def _check_owner(self, own: set[str]) -> None:
        if both := own & {*self.bindings}:
            raise ValueError(f"{', '.join(sorted(both))} is said by the customer or filled by the server, not both")
        if not self.identified and (self.access == "writes" or self.bindings or self.owner):
            raise ValueError("a tool that writes, or knows who asks, needs a proven identity")
        if self.access == "writes" and not self.bindings:
            raise ValueError("bind a parameter to the customer: the owner in an answer comes when the change is made")
        if self.identified and not self.bindings and self.owner is None:
            raise ValueError("bind a parameter to the customer, or say where the answer names its owner: else one "
                             "customer could ask for what is another's")  # fmt: skip


class NewTool(Definition):
    secret_headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict[str, str], max_length=10, description="Kept encrypted, and never shown again."
    )
    active: bool = True


class ToolPatch(BaseModel):
    """Only what is given changes, within `definition` too."""

    model_config = ConfigDict(extra="forbid")

    definition: dict[str, Any] | None = Field(default=None, examples=[{"seconds": 3}])
    secret_headers: dict[HeaderName, HeaderValue] | None = Field(default=None, max_length=10)
    active: bool | None = None


def definition_of(row: Any) -> Definition:
    return Definition.model_validate(row.definition)


def for_agent(row: Any) -> Tool:
    """Neither its address nor its secrets, nor what the server fills in."""
    own = definition_of(row)
    return Tool(
        name=own.name, title=own.title, description=own.description, examples=own.examples,
        parameters=own.parameters, writes=own.access == "writes",
    )  # fmt: skip


async def create(connection: Connection, caller: Caller, new: NewTool, seal: Seal, *, own_networks: bool) -> Any:
    """Raises 409 and 422 problems."""
    if len(await all_of(connection, caller.workspace)) >= MOST_TOOLS:
        raise Problem(409, f"There are {MOST_TOOLS} tools already", "Remove one first. Nothing was changed.")
    own = _checked(new.model_dump(by_alias=True, exclude={"secret_headers", "active"}), own_networks=own_networks)
    id_ = uuid4()
    kept = [Jsonb(own.model_dump(by_alias=True)), seal.close(f"tool {id_}", _checked_headers(new.secret_headers))]
    try:
        row = await (await connection.execute(ADD, [id_, caller.workspace, own.name, *kept, new.active])).fetchone()
    except UniqueViolation:
        raise _taken() from None
    await audit.record(connection, caller, "tool.created", id_, {"access": own.access})
    return row


async def change(
    connection: Connection, caller: Caller, id_: UUID, patch: ToolPatch, seal: Seal, version: int | None,
    *, own_networks: bool,
) -> Any:  # fmt: skip
    """Raises 404, 409, 412 and 422 problems."""
    row = await (await connection.execute(f"{ONE} for update", [caller.workspace, id_])).fetchone()
    if row is None:
        raise NO_SUCH
    etags.expect(row, version, "tool")
    own = _checked(row.definition | (patch.definition or {}), own_networks=own_networks)
    given = patch.secret_headers
    if given is None and _leads_elsewhere(row.definition["url"], own.url) and row.secrets:
        raise Problem(422, "The address leads to another host", "Give the secret headers again. Nothing was changed.")
    sealed = row.secrets if given is None else seal.close(f"tool {id_}", _checked_headers(given))
    active = row.active if patch.active is None else patch.active
    try:
        saved = await connection.execute(SAVE, [own.name, Jsonb(own.model_dump(by_alias=True)), sealed, active, id_])
        row = await saved.fetchone()
    except UniqueViolation:
        raise _taken() from None
    fields = sorted({*patch.model_fields_set, *(patch.definition or {})})
    await audit.record(connection, caller, "tool.changed", id_, {"fields": fields})
    return row


async def remove(connection: Connection, caller: Caller, id_: UUID) -> None:
    """Its calls stay in the log. Raises a 404 problem."""
    if await (await connection.execute(REMOVE, [caller.workspace, id_])).fetchone() is None:
        raise NO_SUCH
    await audit.record(connection, caller, "tool.removed", id_)


async def all_of(connection: Connection, workspace: str) -> Sequence[Any]:
    return await (await connection.execute(ALL, [workspace])).fetchall()


async def active(connection: Connection, workspace: str) -> list[Tool]:
    return [for_agent(row) for row in await (await connection.execute(ACTIVE, [workspace])).fetchall()]


async def one(connection: Connection, workspace: str, id_: UUID) -> Any:
    """Raises a 404 problem."""
    row = await (await connection.execute(ONE, [workspace, id_])).fetchone()
    if row is None:
        raise NO_SUCH
    return row


def _checked(given: dict[str, Any], *, own_networks: bool) -> Definition:
    try:
        own = Definition.model_validate(given)
        tool_request.check_url(own.url, own_networks=own_networks)
    except ValueError as error:
        errors = error.errors() if isinstance(error, ValidationError) else [{"loc": ("url",), "msg": str(error)}]
        listed = [{"at": ".".join(map(str, one["loc"])), "problem": one["msg"]} for one in errors]
        raise Problem(422, "The tool cannot be kept like that", listed[0]["problem"], errors=listed) from None
    return own


def _checked_headers(headers: dict[str, str]) -> dict[str, str]:
    if forbidden := {name for name in headers if name.lower() in FORBIDDEN}:
        raise Problem(422, f"{', '.join(sorted(forbidden))} is set by the server", "Nothing was changed.")
    return headers


def _leads_elsewhere(before: str, after: str) -> bool:
    return before.split("/", 3)[:3] != after.split("/", 3)[:3]


def _taken() -> Problem:
    return Problem(409, "This name is another tool's already", "Nothing was changed.")
