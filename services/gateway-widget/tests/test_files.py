"""HTTP: the files of our replies, for the session that sees the reply alone."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import uuid4

import pytest

from onethread.contracts.calls import Body
from onethread.contracts.files import FileOf
from onethread.contracts.messages import Attachment
from onethread.contracts.originals import Original

from .conftest import gateway_on

PDF = b"%PDF-1.7 terms"
SHA256 = hashlib.sha256(PDF).hexdigest()
FILE = Attachment(name="terms.pdf", type="application/pdf", size=len(PDF), sha256=SHA256)
WHERE = f"/v1/messages/{uuid4()}/attachments/{SHA256}"
NO_SESSION = "Your session has ended"


@pytest.fixture
def asked(running: Any) -> list[FileOf]:
    """What conversation was asked for."""
    asked: list[FileOf] = []

    def answer(question: FileOf) -> Original:
        asked.append(question)
        return Original(body=Body(inline=PDF))

    running.bus.answers["svc.conversation.file"] = answer
    return asked


async def get(running: Any, token: str, **headers: str) -> Any:
    return await running.http.get(WHERE, headers={"Authorization": f"Bearer {token}", **headers})


async def test_a_visitor_gets_a_file_as_bytes_that_no_browser_opens(running, asked, visitor_of):
    token = (await running.session())["session_token"]
    answer = await get(running, token)
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-store"
    [question] = asked
    assert (question.workspace, question.sha256) == ("local", SHA256)
    assert [one.value for one in question.visitor] == [visitor_of(token)]


async def test_who_signed_in_is_asked_for_with_all_that_they_proved(running, asked, vouch):
    await get(running, (await running.session(identity_token=vouch("u-1")))["session_token"])
    assert [one.kind for one in asked[0].visitor] == ["site_user", "email", "visitor"]


@pytest.mark.parametrize("token", ["nonsense", "a.b.c"])
async def test_without_a_session_there_is_nothing(running, asked, token: str):
    answer = await get(running, token)
    assert (answer.status_code, answer.json()["title"], asked) == (401, NO_SESSION, [])


async def test_without_a_session_nothing_is_said_of_what_was_asked_for(running):
    assert (await running.http.get("/v1/messages/of-nobody/attachments/none")).status_code == 401


async def test_a_site_that_may_not_use_the_chat_gets_nothing(settings, memory_bus):
    choosy = settings.model_copy(update={"widget_origins": "https://shop.example"})
    async with gateway_on(choosy, memory_bus) as running:
        asks = {"Origin": "https://shop.example"}
        opened = await running.http.post("/v1/session", json={"channel_id": "local"}, headers=asks)
        answer = await get(running, opened.json()["session_token"], Origin="https://evil.example")
    assert (answer.status_code, answer.json()["title"]) == (401, NO_SESSION)


async def test_what_is_not_theirs_or_no_longer_kept_is_not_there(running):
    running.bus.answers["svc.conversation.file"] = lambda _: Original()
    answer = await get(running, (await running.session())["session_token"])
    assert (answer.status_code, answer.json()["title"]) == (404, "There is no such file")


async def test_while_conversation_is_away_it_is_asked_for_again(running):
    answer = await get(running, (await running.session())["session_token"])
    assert (answer.status_code, answer.json()["detail"]) == (503, "Try again in a moment.")


async def test_the_pages_of_a_site_may_send_the_session(running):
    asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    answer = await running.http.options(WHERE, headers=asks | {"Access-Control-Request-Headers": "authorization"})
    assert answer.status_code == 200


async def test_history_has_the_files_of_ours_and_not_those_that_the_customer_sent(running, a_history, a_message):
    token = (await running.session())["session_token"]
    ours, theirs = (
        a_message(n, kind).model_copy(update={"attachments": [FILE]}) for n, kind in ((1, "teammate"), (2, "customer"))
    )
    running.bus.history = lambda _: a_history(ours, theirs)
    shown = (await running.session(session_token=token))["messages"]
    assert [[one["name"] for one in message["attachments"]] for message in shown] == [["terms.pdf"], []]
