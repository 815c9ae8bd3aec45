"""Slack's Web API, as far as a support bot speaks it: same arguments, same answers, same error words."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from onethread.playground import slack_shapes as shapes
from onethread.playground.people import (
    BOT_ID,
    BOT_USER,
    PEOPLE,
    PLACES,
    TEAM_ID,
    TEAM_NAME,
    Place,
    find_person,
    find_place,
)
from onethread.playground.slack_room import Message, Room
from onethread.playground.store import Store

TEXT_LIMIT = 40_000
BLOCK_LIMIT = 50
PAGE_LIMIT = 1000
SCOPES = (
    "app_mentions:read,assistant:write,channels:history,channels:read,chat:write,chat:write.customize,im:history,im:read,"
    "im:write,reactions:read,reactions:write,team:read,users:read,users:read.email"
)

Args = dict[str, Any]
Answer = dict[str, Any]


class SlackRefusal(Exception):  # noqa: N818 - an answer, not a fault
    """`code` is Slack's own word, such as `channel_not_found`."""

    def __init__(self, code: str, **more: Any) -> None:
        self.answer = {"ok": False, "error": code, **more}
        super().__init__(code)


def router(room: Room, store: Store, token: str, own_url: str) -> APIRouter:
    """`/slack/api/{method}`, by GET or POST, with a form, JSON or query arguments and a bearer token."""
    methods = _WebApi(room, store, own_url).methods()
    routes = APIRouter(prefix="/slack/api", include_in_schema=False)

    @routes.api_route("/{method}", methods=["GET", "POST"])
    async def call(method: str, request: Request) -> JSONResponse:
        try:
            args = await _arguments(request)
            handler = methods.get(method)
            if handler is None:
                raise SlackRefusal("unknown_method", req_method=method)  # noqa: TRY301
            if method != "api.test":
                _check_token(request, args, token)
            answer = {"ok": True, **handler(args)}
        except SlackRefusal as refusal:
            answer = refusal.answer
        return JSONResponse(answer, headers={"X-OAuth-Scopes": SCOPES})

    return routes


async def _arguments(request: Request) -> Args:
    args: Args = dict(request.query_params)
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            body = json.loads(await request.body() or b"{}")
        except ValueError:
            raise SlackRefusal("invalid_json") from None
        if not isinstance(body, dict):
            raise SlackRefusal("json_not_object")
        return {**args, **body}
    return {**args, **dict(await request.form())}


def _check_token(request: Request, args: Args, token: str) -> None:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    given = given.strip() if scheme.lower() == "bearer" else args.get("token", "")
    if not given:
        raise SlackRefusal("not_authed")
    if not hmac.compare_digest(given.encode(), token.encode()):
        raise SlackRefusal("invalid_auth")


class _WebApi:
    def __init__(self, room: Room, store: Store, own_url: str) -> None:
        self._room = room
        self._store = store
        self._own_url = own_url

    def methods(self) -> dict[str, Callable[[Args], Answer]]:
        return {
            "api.test": lambda args: {"args": args},
            "auth.test": lambda _: shapes.auth_test(self._own_url),
            "team.info": lambda _: {"team": {"id": TEAM_ID, "name": TEAM_NAME, "domain": TEAM_NAME.lower()}},
            "bots.info": lambda _: {"bot": {**shapes.BOT, "user_id": BOT_USER}},
            "users.info": lambda args: {"user": _user(args.get("user", ""))},
            "users.lookupByEmail": lambda args: {"user": _user_by_email(args.get("email", ""))},
            "users.list": lambda _: {"members": [shapes.user(p) for p in PEOPLE] + [shapes.bot_user()], **_end()},
            "conversations.list": lambda _: {
                "channels": [shapes.channel(p) for p in PLACES if not p.is_direct],
                **_end(),
            },
            "conversations.info": lambda args: {"channel": shapes.channel(_place(args))},
            "conversations.members": lambda args: {"members": list(_place(args).members), **_end()},
            "conversations.open": self.open,
            "conversations.history": self.history,
            "conversations.replies": self.replies,
            "chat.postMessage": self.post_message,
            "chat.update": self.update,
            "chat.delete": self.delete,
            "chat.getPermalink": self.permalink,
            "reactions.add": self.check_message,
            "reactions.remove": self.check_message,
            "assistant.threads.setStatus": self.set_status,
            "assistant.threads.setTitle": lambda _: {},
            "assistant.threads.setSuggestedPrompts": lambda _: {},
        }

    def open(self, args: Args) -> Answer:
        if args.get("channel"):
            return {"channel": {"id": _place(args).id}}
        users = str(args.get("users", ""))
        if not users:
            raise SlackRefusal("users_list_not_supplied")
        person = find_person(users)
        if person is None:
            raise SlackRefusal("user_not_found")
        return {"no_op": True, "already_open": True, "channel": {"id": person.direct_channel}}

    def history(self, args: Args) -> Answer:
        oldest, latest, limit = _window(args)
        found = self._store.roots(_place(args).id, oldest=oldest, latest=latest, limit=limit + 1)
        return _page([shapes.shown(m, args) for m in found], limit)

    def replies(self, args: Args) -> Answer:
        thread = self._store.thread(_place(args).id, str(args.get("ts", "")))
        if not thread:
            raise SlackRefusal("thread_not_found")
        oldest, latest, limit = _window(args, reverse=True)
        root, *rest = thread
        found = [root, *(m for m in rest if oldest <= m["ts"] <= latest)]
        return _page([shapes.shown(m, args) for m in found], limit)

    def post_message(self, args: Args) -> Answer:
        place = _place(args)
        said = _content(args)
        if args.get("username"):
            said["username"] = args["username"]
        message = self._room.post(place, said, args.get("thread_ts") or None)
        return {"channel": place.id, "ts": message["ts"], "message": message}

    def update(self, args: Args) -> Answer:
        place, before = self._own_message(args, "cant_update_message")
        after = self._room.update(place, before, _content(args))
        return {"channel": place.id, "ts": before["ts"], "text": after["text"], "message": after}

    def delete(self, args: Args) -> Answer:
        place, message = self._own_message(args, "cant_delete_message")
        self._room.delete(place, message["ts"])
        return {"channel": place.id, "ts": message["ts"]}

    def permalink(self, args: Args) -> Answer:
        place, message = self._message(args, "message_ts")
        link = f"{self._own_url}/slack?channel={place.id}&ts={message['ts']}"
        return {"channel": place.id, "permalink": link}

    def check_message(self, args: Args) -> Answer:
        self._message(args, "timestamp")
        return {}

    def set_status(self, args: Args) -> Answer:
        place = _place({"channel": args.get("channel_id", "")})
        self._room.set_status(place, str(args.get("thread_ts", "")), str(args.get("status", "")))
        return {}

    def _message(self, args: Args, key: str) -> tuple[Place, Message]:
        place = _place(args)
        message = self._store.message(place.id, str(args.get(key, "")))
        if message is None:
            raise SlackRefusal("message_not_found")
        return place, message

    def _own_message(self, args: Args, refusal: str) -> tuple[Place, Message]:
        place, message = self._message(args, "ts")
        if message.get("bot_id") != BOT_ID:
            raise SlackRefusal(refusal)
        return place, message


