"""Files that teammates send with a reply, over REST: uploaded, sent, seen, taken back, forgotten."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from plugins.conversation_world import received, verified

from onethread.contracts import subjects
from onethread.contracts.files import FileOf
from onethread.contracts.originals import Original
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bodies import Bodies
from onethread.runtime.bus import Bus

pytestmark = pytest.mark.connected
ANA = verified("email", "ana@customers.example")
PDF = b"%PDF-1.7 " + bytes(range(256)) * 4000
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture
async def thread(outside: Any) -> str:
    return str((await outside.hear(received("email", "Where is my invoice?", ANA))).data.thread.id)


@pytest.fixture
async def bus(outside: Any, nats_url: str) -> AsyncIterator[Bus]:
    """A gateway's."""
    bus = Bus("gateway-email", ConversationSettings(nats_url=nats_url, api_key="key", admin_password="pw"))
    await bus.start()
    yield bus
    await bus.stop()


async def upload(outside: Any, thread: str, name: str, content: bytes, **headers: str) -> Any:
    asked = {"thread_id": thread, "name": name}
    return await outside.api.post("/api/v1/files", params=asked, content=content, headers=headers)


async def reply(outside: Any, thread: str, text: str, *files: Any, **more: Any) -> Any:
    new = {"text": text, "files": [file["id"] for file in files], **more}
    return await outside.api.post(f"/api/v1/threads/{thread}/messages", json=new)


async def content_for(bus: Bus, message: Any, sha256: str, workspace: str = "local", **more: Any) -> bytes | None:
    asked = FileOf(workspace=workspace, message_id=message, sha256=sha256, **more)
    answer = await bus.ask(subjects.CONVERSATION_FILE, asked, Original)
    return await Bodies(bus).receive(answer.body) if answer.body else None


async def test_a_reply_takes_its_files_along_and_the_event_only_names_them(outside, thread, bus):
    uploaded = await upload(outside, thread, "../Rechnung – größer.pdf", PDF)
    assert uploaded.status_code == 201
    file = uploaded.json()
    assert (file["name"], file["type"], file["size"]) == ("Rechnung – größer.pdf", "application/pdf", len(PDF))
    assert file["sha256"] == hashlib.sha256(PDF).hexdigest()
    sent = (await reply(outside, thread, "Here it is.", file)).json()
    shown = {name: value for name, value in file.items() if name != "id"}
    assert sent["attachments"] == [shown]
    requested = await outside.wait(lambda: next(iter(outside.requested), None))
    assert requested.data.attachments[0].model_dump(mode="json") == shown
    assert len(requested.model_dump_json()) < 5_000
    assert await content_for(bus, requested.data.message_id, file["sha256"]) == PDF
    got = await outside.api.get(f"/api/v1/messages/{sent['id']}/attachments/{file['sha256']}")
    assert (got.status_code, got.content) == (200, PDF)
    assert got.headers["content-disposition"].startswith("attachment; filename*=UTF-8''Rechnung")


async def test_a_reply_may_be_nothing_but_files_and_the_list_names_them(outside, thread):
    file = (await upload(outside, thread, "lamp.png", PNG)).json()
    sent = await reply(outside, thread, "", file)
    assert sent.status_code == 201
    [shown] = await outside.threads()
    assert shown["last_message"]["text"] == "lamp.png"
    assert (await reply(outside, thread, "")).status_code == 422


async def test_a_note_may_have_files_and_they_go_nowhere(outside, thread):
    file = (await upload(outside, thread, "lamp.png", PNG)).json()
    sent = (await reply(outside, thread, "For us", file, note=True)).json()
    assert [one["name"] for one in sent["attachments"]] == ["lamp.png"]
    assert outside.requested == []


