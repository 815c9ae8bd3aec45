"""Two workspaces over the API, the bus and the streams: nothing of one is there for the other."""

from __future__ import annotations

import asyncio
import functools
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from plugins.conversation_world import Outside, received, verified
from psycopg import sql

from onethread.contracts import questions as q
from onethread.contracts import subjects
from onethread.contracts.ids import lane
from onethread.conversation.access import WORKSPACE_HEADER

pytestmark = pytest.mark.connected
ANA = verified("email", "ana@pineandpaper.example")
TABLES = "select table_name from information_schema.tables where table_schema = 'public'"
SECRET = "only beta may read this"
LISTS = ("threads", "customers", "teammates", "audit", "channels", "api-keys", "tags", "dead-letters")


async def say(outside: Outside, workspace: str, text: str, **more: Any) -> Any:
    event = received("email", text, ANA, **more)
    await outside.say(event.model_copy(update={"workspaceid": workspace, "id": uuid4()}))


@dataclass
class Two:
    """`local` and `beta`, with a teammate, a key, a thread of the same customer, and an act of each kind in both."""

    outside: Outside
    root: httpx.AsyncClient
    admin: httpx.AsyncClient
    """An administrator's key of `local`."""
    own: dict[str, str] = field(default_factory=dict[str, str])
    foreign: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


@pytest.fixture
async def two(outside: Outside, database_url: str) -> AsyncIterator[Two]:
    root = outside.api
    beta = {WORKSPACE_HEADER: "beta"}
    assert (await root.post("/api/v1/workspaces", json={"slug": "beta", "name": "Beta"})).status_code == 201
    key = (await root.post("/api/v1/api-keys", json={"name": "x", "scopes": ["admin"]})).json()["key"]
    admin = httpx.AsyncClient(
        transport=httpx.ASGITransport(outside.app), base_url="http://inbox", headers={"Authorization": f"Bearer {key}"}
    )
    two = Two(outside, root, admin)
    for workspace, headers in (("local", {}), ("beta", beta)):
        text = SECRET if workspace == "beta" else "ours"
        await say(outside, workspace, text)
        threads = await outside.wait(functools.partial(_threads_of, outside, workspace))
        new = {"email": f"mara@{workspace}.example", "name": text, "password": "a good password"}
        await root.post("/api/v1/teammates", json=new, headers=headers)
        await root.post("/api/v1/api-keys", json={"name": text, "scopes": ["read"]}, headers=headers)
        note = {"text": text, "note": True}
        added = await root.post(f"/api/v1/threads/{threads[0]}/messages", json=note, headers=headers)
        assert added.status_code == 201, added.text
        split = {"message_ids": [added.json()["id"]]}
        await root.post(f"/api/v1/threads/{threads[0]}/split", json=split, headers=headers)
    two.own, two.foreign = _ids(database_url, "local"), _all_ids(database_url, "beta")
    yield two
    await admin.aclose()


def _threads_of(outside: Outside, workspace: str) -> list[Any] | None:
    return [one.threadid for one in outside.added if one.workspaceid == workspace] or None


def _ids(url: str, workspace: str) -> dict[str, str]:
    return {table: ids[0] for table, ids in _all_ids(url, workspace).items()}


def _all_ids(url: str, workspace: str) -> dict[str, list[str]]:
    """The ids of everything that the workspace has, by table."""
    found: dict[str, list[str]] = {}
    with psycopg.connect(url) as connection:
        for (table,) in connection.execute(TABLES).fetchall():
            columns = sql.SQL("select column_name from information_schema.columns where table_name = %s")
            names = {row[0] for row in connection.execute(columns, [table]).fetchall()}
            if {"id", "workspace_id"} <= names:
                read = sql.SQL("select id::text from {} where workspace_id = %s").format(sql.Identifier(table))
                found[table] = [row[0] for row in connection.execute(read, [workspace]).fetchall()]
    return {table: ids for table, ids in found.items() if ids} | {"workspace": [workspace]}


def with_path_parameters(app: Any) -> list[tuple[str, str, dict[str, Any]]]:
    document = app.openapi()
    return [
        (method, path, one | {"components": document["components"]["schemas"]})
        for path, methods in document["paths"].items()
        for method, one in methods.items()
        if "{" in path
    ]


def body_of(endpoint: dict[str, Any], id_: str) -> Any:
    """The least that the endpoint takes, with `id_` wherever it asks for an id."""
    content = endpoint.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema")
    return _value(schema, endpoint["components"], id_) if schema else None


