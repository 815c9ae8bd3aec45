"""Started, stopped and started again: as one process, as six, and with a language model."""

from __future__ import annotations

import httpx
import pytest
from plugins.customers import Mailer, Visitor, somebody
from plugins.language_model import Act, ScriptedModel, saying
from plugins.stack import SECRETS, Stack

pytestmark = [pytest.mark.connected, pytest.mark.slow]

COVERED = "How long does delivery take?"


ANSWER = "You may return anything unused within 30 days of delivery [1]."
PROVIDER = {"ONETHREAD_LLM_PROVIDER": "openai", "ONETHREAD_LLM_MODEL": "any", "ONETHREAD_LLM_API_KEY": "k"}


async def test_one_process_for_all_six_does_the_same_and_another_start_finds_the_data_and_takes_a_model(
    another_stack: Stack, model: ScriptedModel
):
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

    model.says(ANSWER, usage=None)
    another_stack.start(ONETHREAD_LLM_URL=f"{model.url}/v1", **PROVIDER)
    assert threads(another_stack, person.email) == before
    found = await browser.session()
    assert answer["text"] in [message["text"] for message in found["messages"]]
    assert await mail.inbox()
    await a_model_writes_and_when_it_fails_people_do(another_stack, model)
    await a_teammate_stops_it_in_the_middle(another_stack, model)
    another_stack.stop()


async def a_model_writes_and_when_it_fails_people_do(stack: Stack, model: ScriptedModel) -> None:
    first, second = Visitor(stack), Visitor(stack)
    await first.connect()
    await first.say("How long do I have to return something?")
    answer = await first.message("agent")
    assert answer["text"] == ANSWER.replace(" [1]", "")
    assert answer["sources"]
    await first.hears(lambda _: written(first) == answer["text"])

    model.acts = [Act(status=500)]
    await second.connect()
    await second.say("How long do I have to return something?")
    told = await second.message("agent")
    assert told["sources"] == []
    assert "person" in told["text"]
    await first.close()
    await second.close()


def written(browser: Visitor) -> str:
    """What appeared in the chat, piece by piece."""
    return "".join(frame["text"] for frame in browser.frames if frame["type"] == "delta").strip()


async def a_teammate_stops_it_in_the_middle(stack: Stack, model: ScriptedModel) -> None:
    person = somebody()
    browser = Visitor(stack, person)
    model.acts = [saying(f"{ANSWER} It is free when ", hangs=True)]  # a sentence is shown when the next begins
    await browser.connect()
    await browser.say("How long do I have to return something?")
    shown = await browser.hears(lambda frame: frame["type"] == "delta")
    with stack.api() as http:
        [thread] = http.get("/threads", params={"q": person.email}).json()["items"]
        said = {"text": "I am Mara. It is 60 days for you."}
        http.post(f"/threads/{thread['id']}/messages", json=said).raise_for_status()
    stopped = await browser.hears(lambda frame: frame["type"] == "stop")
    assert stopped["reply_id"] == shown["reply_id"]
    assert (await browser.message("teammate"))["text"] == said["text"]
    assert [m["author"]["kind"] for m in (await browser.session())["messages"]] == ["customer", "teammate"]
    await browser.close()


def threads(stack: Stack, email: str) -> list[tuple[str, int]]:
    headers = {"Authorization": f"Bearer {SECRETS['ONETHREAD_API_KEY']}"}
    found = httpx.get(stack.url(8000, "/api/v1/threads"), params={"q": email}, headers=headers, timeout=30)
    assert len(found.json()["items"]) == 1
    return [(one["id"], one["sequence"]) for one in found.json()["items"]]