def _place(args: Args) -> Place:
    wanted = str(args.get("channel") or "")
    person = find_person(wanted) if wanted.startswith("U") else None
    place = find_place(person.direct_channel if person else wanted)
    if place is None:
        raise SlackRefusal("channel_not_found")
    return place


def _user(user_id: str) -> dict[str, Any]:
    if user_id == BOT_USER:
        return shapes.bot_user()
    person = next((p for p in PEOPLE if p.slack_id == user_id), None)
    if person is None:
        raise SlackRefusal("user_not_found")
    return shapes.user(person)


def _user_by_email(email: str) -> dict[str, Any]:
    person = next((p for p in PEOPLE if p.email == email.lower()), None)
    if person is None:
        raise SlackRefusal("users_not_found")
    return shapes.user(person)


def _content(args: Args) -> Message:
    blocks = _parsed(args.get("blocks"), "invalid_blocks")
    metadata = _parsed(args.get("metadata"), "invalid_metadata_format")
    text = str(args.get("text") or args.get("markdown_text") or "")
    if not text and not blocks:
        raise SlackRefusal("no_text")
    if len(text) > TEXT_LIMIT:
        raise SlackRefusal("msg_too_long")
    if blocks and (not isinstance(blocks, list) or len(blocks) > BLOCK_LIMIT):
        raise SlackRefusal("invalid_blocks")
    if metadata and not (isinstance(metadata, dict) and {"event_type", "event_payload"} <= metadata.keys()):
        raise SlackRefusal("invalid_metadata_format")
    return {"text": text, **({"blocks": blocks} if blocks else {}), **({"metadata": metadata} if metadata else {})}


def _parsed(value: Any, refusal: str) -> Any:
    """In a form, what has parts comes as JSON text."""
    if not isinstance(value, str) or not value:
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise SlackRefusal(refusal) from None


def _window(args: Args, *, reverse: bool = False) -> tuple[str, str, int]:
    """`oldest`, `latest` and `limit`; a cursor moves the end at which reading goes on."""
    oldest, latest = str(args.get("oldest") or "0"), str(args.get("latest") or "9999999999")
    if cursor := str(args.get("cursor") or ""):
        try:
            at = base64.b64decode(cursor, validate=True).decode().removeprefix("next_ts:")
        except ValueError:
            raise SlackRefusal("invalid_cursor") from None
        oldest, latest = (at, latest) if reverse else (oldest, at)
    limit = str(args.get("limit") or 100)
    if not limit.isdecimal() or limit == "0":
        raise SlackRefusal("invalid_limit")
    return oldest, latest, min(int(limit), PAGE_LIMIT)


def _page(found: list[Message], limit: int) -> Answer:
    more = len(found) > limit
    cursor = base64.b64encode(f"next_ts:{found[limit]['ts']}".encode()).decode() if more else ""
    return {"messages": found[:limit], "has_more": more, **_end(cursor)}


def _end(cursor: str = "") -> Answer:
    return {"response_metadata": {"next_cursor": cursor}}
