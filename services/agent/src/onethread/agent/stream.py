"""An answer on its way to the customer while the model still writes it.

What was shown can't be taken back. So it goes out sentence by sentence, each after its check, and what is shown is
always the beginning of the text that is sent in the end, or of an answer that a person takes over.
"""

import re
from collections.abc import Awaitable, Callable

from onethread.agent.check import Check, Checked, cited_numbers, without_citations
from onethread.agent.hidden import visible
from onethread.agent.prompt import CLARIFY, HANDOFF
from onethread.agent.sentences import begun, sentences

_THOUGHTS = re.compile(r"^\s*<think(?:ing)?>.*?</think(?:ing)?>\s*", re.DOTALL)
_THINKS = "<think"
_MAY_END = re.compile(r"[.!?…。！？\n]")

Say = Callable[[str], Awaitable[None]]


class Draft:
    """Takes the model's pieces, judges each sentence, and shows what is left."""

    def __init__(self, check: Check, say: Say) -> None:
        self.check, self._say = check, say
        self._held = ""
        self._judged: list[tuple[str, str, str | None]] = []
        self._shown = ""
        self._silent = False
        self._thinking = True

    async def hear(self, piece: str) -> None:
        self._held += visible(piece)
        if self._is_thinking() or not _MAY_END.search(self._held):
            return
        over, rest = begun(self._held)
        if over:
            self._held = rest
            await self._take(over)

    async def end(self) -> None:
        """The model wrote all that it wants to."""
        if not self._is_thinking():
            await self._take(sentences(self._held))
            self._held = ""

    @property
    def text(self) -> str:
        """All that the model wrote, but for its thoughts."""
        return "".join(sentence + space for sentence, space, _ in self._judged).strip()

    @property
    def cited(self) -> list[int]:
        """Numbers of the passages that what is left rests on."""
        return list(dict.fromkeys(n for text, _, wrong in self._judged if not wrong for n in cited_numbers(text)))

    @property
    def checked(self) -> Checked:
        return self.check.summed_up(self._judged)

    def _is_thinking(self) -> bool:
        """Thoughts stand before the answer, between marks of their own."""
        if self._thinking:
            self._held = _THOUGHTS.sub("", self._held)
            begins = self._held.lstrip()[: len(_THINKS)]
            self._thinking = _THINKS.startswith(begins)
        return self._thinking

    async def _take(self, over: list[tuple[str, str]]) -> None:
        for sentence, space in over:
            wrong = self.check.wrong(sentence)
            self._judged.append((sentence, space, wrong))
            # After a sentence that did not hold, the rest is not to be trusted before it is seen as a whole.
            self._silent = self._silent or wrong is not None or HANDOFF in sentence or self.text.startswith(CLARIFY)
        if not self._silent and self.cited:
            await self._show()

    async def _show(self) -> None:
        text = "".join(without_citations(sentence) + space for sentence, space, _ in self._judged).strip()
        if len(text) > len(self._shown):
            new, self._shown = text[len(self._shown) :], text
            await self._say(new)