def _value(schema: dict[str, Any], named: dict[str, Any], id_: str) -> Any:
    if inner := schema.get("$ref") or schema.get("anyOf"):
        return _value(named[inner.rsplit("/", 1)[1]] if isinstance(inner, str) else inner[0], named, id_)
    if schema.get("type") == "object":
        wanted = schema.get("required") or [n for n, p in schema.get("properties", {}).items() if _is_id(p)][:1]
        return {name: _value(schema["properties"][name], named, id_) for name in wanted}
    if schema.get("type") == "array":
        return [_value(schema["items"], named, id_)]
    if _is_id(schema):
        return id_
    given = [schema["const"]] if "const" in schema else schema.get("enum") or schema.get("examples")
    return given[0] if given else {"integer": 1, "number": 1, "boolean": True}.get(schema["type"], "x@example.org")


def _is_id(schema: dict[str, Any]) -> bool:
    return schema.get("format") == "uuid"


def path_with(path: str, id_: str) -> str:
    return re.sub(r"\{[^}]*\}", id_, path.replace("{sha256}", "0" * 64))


class TestOverTheApi:
    async def test_what_the_other_has_is_as_if_it_were_not_there(self, two: Two) -> None:
        """Walks the OpenAPI document, so that an endpoint that is new is tried by itself."""
        tried, wrong = 0, set[str]()
        foreign = sorted({one for ids in two.foreign.values() for one in ids})
        for method, path, endpoint in with_path_parameters(two.outside.app):
            unknown = str(uuid4())
            missing = await self.ask(two.admin, method, path, endpoint, unknown)
            for id_ in foreign:
                answer = await self.ask(two.admin, method, path, endpoint, id_)
                if not _is_id_like(id_) and answer.status_code == 422:
                    continue  # no id of this kind of thing
                same = answer.content.replace(id_.encode(), b"") == missing.content.replace(unknown.encode(), b"")
                if answer.status_code != 404 or not same:
                    wrong.add(f"{method} {path}: {answer.text}")
                tried += 1
        assert wrong == set()
        assert tried > 100

    async def ask(
        self, who: httpx.AsyncClient, method: str, path: str, endpoint: dict[str, Any], id_: str, body_id: str = ""
    ) -> httpx.Response:
        body_id = body_id or str(uuid4())
        asked = {
            one["name"]: _value(one["schema"], endpoint["components"], body_id)
            for one in endpoint.get("parameters", [])
            if one["in"] == "query" and one.get("required")
        }
        return await who.request(method, path_with(path, id_), json=body_of(endpoint, body_id), params=asked)

    async def test_what_the_other_has_cannot_be_named_in_a_body(self, two: Two) -> None:
        """On things of our own, with ids of the other's: nothing happens, and the answer is that to an unknown id."""
        own = {"thread_id": "thread", "customer_id": "customer", "teammate_id": "teammate"}
        tried, wrong = 0, set[str]()
        for method, path, endpoint in with_path_parameters(two.outside.app):
            names = re.findall(r"\{([^}]*)\}", path)
            if names[:1] == [] or names[0] not in own or len(names) > 1 or _no_ids(endpoint):
                continue
            id_, unknown = two.own[own[names[0]]], str(uuid4())
            missing = await self.ask(two.admin, method, path, endpoint, id_, unknown)
            for foreign in {one for ids in two.foreign.values() for one in ids if _is_id_like(one)}:
                answer = await self.ask(two.admin, method, path, endpoint, id_, foreign)
                same = answer.content.replace(foreign.encode(), b"") == missing.content.replace(unknown.encode(), b"")
                if answer.status_code not in {404, 409, 422} or not same:
                    wrong.add(f"{method} {path}: {answer.text} and not {missing.text}")
                tried += 1
        assert wrong == set()
        assert tried > 20

    async def test_no_list_and_no_search_has_anything_of_the_other(self, two: Two) -> None:
        foreign = {one for ids in two.foreign.values() for one in ids if _is_id_like(one)}
        for name in LISTS:
            for asked in ({}, {"q": "beta"}, {"q": "ana"}, {"status": "all"}, {"limit": 200}):
                answer = await two.admin.get(f"/api/v1/{name}", params=asked)
                if answer.status_code == 404 and name in {"tags", "channels"}:
                    continue
                assert answer.status_code == 200, name
                assert SECRET not in answer.text
                assert not [id_ for id_ in foreign if id_ in answer.text], name

    async def test_the_same_address_is_another_customer_in_each(self, two: Two) -> None:
        found = [
            (await two.root.get("/api/v1/customers", headers=headers)).json()["items"]
            for headers in ({}, {WORKSPACE_HEADER: "beta"})
        ]
        assert [len(items) for items in found] == [1, 1]
        assert found[0][0]["id"] != found[1][0]["id"]


def _is_id_like(text: str) -> bool:
    return len(text) == 36


def _no_ids(endpoint: dict[str, Any]) -> bool:
    return body_of(endpoint, "marker") == body_of(endpoint, "other marker")


