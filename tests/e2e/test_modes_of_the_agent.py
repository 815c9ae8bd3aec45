"""The real agent, in draft and in shadow: what it writes reaches the customer only by a teammate's hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from plugins.customers import Desk, Mailer, eventually, somebody
from plugins.stack import Stack

pytestmark = pytest.mark.connected
QUESTION = "How long does delivery take?"


@pytest.fixture
async def mail_in(desk: Desk) -> AsyncIterator[Any]:
    """Sets what the agent does with mail; afterwards it is as it was, for the tests that share the stack."""

    async def set_to(mode: str) -> None:
        settings = {"settings": {"agent": {"modes": {"email": mode}}}}
        (await desk.http.patch("workspaces/local", json=settings)).raise_for_status()

    yield set_to
    await set_to("auto")


async def the_proposal(desk: Desk, thread_id: str, ready: str = "id") -> dict[str, Any]:
    async def find() -> Any:
        items = (await desk.http.get(f"threads/{thread_id}/proposals")).json()["items"]
        return items[0] if items and items[0][ready] is not None else None

    return await eventually(find, what="the agent's proposal")


async def test_a_draft_waits_for_a_teammate_who_sends_it(stack: Stack, desk: Desk, mail_in: Any) -> None:
    await mail_in("draft")
    mail = Mailer(stack, somebody())
    await mail.send(mail.write(QUESTION))
    thread = await desk.thread(mail.person.email)
    draft = await the_proposal(desk, thread["id"])
    assert (draft["state"], draft["mode"], draft["decision"]) == ("open", "draft", "answer")
    assert draft["sources"][0]["url"].startswith("https://pineandpaper.example/help/")
    assert thread["waiting_since"]
    assert await mail.inbox() == []
    (await desk.http.post(f"proposals/{draft['id']}/use", json={})).raise_for_status()
    answer = await mail.answer()
    assert draft["text"].split()[-1].strip("*.") in answer["text"]
    assert len(await mail.inbox()) == 1


async def test_in_shadow_the_teammates_answer_is_compared_by_what_it_means(
    stack: Stack, desk: Desk, mail_in: Any
) -> None:
    await mail_in("shadow")
    mail = Mailer(stack, somebody())
    await mail.send(mail.write(QUESTION))
    thread = await desk.thread(mail.person.email)
    silent = await the_proposal(desk, thread["id"])
    assert (silent["state"], silent["mode"]) == ("silent", "shadow")
    await desk.reply(thread["id"], "Within the country it takes two to four working days.")
    assert "two to four" in (await mail.answer())["text"]
    compared = await the_proposal(desk, thread["id"], "likeness")
    assert 0 < compared["likeness"] < 1
    report = (await desk.http.get("metrics/agent", params={"channel": "email"})).json()["total"]
    assert report["compared"] >= 1
    assert report["compared_by_words"] == 0
