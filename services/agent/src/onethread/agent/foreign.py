"""Whether an article is in another language than the customer's. Pure."""

from onethread.agent.tongues import Language
from onethread.agent.words import content, surely
from onethread.contracts.knowledge import Passage

_MIXED = 0.5
"""Share of the question's words that the article has from which it is asked in the article's own language too."""


def is_foreign(passage: Passage, question: str, tongue: Language | None, *, sure: bool = False) -> bool:
    """`tongue` is the customer's as the question lets guess; `sure`: they said so. Who mixes languages reads both."""
    own = surely(passage.text) or (passage.locale or "").split("-")[0].lower()
    if not own or tongue in (None, own):
        return False
    return sure or surely(question) == tongue or _shared(question, passage) < _MIXED


def _shared(question: str, passage: Passage) -> float:
    asked = {*content(question, surely(passage.text))}
    said = {*content(" ".join((passage.title, *passage.heading_path, passage.text)), surely(passage.text))}
    return len(asked & said) / len(asked) if asked else 1.0