async def test_a_reply_that_is_taken_back_gives_its_files_back(outside, thread):
    file = (await upload(outside, thread, "lamp.png", PNG)).json()
    held = (await reply(outside, thread, "Look", file, undo_seconds=30)).json()
    assert [one["id"] for one in held["attachments"]] == [file["id"]]
    assert (await reply(outside, thread, "Again", file)).status_code == 409
    taken_back = await outside.api.delete(f"/api/v1/threads/{thread}/pending/{held['id']}")
    assert taken_back.status_code == 204
    assert (await reply(outside, thread, "Again", file)).status_code == 201


async def test_a_reply_whose_time_to_be_undone_is_over_has_its_files(outside, thread, bus):
    file = (await upload(outside, thread, "lamp.png", PNG)).json()
    held = (await reply(outside, thread, "Look", file, undo_seconds=1)).json()
    requested = await outside.wait(lambda: next(iter(outside.requested), None))
    assert (str(requested.data.message_id), len(requested.data.attachments)) == (held["id"], 1)
    assert await content_for(bus, held["id"], file["sha256"]) == PNG


async def test_a_file_goes_with_one_message_alone(outside, thread):
    file = (await upload(outside, thread, "lamp.png", PNG)).json()
    assert (await reply(outside, thread, "Once", file)).status_code == 201
    again = await reply(outside, thread, "Twice", file)
    assert (again.status_code, again.json()["title"]) == (409, "A file of it is no longer there")
    assert [one["text"] for one in await outside.messages(thread)] == ["Where is my invoice?", "Once"]
    assert (await outside.api.delete(f"/api/v1/files/{file['id']}")).status_code == 409


async def test_a_repeated_request_makes_one_file_and_one_message(outside, thread):
    first = (await upload(outside, thread, "lamp.png", PNG, **{"Idempotency-Key": "a"})).json()
    assert (await upload(outside, thread, "lamp.png", PNG, **{"Idempotency-Key": "a"})).json() == first
    other = await upload(outside, thread, "lamp.png", PDF, **{"Idempotency-Key": "a"})
    assert other.status_code == 422
    new = {"text": "Look", "files": [first["id"]]}
    said = [
        (
            await outside.api.post(f"/api/v1/threads/{thread}/messages", json=new, headers={"Idempotency-Key": "b"})
        ).json()
        for _ in range(2)
    ]
    assert said[0] == said[1]
    assert len(said[0]["attachments"]) == 1


async def test_what_is_too_large_or_empty_is_refused_in_words(outside, thread):
    large = await upload(outside, thread, "film.mp4", bytes(20_000_001))
    assert (large.status_code, large.json()["title"]) == (413, "This file is too large")
    assert (await upload(outside, thread, "x", b"")).status_code == 422
    halves = [(await upload(outside, thread, f"{n}.bin", bytes(11_000_000))).json() for n in range(2)]
    together = await reply(outside, thread, "Both", *halves)
    assert together.status_code == 422
    assert together.json()["title"] == "These files are too many, or too large together"
    assert "20 MB" in together.json()["detail"]
    assert (await reply(outside, thread, "One", halves[0])).status_code == 201


async def test_a_file_as_large_as_may_be_comes_whole_to_its_gateway(outside, thread, bus):
    """Of more than 16 MB in one statement, a pipeline of psycopg hangs."""
    content = b"%PDF-1.7 " + bytes(19_999_991)
    file = (await upload(outside, thread, "plan.pdf", content)).json()
    sent = (await reply(outside, thread, "The plan", file)).json()
    assert await content_for(bus, sent["id"], file["sha256"]) == content


async def test_a_channel_that_takes_no_files_says_so_before_and_refuses_them(outside, thread, monkeypatch):
    monkeypatch.setattr("onethread.conversation.files.FILES", {})
    monkeypatch.setattr("onethread.conversation.places.FILES", {})
    detail = (await outside.api.get(f"/api/v1/threads/{thread}")).json()
    assert detail["reply_channels"][0]["files"] is None
    file = (await upload(outside, thread, "lamp.png", PNG)).json()
    refused = await reply(outside, thread, "Look", file)
    assert (refused.status_code, refused.json()["title"]) == (422, "That channel takes no files")
    assert (await reply(outside, thread, "Look", file, note=True)).status_code == 201


