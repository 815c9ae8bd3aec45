"""Attachments and mails as they came, over REST: who gets them, and as what a browser may take them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from plugins.conversation_world import received, verified

from onethread.contracts import messages as m
from onethread.contracts import subjects
from onethread.contracts.originals import Original, OriginalOf
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bodies import Bodies
from onethread.runtime.bus import Bus

pytestmark = pytest.mark.connected
ANA = verified("email", "ana@customers.example")
RAW = b"From: ana@customers.example\r\n\r\nSee.\r\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
LARGE = b"%PDF-1.7 " + bytes(range(256)) * 8000


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Gateway:
    """Keeps originals in place of gateway-email."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.kept: dict[tuple[str, Any, str | None], bytes] = {}

    async def __call__(self, asked: OriginalOf) -> Original:
        content = self.kept.get((asked.workspace, asked.message_id, asked.attachment))
        return Original(body=await self._bodies.send(content) if content is not None else None)


@pytest.fixture
async def gateway(outside: Any, nats_url: str) -> AsyncIterator[Gateway]:
    bus = Bus("gateway-email", ConversationSettings(nats_url=nats_url, api_key="key", admin_password="pw"))
    gateway = Gateway(Bodies(bus))
    bus.answer(subjects.EMAIL_ORIGINAL, OriginalOf, gateway)
    await bus.start()
    yield gateway
    await bus.stop()


async def a_mail(outside: Any, gateway: Gateway, **files: bytes) -> str:
    attachments = [
        m.Attachment(name=name, type="image/png", size=len(content), sha256=sha(content))
        for name, content in files.items()
    ]
    added = await outside.hear(received("email", "See.", ANA, attachments=attachments))
    id_ = added.data.message.id
    gateway.kept[("local", id_, None)] = RAW
    for content in files.values():
        gateway.kept[("local", id_, sha(content))] = content
    return f"/api/v1/messages/{id_}"


async def test_a_picture_is_shown_and_nothing_in_it_runs(outside, gateway):
    url = await a_mail(outside, gateway, **{"Lampe – größer.png": PNG})
    answer = await outside.api.get(f"{url}/attachments/{sha(PNG)}")
    assert (answer.status_code, answer.content) == (200, PNG)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''Lampe%20%E2%80%93%20gr%C3%B6%C3%9Fer.png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize("content", [SVG, b"<html><script>alert(1)</script>", b"", b"plain"])
async def test_what_only_says_that_it_is_a_picture_is_saved(content: bytes, outside, gateway):
    url = await a_mail(outside, gateway, **{"x.png": content})
    answer = await outside.api.get(f"{url}/attachments/{sha(content)}")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''x.png"


async def test_a_large_attachment_comes_whole(outside, gateway):
    url = await a_mail(outside, gateway, **{"terms.pdf": LARGE})
    assert (await outside.api.get(f"{url}/attachments/{sha(LARGE)}")).content == LARGE


async def test_the_mail_is_saved_as_it_came(outside, gateway):
    url = await a_mail(outside, gateway)
    answer = await outside.api.get(f"{url}/raw")
    assert (answer.content, answer.headers["content-type"]) == (RAW, "message/rfc822")
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert answer.headers["content-disposition"].endswith(".eml")


async def test_another_workspace_has_no_such_message(outside, gateway):
    url = await a_mail(outside, gateway, **{"x.png": PNG})
    made = await outside.api.post("/api/v1/workspaces", json={"slug": "other", "name": "Other"})
    assert made.status_code == 201
    for path in ("raw", f"attachments/{sha(PNG)}"):
        answer = await outside.api.get(f"{url}/{path}", headers={"X-Onethread-Workspace": "other"})
        assert (answer.status_code, answer.json()["title"]) == (404, "There is no such message")


async def test_nobody_gets_it_without_signing_in(outside, gateway):
    url = await a_mail(outside, gateway, **{"x.png": PNG})
    for path in ("raw", f"attachments/{sha(PNG)}"):
        assert (await outside.api.get(f"{url}/{path}", headers={"Authorization": ""})).status_code == 401


async def test_what_is_not_there_is_said_in_words(outside, gateway):
    url = await a_mail(outside, gateway, **{"x.png": PNG})
    gateway.kept.clear()
    told = {
        f"{url}/attachments/{'0' * 64}": "The message has no such attachment",
        f"{url}/attachments/{sha(PNG)}": "This is no longer kept",
        f"{url}/raw": "This is no longer kept",
        f"/api/v1/messages/{uuid4()}/raw": "There is no such message",
    }
    for path, title in told.items():
        answer = await outside.api.get(path)
        assert (answer.status_code, answer.json()["title"]) == (404, title)


async def test_a_message_of_the_chat_has_no_original(outside, gateway):
    added = await outside.hear(received("widget", "Hi", verified("visitor", "v-1")))
    assert (await outside.api.get(f"/api/v1/messages/{added.data.message.id}/raw")).status_code == 404


async def test_a_gateway_that_is_away_is_told_as_such(outside):
    added = await outside.hear(received("email", "See.", ANA))
    answer = await outside.api.get(f"/api/v1/messages/{added.data.message.id}/raw")
    assert (answer.status_code, answer.json()["title"]) == (503, "The mail can't be reached at the moment")
