"""A language model that says what it is told to, in the protocol in which it is asked: OpenAI, Anthropic or Ollama."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

Lines = list[dict[str, str]]
_OK = "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nConnection: close\r\n\r\n"


@dataclass
class Act:
    """One answer. `raw` is sent in place of all else. Seconds: `wait` before it, `between` its pieces.

    `breaks` ends it in the middle; `hangs` leaves it open and says no more.
    """

    pieces: list[str] = field(default_factory=list)
    finish: str = "stop"
    usage: tuple[int, int] | None = (100, 20)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0.0
    between: float = 0.0
    breaks: bool = False
    hangs: bool = False
    raw: bytes | None = None


def saying(text: str, **fields: Any) -> Act:
    """In pieces of six characters, as tokens come."""
    return Act([text[i : i + 6] for i in range(0, len(text), 6)], **fields)


@dataclass
class ScriptedModel:
    """Plays `acts` one after the other and the last for ever, or what `obeys` makes of the lines it was sent."""

    url: str = ""
    acts: list[Act] = field(default_factory=lambda: [Act()])
    obeys: Callable[[Lines], str] | None = None
    wants: Callable[[Lines], list[tuple[str, dict[str, Any]]]] = lambda _: []
    """Tools that it asks for, by name and arguments, where it is offered any."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    busy: int = 0
    most_busy: int = 0
    left: int = 0
    """Requests that the other side closed before the answer was whole."""

    def says(self, text: str, **fields: Any) -> None:
        self.acts = [saying(text, **fields)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        try:
            path, lines = await self._read(reader)
            act = saying(self.obeys(lines)) if self.obeys else self.acts[0] if len(self.acts) == 1 else self.acts.pop(0)
            if self.requests[-1].get("tools"):
                act = Act(raw=_wanting(path, self.wants(lines)), wait=self.acts[0].wait)
            gone = asyncio.create_task(reader.read(1))
            playing = asyncio.create_task(self._play(path, act, writer))
            await asyncio.wait({gone, playing}, return_when=asyncio.FIRST_COMPLETED)
            self.left += not playing.done()
            gone.cancel()
            playing.cancel()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.busy -= 1
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> tuple[str, Lines]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length:")[1].split("\r\n")[0])
        asked = json.loads(await reader.readexactly(length))
        self.requests.append(asked)
        self.heads.append(head)
        self.paths.append(head.split()[1])
        system = [{"role": "system", "content": asked["system"]}] if "system" in asked else []
        return self.paths[-1], [*system, *asked["messages"]]

    async def _play(self, path: str, act: Act, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await asyncio.sleep(act.wait)
            protocol = next(p for end, p in _PROTOCOLS.items() if path.endswith(end))
            if act.raw is not None or act.status != 200:
                writer.write(act.raw if act.raw is not None else _refusal(act))
            else:
                writer.write(_OK.format(protocol.content_type).encode())
                await self._tell(protocol(act), act, writer)
            await writer.drain()
            if act.hangs:
                await asyncio.Event().wait()

    @staticmethod
    async def _tell(events: "_OpenAI", act: Act, writer: asyncio.StreamWriter) -> None:
        writer.write(events.begin().encode())
        for piece in act.pieces:
            writer.write(events.piece(piece).encode())
            await writer.drain()
            await asyncio.sleep(act.between)
        if not (act.breaks or act.hangs):
            writer.write(events.end().encode())


def _wanting(path: str, calls: list[tuple[str, dict[str, Any]]]) -> bytes:
    """An answer that is not streamed, with tools to be called."""
    if path.endswith("/messages"):
        blocks = [
            {"type": "tool_use", "id": f"t{n}", "name": call[0], "input": call[1]} for n, call in enumerate(calls)
        ]
        told: dict[str, Any] = {"content": blocks or [{"type": "text", "text": "NONE"}], "stop_reason": "end_turn"}
        told["usage"] = {"input_tokens": 40, "output_tokens": 8}
    elif path.endswith("/chat"):
        wanted = [{"function": {"name": name, "arguments": arguments}} for name, arguments in calls]
        message = {"role": "assistant", "content": "" if wanted else "NONE", "tool_calls": wanted}
        told = {"model": "m", "created_at": "2026-11-23T00:00:00Z", "message": message, "done": True}
    else:
        wanted = [
            {"id": f"t{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for n, (name, arguments) in enumerate(calls)
        ]
        message = {"role": "assistant", "content": None if wanted else "NONE", "tool_calls": wanted or None}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if wanted else "stop"}
        told = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        told["usage"] = {"prompt_tokens": 40, "completion_tokens": 8, "total_tokens": 48}
    body = json.dumps(told)
    return f"{_OK.format('application/json')}{body}".encode()


def _refusal(act: Act) -> bytes:
    headers = "".join(f"{name}: {value}\r\n" for name, value in act.headers.items())
    body = json.dumps({"error": {"message": "no", "type": "api_error"}})
    head = f"HTTP/1.1 {act.status} No\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(body)}"
    return f"{head}\r\n\r\n{body}".encode()


@dataclass
class _OpenAI:
    act: Act
    content_type = "text/event-stream"

    def begin(self) -> str:
        return self._chunk({"role": "assistant", "content": ""})

    def piece(self, text: str) -> str:
        return self._chunk({"content": text})

    def end(self) -> str:
        told = self.act.usage
        usage = told and {
            "prompt_tokens": told[0],
            "completion_tokens": told[1],
            "total_tokens": sum(told),
        }
        last = self._event({**self._frame([]), "usage": usage}) if usage else ""
        return self._chunk({}, self.act.finish) + last + "data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, str], finish: str | None = None) -> str:
        return self._event(self._frame([{"index": 0, "delta": delta, "finish_reason": finish}]))

    @staticmethod
    def _frame(choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices}

    @staticmethod
    def _event(data: dict[str, Any]) -> str:
        return f"data: {json.dumps(data)}\n\n"


class _Anthropic(_OpenAI):
    def begin(self) -> str:
        read = self.act.usage[0] if self.act.usage else 0
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": read, "output_tokens": 1},
        }
        block = {"type": "text", "text": ""}
        return self._named({"type": "message_start", "message": message}) + self._named(
            {"type": "content_block_start", "index": 0, "content_block": block}
        )

    def piece(self, text: str) -> str:
        delta = {"type": "text_delta", "text": text}
        return self._named({"type": "content_block_delta", "index": 0, "delta": delta})

    def end(self) -> str:
        reason = {"stop": "end_turn", "length": "max_tokens"}.get(self.act.finish, self.act.finish)
        wrote = self.act.usage[1] if self.act.usage else 0
        last = {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": wrote},
        }
        return "".join(map(self._named, ({"type": "content_block_stop", "index": 0}, last, {"type": "message_stop"})))

    @staticmethod
    def _named(data: dict[str, Any]) -> str:
        return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n"


class _Ollama(_OpenAI):
    content_type = "application/x-ndjson"

    def begin(self) -> str:
        return ""

    def piece(self, text: str) -> str:
        return self._line(text, {"done": False})

    def end(self) -> str:
        counts = {"prompt_eval_count": self.act.usage[0], "eval_count": self.act.usage[1]} if self.act.usage else {}
        return self._line("", {"done": True, "done_reason": self.act.finish, **counts})

    @staticmethod
    def _line(text: str, rest: dict[str, Any]) -> str:
        message = {"role": "assistant", "content": text}
        return json.dumps({"model": "m", "created_at": "2026-11-23T00:00:00Z", "message": message, **rest}) + "\n"


_PROTOCOLS = {"/v1/chat/completions": _OpenAI, "/v1/messages": _Anthropic, "/api/chat": _Ollama}


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    scripted = ScriptedModel()
    server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
    scripted.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield scripted
    server.close()