async def test_the_limits_of_a_channel_stand_in_the_thread(outside, thread):
    detail = (await outside.api.get(f"/api/v1/threads/{thread}")).json()
    assert detail["reply_channels"][0]["files"] == {"number": 20, "bytes": 20_000_000}


async def test_a_file_is_taken_out_before_it_is_sent(outside, thread):
    file = (await upload(outside, thread, "lamp.png", PNG)).json()
    assert (await outside.api.delete(f"/api/v1/files/{file['id']}")).status_code == 204
    assert (await outside.api.delete(f"/api/v1/files/{file['id']}")).status_code == 404
    assert (await reply(outside, thread, "Look", file)).status_code == 409


async def test_what_nobody_sent_in_a_day_is_forgotten(outside, thread, database_url):
    old, new = [(await upload(outside, thread, f"{n}.png", PNG)).json() for n in range(2)]
    sent = (await upload(outside, thread, "sent.png", PNG)).json()
    await reply(outside, thread, "Look", sent)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(
            "update file set created_at = now() - interval '25 hours' where id = any(%s)", [[old["id"], sent["id"]]]
        )
        outside.app.state.timers.poke()
        for _ in range(400):
            left = await (await connection.execute("select name from file order by name")).fetchall()
            if len(left) == 2:
                break
            await asyncio.sleep(0.05)
    assert left == [("1.png",), ("sent.png",)]
    assert (await outside.api.delete(f"/api/v1/files/{new['id']}")).status_code == 204


async def test_another_workspace_sees_and_sends_none_of_it(outside, thread, bus):
    file = (await upload(outside, thread, "lamp.png", PNG)).json()
    await outside.api.post("/api/v1/workspaces", json={"slug": "other", "name": "Other"})
    other = {"X-Onethread-Workspace": "other"}
    assert (await upload(outside, thread, "x.png", PNG, **other)).status_code == 404
    assert (await outside.api.delete(f"/api/v1/files/{file['id']}", headers=other)).status_code == 404
    sent = (await reply(outside, thread, "Look", file)).json()
    assert await content_for(bus, sent["id"], file["sha256"], workspace="other") is None
    got = await outside.api.get(f"/api/v1/messages/{sent['id']}/attachments/{file['sha256']}", headers=other)
    assert got.status_code == 404


async def test_a_visitor_gets_the_files_of_what_they_see_and_of_nothing_else(outside, bus):
    ana, bo = verified("visitor", "ana"), verified("visitor", "bo")
    thread, other = [(await outside.hear(received("widget", "Hello", one))).data.thread.id for one in (ana, bo)]
    file = (await upload(outside, thread, "terms.png", PNG)).json()
    sent = (await reply(outside, thread, "The terms", file)).json()
    note = (await upload(outside, thread, "secret.png", PNG)).json()
    kept = (await reply(outside, thread, "For us", note, note=True)).json()
    sha256 = file["sha256"]
    assert await content_for(bus, sent["id"], sha256, visitor=[ana]) == PNG
    assert await content_for(bus, sent["id"], sha256, visitor=[bo]) is None
    assert await content_for(bus, kept["id"], sha256, visitor=[ana]) is None
    assert other != thread


async def test_whoever_is_erased_takes_the_files_along(outside, thread, database_url):
    waiting, sent = [(await upload(outside, thread, f"{n}.png", PNG)).json() for n in range(2)]
    await reply(outside, thread, "Look", sent)
    held = (await upload(outside, thread, "held.png", PNG)).json()
    await reply(outside, thread, "Look", held, undo_seconds=30)
    [shown] = await outside.threads()
    customer = shown["customer"]["id"]
    erased = await outside.api.post(f"/api/v1/customers/{customer}/erase")
    assert erased.status_code == 202, (erased.text, waiting)
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        assert await (await connection.execute("select name from file")).fetchall() == []