class TestOnTheBus:
    async def test_a_stream_of_one_hears_nothing_of_the_other(self, two: Two) -> None:
        heard: list[str] = []

        async def listen() -> None:
            async for text in two.outside.app.state.stream.read("local", None):
                heard.append(text)

        task = asyncio.create_task(listen())
        await two.outside.wait(lambda: heard)  # it is connected
        await say(two.outside, "beta", "said in beta")
        thread = two.foreign["thread"][0]
        delta = q.Delta(kind="delta", thread_id=thread, place="x", reply_id=uuid4(), text="written in beta")
        await two.outside.bus.say_live(subjects.live("beta", "delta", "widget"), delta)
        await say(two.outside, "local", "said in local")
        await two.outside.wait(lambda: "said in local" in "".join(heard))
        task.cancel()
        assert "beta" not in "".join(heard)

    async def test_a_stream_replays_nothing_of_the_other(self, two: Two) -> None:
        event = two.foreign["outbox"][0]
        missed = await two.outside.app.state.stream._missed("local", event)
        assert [name for name, _, _ in missed] == ["reset"]

    async def test_questions_about_things_of_the_other_have_no_answer(self, two: Two) -> None:
        bus = two.outside.bus
        for thread in two.foreign["thread"]:
            asked = q.HistoryOfThread(workspace="local", thread_id=thread, place=f"email:{ANA.value}")
            assert (await bus.ask(subjects.CONVERSATION_HISTORY, asked, q.History)).messages == []
        asked_by = q.HistoryOfVisitor(workspace="local", identities=[verified("site_user", "x"), ANA])
        seen = await bus.ask(subjects.CONVERSATION_VISITOR, asked_by, q.History)
        assert {message.text for message in seen.messages} <= {"ours"}
        nowhere = asked_by.model_copy(update={"workspace": "no-such"})
        assert (await bus.ask(subjects.CONVERSATION_VISITOR, nowhere, q.History)).messages == []


class TestEventsThatStray:
    async def letter(self, outside: Outside) -> dict[str, Any]:
        for _ in range(1_000):
            if letters := (await outside.api.get("/api/v1/dead-letters")).json()["items"]:
                return letters[0]
            await asyncio.sleep(0.02)
        raise AssertionError("it was not parked")

    async def test_that_say_another_workspace_than_their_subject_are_parked(self, outside: Outside) -> None:
        await outside.api.post("/api/v1/workspaces", json={"slug": "beta", "name": "Beta"})
        event = received("email", "strayed", ANA)
        subject = f"ot.beta.message.received.email.{lane(ANA.value)}"
        await outside.bus.publish_raw(subject, event.to_json(), str(event.id))
        assert (await self.letter(outside))["reason"].endswith("the event says another workspace than its subject")
        assert await outside.threads() == []

    async def test_of_a_workspace_that_is_not_there_are_parked_and_found_by_the_installations_key(
        self, outside: Outside
    ) -> None:
        await say(outside, "no-such", "hello?")
        letter = await self.letter(outside)
        assert letter["reason"] == "PoisonError: there is no such workspace"
        key = await outside.api.post("/api/v1/api-keys", json={"name": "x", "scopes": ["admin"]})
        mine = {"Authorization": f"Bearer {key.json()['key']}"}
        assert (await outside.api.get("/api/v1/dead-letters", headers=mine)).json()["items"] == []
        replay = {"id": letter["id"], "action": "replay"}
        assert (await outside.api.post("/api/v1/dead-letters", json=replay, headers=mine)).status_code == 404
        await outside.api.post("/api/v1/workspaces", json={"slug": "no-such", "name": "Now it is"})
        assert (await outside.api.post("/api/v1/dead-letters", json=replay)).status_code == 202
        await outside.wait(lambda: _threads_of(outside, "no-such"))
        assert json.loads(letter["body"])["workspaceid"] == "no-such"


async def test_how_long_a_thread_may_be_reopened_is_the_workspaces_own(two: Two) -> None:
    """No workspace but its own is changed by it, and it holds for the next message within seconds."""
    beta = {WORKSPACE_HEADER: "beta"}
    await two.root.patch("/api/v1/workspaces/local", json={"settings": {"reopen_days": 0}})
    two.outside.app.state.workspaces._known.clear()  # as if five seconds had passed
    found: dict[str, set[str]] = {}
    for workspace, headers in (("local", {}), ("beta", beta)):
        threads = (await two.root.get("/api/v1/threads", headers=headers)).json()["items"]
        for thread in threads:
            closed = await two.root.patch(f"/api/v1/threads/{thread['id']}", json={"status": "closed"}, headers=headers)
            assert closed.status_code == 200
        await say(two.outside, workspace, "Once more")
        added = await two.outside.wait(functools.partial(_added, two.outside, workspace, "Once more"))
        found[workspace] = {"reopened" if str(added.threadid) in {one["id"] for one in threads} else "new"}
    assert found == {"local": {"new"}, "beta": {"reopened"}}


def _added(outside: Outside, workspace: str, text: str) -> Any | None:
    return next((a for a in outside.added if a.workspaceid == workspace and a.data.message.text == text), None)
