"""An answer on its way to the customer while the model still writes it.

What was shown can't be taken back, so that only whole words go out, without citations, and never a link that no
source has or the model's word for a handoff.
"""

import re
from collections.abc import Awaitable, Callable, Sequence

from onethread.agent.check import Evidence, links, visible, without_citations
from onethread.agent.prompt import HANDOFF
from onethread.contracts.knowledge import Passage

GROUP = 30
"""Characters that go out together."""
_OPEN = re.compile(r"!?\[[^\]]*$|\][(][^)]*$|<[^>]*$")

Say = Callable[[str], Awaitable[None]]


class Stream:
    """Takes the model's pieces and says what may be shown of them."""

    def __init__(self, passages: Sequence[Passage], say: Say) -> None:
        self._links = Evidence(passages).links
        self._say = say
        self._held = ""
        self._silent = False

    async def hear(self, piece: str) -> None:
        self._held += piece
        cut = self._safe_end()
        if cut >= GROUP:
            await self._show(self._held[:cut])
            self._held = self._held[cut:]

    async def end(self) -> None:
        await self._show(self._held)
        self._held = ""

    def _safe_end(self) -> int:
        """After the last whole word; before a bracket that is still open."""
        opened = _OPEN.search(self._held)
        until = opened.start() if opened else len(self._held)
        return max(self._held.rfind(space, 0, until) for space in " \n") + 1

    async def _show(self, text: str) -> None:
        shown = without_citations(visible(text))
        # From here on the answer is not to be trusted; the final message tells what is left of it.
        self._silent = self._silent or HANDOFF in shown or not links(shown) <= self._links
        if shown and not self._silent:
            await self._say(shown)
