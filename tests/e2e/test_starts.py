"""Started, stopped and started again: as one process, as six, and with a language model."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from plugins.customers import Mailer, Visitor, somebody
from plugins.stack import SECRETS, Stack

pytestmark = [pytest.mark.connected, pytest.mark.slow]

COVERED = "How long does delivery take?"


ANSWER = "You may return anything unused within 30 days of delivery [1]."


class Model:
    """An OpenAI-compatible server that writes one answer, word by word."""

    def __init__(self) -> None:
        self.url = ""
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def stop(self) -> None:
        assert self._server
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).lower()
        await reader.readexactly(int(asked.split(b"content-length:")[1].split(b"\r\n")[0]))
        pieces = [{"choices": [{"index": 0, "delta": {"content": f"{word} "}}]} for word in ANSWER.split()]
        events = "".join(f"data: {piece}\n\n" for piece in [*map(json.dumps, pieces), "[DONE]"])
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        writer.write(f"{head}{events}".encode())
        await writer.drain()
        writer.close()


async def test_one_process_for_all_six_does_the_same_and_another_start_finds_the_data_and_takes_a_model(
    another_stack: Stack,
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

    model = Model()
    await model.start()
    another_stack.start(
        ONETHREAD_LLM_PROVIDER="openai",
        ONETHREAD_LLM_URL=model.url,
        ONETHREAD_LLM_MODEL="any",
        ONETHREAD_LLM_API_KEY="k",
    )
    assert threads(another_stack, person.email) == before
    found = await browser.session()
    assert answer["text"] in [message["text"] for message in found["messages"]]
    assert await mail.inbox()
    await a_model_writes_and_without_it_people_do(another_stack, model)
    another_stack.stop()


async def a_model_writes_and_without_it_people_do(stack: Stack, model: Model) -> None:
    first, second = Visitor(stack), Visitor(stack)
    await first.connect()
    await first.say("How long do I have to return something?")
    answer = await first.message("agent")
    assert answer["text"] == ANSWER.replace(" [1]", "")
    assert answer["sources"]
    assert "".join(frame["text"] for frame in first.frames if frame["type"] == "delta").strip() == answer["text"]

    model.stop()
    await second.connect()
    await second.say("How long do I have to return something?")
    told = await second.message("agent", seconds=30)
    assert told["sources"] == []
    assert "person" in told["text"]
    await first.close()
    await second.close()


def threads(stack: Stack, email: str) -> list[tuple[str, int]]:
    headers = {"Authorization": f"Bearer {SECRETS['ONETHREAD_API_KEY']}"}
    found = httpx.get(stack.url(8000, "/api/v1/threads"), params={"q": email}, headers=headers, timeout=10)
    assert len(found.json()["items"]) == 1
    return [(one["id"], one["sequence"]) for one in found.json()["items"]]
