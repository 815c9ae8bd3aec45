"""Anthropic's Messages API as a LlamaIndex language model: streamed chat, and which tools it wants.

LlamaIndex's own integration refuses models that its list does not name, fails on today's SDK, and brings those of two
clouds along (decision 11).
"""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import httpx
from httpx_sse import aconnect_sse
from llama_index.core.llms import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    CompletionResponse,
    CompletionResponseGen,
    CustomLLM,
    LLMMetadata,
)
from llama_index.core.llms.llm import ToolSelection

URL = "https://api.anthropic.com"
VERSION = "2023-06-01"
_OVERLOADED = 529


class BrokenOffError(Exception):
    """The server said in the middle of an answer that it can't go on. `status_code` is the HTTP status for that."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.status_code = _OVERLOADED


class Claude(CustomLLM):
    """`timeout` is in seconds. A part's `raw` holds `stop_reason` and `usage` from when they are known."""

    model: str
    key: str
    url: str = URL
    longest: int
    context: int
    timeout: float

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(
            context_window=self.context, num_output=self.longest, is_chat_model=True, model_name=self.model
        )

    async def astream_chat(self, messages: Sequence[ChatMessage], **_: Any) -> ChatResponseAsyncGen:
        return self._parts(messages)

    async def achat(self, messages: Sequence[ChatMessage], **more: Any) -> ChatResponse:
        """One answer as a whole, with `tools` as OpenAI's protocol has them."""
        functions = [one["function"] for one in more.get("tools", ())]
        tools = [
            {"name": f["name"], "description": f["description"], "input_schema": f["parameters"]} for f in functions
        ]
        headers = {"x-api-key": self.key, "anthropic-version": VERSION}
        async with httpx.AsyncClient(base_url=self.url, headers=headers, timeout=self.timeout) as client:
            answer = await client.post("/v1/messages", json={**self._asked(messages), "stream": False, "tools": tools})
        answer.raise_for_status()
        told = answer.json()
        text = "".join(block.get("text", "") for block in told["content"])
        return ChatResponse(message=ChatMessage(role="assistant", content=text), raw=told)

    def get_tool_calls_from_response(self, response: ChatResponse, **_: Any) -> list[ToolSelection]:
        blocks = [block for block in (response.raw or {})["content"] if block.get("type") == "tool_use"]
        return [ToolSelection(tool_id=b["id"], tool_name=b["name"], tool_kwargs=b["input"]) for b in blocks]

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        raise NotImplementedError

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponseGen:
        raise NotImplementedError

    async def _parts(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[ChatResponse]:
        """Raises httpx's errors, with `status_code` where the server refused."""
        text, known = "", dict[str, Any]()
        headers = {"x-api-key": self.key, "anthropic-version": VERSION}
        async with (
            httpx.AsyncClient(base_url=self.url, headers=headers, timeout=self.timeout) as client,
            aconnect_sse(client, "POST", "/v1/messages", json=self._asked(messages)) as answer,
        ):
            answer.response.raise_for_status()
            async for event in answer.aiter_sse():
                piece = _read(json.loads(event.data), known)
                text += piece
                yield ChatResponse(message=ChatMessage(role="assistant", content=text), delta=piece, raw=known)

    def _asked(self, messages: Sequence[ChatMessage]) -> dict[str, Any]:
        said = [{"role": m.role.value, "content": m.content} for m in messages if m.role != "system"]
        rules = "\n".join(m.content or "" for m in messages if m.role == "system")
        return {"model": self.model, "max_tokens": self.longest, "stream": True, "system": rules, "messages": said}


def _read(event: Mapping[str, Any], known: dict[str, Any]) -> str:
    """The text of an event. What it tells beside goes into `known`."""
    match event["type"]:
        case "message_start":
            known["usage"] = dict(event["message"]["usage"])
        case "message_delta":
            known["stop_reason"] = event["delta"].get("stop_reason")
            known["usage"] = {**known.get("usage", {}), **event.get("usage", {})}
        case "content_block_delta":
            return str(event["delta"].get("text") or "")
        case "error":
            raise BrokenOffError(event["error"]["type"])
        case _:
            pass
    return ""
