"""Started, stopped and started again, as six processes and as one."""

from __future__ import annotations

import httpx
import pytest
from plugins.customers import Mailer, Visitor, somebody
from plugins.stack import SECRETS, Stack

pytestmark = [pytest.mark.connected, pytest.mark.slow]

COVERED = "How long does delivery take?"


async def test_one_process_for_all_six_does_the_same_and_another_start_finds_the_data(another_stack: Stack):
    person = somebody()
    another_stack.start(ONETHREAD_COMPACT="1")
    browser, mail = Visitor(another_stack, person), Mailer(another_stack, person)
    await browser.connect()
    await browser.say(COVERED)
    answer = await browser.message("agent")
    await mail.send(mail.write(COVERED))
    assert (await mail.answer())["headers"]["Auto-Submitted"] == "auto-replied"
    before = threads(another_stack, person.email)
    await browser.close()
    another_stack.stop()

    another_stack.start()
    assert threads(another_stack, person.email) == before
    found = await browser.session()
    assert answer["text"] in [message["text"] for message in found["messages"]]
    assert await mail.inbox()
    another_stack.stop()


def threads(stack: Stack, email: str) -> list[tuple[str, int]]:
    headers = {"Authorization": f"Bearer {SECRETS['ONETHREAD_API_KEY']}"}
    found = httpx.get(stack.url(8000, "/api/v1/threads"), params={"q": email}, headers=headers, timeout=10)
    assert len(found.json()["items"]) == 1
    return [(one["id"], one["sequence"]) for one in found.json()["items"]]
