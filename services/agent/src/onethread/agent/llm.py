"""The language model. The only file that knows LlamaIndex, which is imported when it is first needed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import structlog

from onethread.agent.prompt import Line

if TYPE_CHECKING:
    from llama_index.llms.openai_like import OpenAILike

log = structlog.get_logger()
MAX_TOKENS = 600
MAX_CHARACTERS = 4_000
CONTEXT_WINDOW = 16_000
_ENDINGS = '.!?…)]”"。！？*'


class ModelError(Exception):
    """The model gave no answer. Its text says why, in words that a teammate reads."""


class LanguageModel:
    """Any OpenAI-compatible server. `timeout` is in seconds and holds for a whole answer."""

    def __init__(self, url: str, model: str, key: str | None, timeout: float) -> None:
        self._url, self._model, self._key, self._timeout = url, model, key, timeout

    async def warm(self) -> None:
        """Imports what is needed, so that the first customer does not wait for it."""
        await asyncio.to_thread(lambda: self._client)

    async def write(self, lines: Sequence[Line], heard: Callable[[str], Awaitable[None]]) -> str:
        """The whole answer; `heard` gets it piece by piece while it is written. Raises `ModelError`."""
        try:
            async with asyncio.timeout(self._timeout):
                return await self._write(lines, heard)
        except TimeoutError as error:
            raise ModelError(f"The language model did not finish within {self._timeout:g} seconds") from error

    async def _write(self, lines: Sequence[Line], heard: Callable[[str], Awaitable[None]]) -> str:
        text, finish = "", None
        async for piece, reason in self._pieces(lines):
            text, finish = text + piece, reason or finish
            await heard(piece)
            if len(text) > MAX_CHARACTERS:
                raise ModelError("The language model did not come to an end")
        if not text.strip():
            raise ModelError("The language model answered nothing")
        if finish != "stop" and text.rstrip()[-1] not in _ENDINGS:  # some servers never say why they stop
            raise ModelError("The language model stopped in the middle of a sentence")
        return text

    async def _pieces(self, lines: Sequence[Line]) -> AsyncIterator[tuple[str, str | None]]:
        """Each piece of text, with the reason for the end where it is known."""
        from llama_index.core.llms import ChatMessage
        from openai import APIConnectionError, APIStatusError

        messages = [ChatMessage(role=line.role, content=line.text) for line in lines]
        try:
            async for part in await self._client.astream_chat(messages):
                yield part.delta or "", _finish(part.raw)
        except APIStatusError as error:
            raise ModelError(f"The language model refused with HTTP {error.status_code}") from error
        except APIConnectionError as error:
            raise ModelError("The language model could not be reached") from error
        except Exception as error:
            log.warning("model.unreadable", error=type(error).__name__)
            raise ModelError("The language model sent something that is not an answer") from error

    @cached_property
    def _client(self) -> "OpenAILike":
        from llama_index.llms.openai_like import OpenAILike

        return OpenAILike(
            model=self._model,
            api_base=self._url,
            api_key=self._key or "none",
            is_chat_model=True,
            context_window=CONTEXT_WINDOW,
            max_tokens=MAX_TOKENS,
            temperature=0.1,
            timeout=self._timeout,
            max_retries=0,
        )


def _finish(raw: object) -> str | None:
    choices = getattr(raw, "choices", None)
    return choices[0].finish_reason if choices else None
