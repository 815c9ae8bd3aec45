"""Channels over REST."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Request, Response
from pydantic import BaseModel, Field

from onethread.conversation import channels, etags
from onethread.conversation.access import ADMINISTRATION, CallerDep
from onethread.conversation.admin_api import DatabaseDep
from onethread.conversation.channels import ChannelPatch, NewChannel
from onethread.conversation.etags import IfMatchDep
from onethread.conversation.once import OnceDep

router = APIRouter(prefix="/api/v1/channels", tags=[ADMINISTRATION])
ChannelId = Annotated[str, Path(max_length=63)]
SHOP = {"kind": "widget", "name": "Shop", "settings": {"origins": ["https://shop.example"], "brand": "#0b6e4f"}}
SALES = {"kind": "email", "name": "Sales", "settings": {"address": "sales@shop.example"}}
TEAM = {
    "kind": "slack",
    "name": "Customers",
    "settings": {"team_id": "T012AB3C4", "own_domains": ["shop.example"]},
    "secrets": {"bot_token": "xoxb-…", "signing_secret": "8f742231b10e…"},
}
EXAMPLES: Any = {
    "a widget": {"value": SHOP}, "a support address": {"value": SALES}, "a Slack installation": {"value": TEAM},
}  # fmt: skip


class ChannelView(BaseModel):
    id: str = Field(examples=["widget-5f0c1d2e3a4b5c6d"])
    kind: Literal["widget", "email", "slack"]
    name: str = Field(examples=["Shop"])
    active: bool
    settings: dict[str, Any] = Field(
        examples=[{"origins": ["https://shop.example"], "greeting": "Hello!", "brand": None}]
    )
    version: int
    created_at: datetime

    @classmethod
    def of(cls, row: Any, **more: Any) -> ChannelView:
        own = {name: getattr(row, name) for name in ChannelView.model_fields}
        return cls(**own, **more)


class ShownChannel(ChannelView):
    secrets: dict[str, str] = Field(
        default_factory=dict[str, str],
        examples=[{"identity_secret": "mZ0…"}],
        description="Those that were made just now. Shown this once: a repeated request is answered without them.",
    )


class Channels(BaseModel):
    items: list[ChannelView]
    next: None = None


@router.get("")
async def list_channels(caller: CallerDep, database: DatabaseDep) -> Channels:
    """What was made here. The installation's own channels are in its settings."""
    async with database.transaction(caller.workspace) as connection:
        return Channels(items=[ChannelView.of(row) for row in await channels.all_of(connection, caller.workspace)])


@router.post("", status_code=201)
async def create_channel(
    new: Annotated[NewChannel, Body(openapi_examples=EXAMPLES)],
    request: Request,
    caller: CallerDep,
    database: DatabaseDep,
    once: OnceDep,
) -> ShownChannel:
    """Its gateway serves it within seconds. A widget's `identity_secret` signs who a site's customers are."""
    async with database.transaction(caller.workspace) as connection:
        if before := await once.earlier(connection):
            return ShownChannel.model_validate(before.answer)
        row, made = await channels.create(connection, caller, new, request.app.state.seal)
        await once.keep(connection, answer=ChannelView.of(row).model_dump(mode="json"))
    await channels.tell(request.app.state.bus, caller.workspace, row.kind, row.id)
    return ShownChannel.of(row, secrets=made)  # type: ignore[return-value]


@router.get("/{channel_id}")
async def get_channel(
    channel_id: ChannelId, caller: CallerDep, database: DatabaseDep, response: Response
) -> ChannelView:
    async with database.transaction(caller.workspace) as connection:
        row = await channels.one(connection, caller.workspace, channel_id)
    etags.tag(response, row.version)
    return ChannelView.of(row)


@router.patch("/{channel_id}")
async def change_channel(
    channel_id: ChannelId,
    patch: ChannelPatch,
    request: Request,
    caller: CallerDep,
    database: DatabaseDep,
    response: Response,
    version: IfMatchDep,
) -> ShownChannel:
    async with database.transaction(caller.workspace) as connection:
        row, made = await channels.change(connection, caller, channel_id, patch, request.app.state.seal, version)
    await channels.tell(request.app.state.bus, caller.workspace, row.kind, row.id)
    etags.tag(response, row.version)
    return ShownChannel.of(row, secrets=made)  # type: ignore[return-value]


@router.delete("/{channel_id}", status_code=204)
async def remove_channel(channel_id: ChannelId, request: Request, caller: CallerDep, database: DatabaseDep) -> None:
    """Nothing is taken or sent there any more. What came by it stays."""
    async with database.transaction(caller.workspace) as connection:
        kind = await channels.remove(connection, caller, channel_id)
    await channels.tell(request.app.state.bus, caller.workspace, kind, channel_id)
