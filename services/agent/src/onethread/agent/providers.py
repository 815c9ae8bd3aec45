"""Providers of language models. With `claude.py`, the only file that knows LlamaIndex, imported when first needed."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import structlog

from onethread.agent.prompt import Line
from onethread.contracts.tools import Tool

if TYPE_CHECKING:
    from llama_index.core.llms.llm import LLM

log = structlog.get_logger()
ProviderName = Literal["openai", "anthropic", "ollama"]
TEMPERATURE = 0.1
_OVERLOADED = (408, 409, 425, 429)
_ENDS: Mapping[str, str] = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length"}
_REFUSALS = frozenset({"content_filter", "refusal"})


class ModelError(Exception):
    """The model gave no answer. Its text says why, in words that a teammate reads.

    `passing`: another try may help, after `wait` seconds where the provider named them. `broken`: the provider, not
    this one answer, is at fault.
    """

    def __init__(self, reason: str, *, passing: bool = False, wait: float | None = None, broken: bool = True) -> None:
        super().__init__(reason)
        self.passing, self.wait, self.broken = passing, wait, broken


@dataclass(frozen=True)
class Piece:
    """A sign of life: some text, or none while it thinks. The rest is known at the end, where the provider tells."""

    text: str = ""
    finish: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True)
class Wanted:
    """A tool that the model wants to be called. The arguments are as it wrote them: nobody has looked at them."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Provider:
    """One model of one provider. `context` and `longest` are in tokens, `timeout` in seconds for one request."""

    name: ProviderName
    model: str
    url: str | None
    key: str | None
    timeout: float
    context: int = 16_000
    longest: int = 800

    async def warm(self) -> None:
        """Imports what is needed, so that the first customer does not wait for it."""
        await asyncio.to_thread(lambda: (self._client, self.tokens("")))

    def tokens(self, text: str) -> int:
        """About how many there are: by the tokenizer that LlamaIndex brings along, not the model's own."""
        from llama_index.core.utils import get_tokenizer

        return len(get_tokenizer()(text))

    async def stream(self, lines: Sequence[Line]) -> AsyncGenerator[Piece]:
        """Raises `ModelError`. Closing it closes the request."""
        from llama_index.core.llms import ChatMessage

        messages = [ChatMessage(role=line.role, content=line.text) for line in lines]
        try:
            parts: Any = await self._client.astream_chat(messages)
            async with aclosing(parts):
                async for part in parts:
                    yield _piece(part)
        except Exception as error:
            raise _in_words(error) from error

    async def choose(self, lines: Sequence[Line], tools: Sequence[Tool]) -> tuple[list[Wanted], Piece]:
        """Which tools the model wants, and what it used. Raises `ModelError`."""
        from llama_index.core.llms import ChatMessage

        messages = [ChatMessage(role=line.role, content=line.text) for line in lines]
        client: Any = self._client
        try:
            answer = await client.achat(messages, tools=[_described(tool) for tool in tools])
            calls = client.get_tool_calls_from_response(answer, error_on_no_tool_call=False)
        except Exception as error:
            raise _in_words(error) from error
        usage = _of(answer.raw, "usage")
        used = Piece(
            str(answer.message.content or ""),
            input_tokens=_count(usage, "prompt_tokens", "input_tokens"),
            output_tokens=_count(usage, "completion_tokens", "output_tokens"),
        )
        return [
            Wanted(call.tool_name, call.tool_kwargs) for call in calls if isinstance(call.tool_kwargs, Mapping)
        ], used

    @cached_property
    def _client(self) -> "LLM":
        return {"openai": _openai, "anthropic": _anthropic, "ollama": _ollama}[self.name](self)


def _described(tool: Tool) -> dict[str, Any]:
    """As OpenAI's protocol has it, which LlamaIndex's integrations share."""
    told = "\n".join(filter(None, (tool.description or tool.title, "; ".join(tool.examples[:5]))))
    own = {"type": "object", "properties": {}, **tool.parameters}
    return {"type": "function", "function": {"name": tool.name, "description": told[:1_000], "parameters": own}}


def _openai(provider: Provider) -> "LLM":
    import openai.resources.chat  # noqa: F401 - the SDK leaves it to the first request, and holds the loop for it
    from llama_index.llms.openai_like import OpenAILike

    return OpenAILike(
        model=provider.model,
        api_base=provider.url,
        api_key=provider.key or "none",
        is_chat_model=True,
        is_function_calling_model=True,
        context_window=provider.context,
        max_tokens=provider.longest,
        temperature=TEMPERATURE,
        timeout=provider.timeout,
        max_retries=0,
        additional_kwargs={"stream_options": {"include_usage": True}},
    )


def _anthropic(provider: Provider) -> "LLM":
    from onethread.agent.claude import URL, Claude

    return Claude(
        model=provider.model,
        url=provider.url or URL,
        key=provider.key or "",
        longest=provider.longest,
        context=provider.context,
        timeout=provider.timeout,
    )


def _ollama(provider: Provider) -> "LLM":
    from llama_index.llms.ollama import Ollama

    return Ollama(
        model=provider.model,
        base_url=provider.url or "http://127.0.0.1:11434",
        context_window=provider.context,
        temperature=TEMPERATURE,
        request_timeout=provider.timeout,
        headers={"Authorization": f"Bearer {provider.key}"} if provider.key else None,
        additional_kwargs={"num_predict": provider.longest},
    )


def _piece(part: Any) -> Piece:
    """What LlamaIndex's part holds. Each integration keeps the end and the usage elsewhere."""
    raw = part.raw
    choices = getattr(raw, "choices", None)
    reason = _of(choices[0], "finish_reason") if choices else _of(raw, "stop_reason") or _of(raw, "done_reason")
    usage = _of(raw, "usage")
    return Piece(
        part.delta or "",
        "refused" if reason in _REFUSALS else _ENDS.get(reason, reason) if reason else None,
        _count(usage, "prompt_tokens", "input_tokens"),
        _count(usage, "completion_tokens", "output_tokens"),
    )


def _of(raw: Any, name: str) -> Any:
    return raw.get(name) if isinstance(raw, Mapping) else getattr(raw, name, None)


def _count(usage: Any, *names: str) -> int | None:
    counts = (_of(usage, name) for name in names)
    return next((count for count in counts if isinstance(count, int) and count >= 0), None)


def _in_words(error: Exception) -> ModelError:
    """The integrations raise their SDKs' errors; what they share are the status and the causes."""
    causes = [error, error.__cause__, error.__context__]
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    if isinstance(status, int) and status >= 400:  # noqa: PLR2004 HTTP
        passing = status in _OVERLOADED or status >= 500  # noqa: PLR2004 HTTP
        return ModelError(f"The language model refused with HTTP {status}", passing=passing, wait=_wait(response))
    if any(_is_about_the_connection(cause) for cause in causes if cause):
        return ModelError("The language model could not be reached", passing=True)
    log.warning("model.unreadable", error=type(error).__name__)
    return ModelError("The language model sent something that is not an answer")


def _is_about_the_connection(error: BaseException) -> bool:
    # httpx and its successor, and each SDK's own, name these errors alike.
    names = {cls.__name__ for cls in type(error).__mro__}
    return isinstance(error, ConnectionError) or bool(names & {"TransportError", "APIConnectionError"})


def _wait(response: object) -> float | None:
    """Seconds by `Retry-After`. A date in it is not read: providers of models send seconds."""
    headers: Mapping[str, str] = getattr(response, "headers", {})
    try:
        return max(float(headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return None
