"""A mail was read again: its message says what it should have said, and nothing else happens."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from plugins.conversation_world import received, verified

from onethread.contracts import messages as m
from onethread.contracts import subjects
from onethread.contracts.originals import Corrected, CorrectMessage
from onethread.conversation.replay import verify

pytestmark = pytest.mark.connected
ANA = verified("email", "ana@customers.example")
FILE = m.Attachment(name="photo.png", type="image/png", size=3, sha256="a" * 64)


async def correct(outside: Any, message: Any, text: str, **more: Any) -> str:
    asked = CorrectMessage(workspace="local", message_id=message, text=text, **more)
    return (await outside.bus.ask(subjects.CONVERSATION_CORRECT, asked, Corrected)).outcome


async def test_a_message_says_what_it_should_have_said(outside, database_url):
    added = await outside.hear(received("email", "Garbl=C3", ANA, html="<p>Garbl"))
    told: list[bytes] = []

    async def on_told(message: Any) -> None:
        told.append(message.data)

    await outside.bus.listen("ot.*.message.corrected", on_told)
    id_ = added.data.message.id
    assert await correct(outside, id_, "Größe", html="<p>Größe</p>", attachments=[FILE]) == "corrected"
    [message] = await outside.messages(added.threadid)
    assert (message["text"], message["html"]) == ("Größe", "<p>Größe</p>")
    assert message["attachments"] == [FILE.model_dump()]
    [thread] = await outside.threads()
    assert thread["last_message"]["text"] == "Größe"
    await outside.wait(lambda: told or None)
    assert [one async for one in verify(database_url, "local")] == []
    audit = (await outside.api.get("/api/v1/audit")).json()["items"]
    assert ("message.corrected", str(id_)) in {(one["action"], one["target"]) for one in audit}


async def test_what_is_right_already_stays_and_nothing_is_told(outside):
    added = await outside.hear(received("email", "Right", ANA, attachments=[FILE]))
    before = await outside.threads()
    assert await correct(outside, added.data.message.id, "Right", attachments=[FILE]) == "same"
    assert await outside.threads() == before


async def test_a_corrected_thread_stays_where_it_was_in_the_list_and_nobody_is_asked_again(outside):
    first = await outside.hear(received("email", "Wrong", ANA))
    await outside.hear(received("email", "Later", verified("email", "bo@customers.example")))
    added, order = len(outside.added), [one["id"] for one in await outside.threads()]
    assert await correct(outside, first.data.message.id, "Right") == "corrected"
    assert [one["id"] for one in await outside.threads()] == order
    assert len(outside.added) == added


async def test_an_earlier_message_is_corrected_and_the_last_stays_the_last(outside, database_url):
    first = await outside.hear(received("email", "Wrong", ANA))
    await outside.hear(received("email", "The last", ANA))
    assert await correct(outside, first.data.message.id, "Right") == "corrected"
    [thread] = await outside.threads()
    assert thread["last_message"]["text"] == "The last"
    assert await correct(outside, first.data.message.id, "More right") == "corrected"
    assert [one async for one in verify(database_url, "local")] == []


async def test_what_is_erased_or_was_never_there_is_not_written_back(outside):
    added = await outside.hear(received("email", "Zyxwv", ANA))
    assert await correct(outside, uuid4(), "Right") == "gone"
    assert (await outside.api.post(f"/api/v1/customers/{added.customerid}/erase")).is_success
    assert await correct(outside, added.data.message.id, "Zyxwv is back") == "gone"
    [message] = await outside.messages(added.threadid)
    assert message["text"] == ""


async def test_another_workspace_corrects_nothing(outside):
    added = await outside.hear(received("email", "Wrong", ANA))
    asked = CorrectMessage(workspace="other", message_id=added.data.message.id, text="Theirs")
    assert (await outside.bus.ask(subjects.CONVERSATION_CORRECT, asked, Corrected)).outcome == "gone"
    [message] = await outside.messages(added.threadid)
    assert message["text"] == "Wrong"
