"""How long to wait for more of what the customer is writing. Pure."""

import re

from onethread.agent.asked import ends_in_question, question_of
from onethread.agent.words import tokens
from onethread.contracts.messages import ChannelKind

_WHOLE_WORDS = 3
_ASKS = re.compile(
    r"(?:how|what|when|where|which|who|why|can|do|does|is|are|will|could|should|"
    r"wie|was|wann|wo|welche\w*|wer|warum|kann|habt|gibt|ist|comment|quand|quel\w*|où|combien|pourquoi|est-ce|puis-je|"
    r"cómo|como|cuándo|cuánto|dónde|qué|puedo|come|quando|quanto|dove|posso|onde|qual|hoe|wanneer|waar|welke|kan|"
    r"jak|kiedy|gdzie|ile|czy|nasıl|ne|nerede|kaç|как|когда|где|сколько|можно)\b"
)
"""Who begins so and writes some words more has asked, with or without a mark."""
_SENTENCE_ENDS = tuple(".!。！…")
_NEVER_BURSTS: frozenset[ChannelKind] = frozenset(("email",))
MOST_PAUSES = 3
"""A burst is waited for no longer than this many of the longest pauses."""


def pause(text: str, kind: ChannelKind, longest: float) -> float:
    """Seconds after a message: none after a whole question, half of `longest` after a whole sentence, else all of it.

    "Hi", "I have a problem" and half a sentence are seldom all that is coming; a letter is.
    """
    if kind in _NEVER_BURSTS:
        return 0.0
    asked = question_of(text)
    words = len(tokens(asked))
    if ends_in_question(text) and (words >= _WHOLE_WORDS or not text.isascii()):
        return 0.0
    if words > _WHOLE_WORDS and _ASKS.match(asked.lower()):
        return 0.0
    ends = text.rstrip().endswith(_SENTENCE_ENDS)
    return longest / 2 if ends and words >= _WHOLE_WORDS else longest
