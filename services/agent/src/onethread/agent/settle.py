"""How long to wait for more of what the customer is writing. Pure."""

from onethread.agent.asked import begins_a_question, ends_in_question, question_of
from onethread.agent.intents import intent_of
from onethread.agent.rewrite import is_choice
from onethread.agent.words import tokens
from onethread.contracts.messages import ChannelKind

_WHOLE_WORDS = 3
_SENTENCE_ENDS = tuple(".!。！…")
_COMPLETE = ("person", "thanks")
"""Wishes to which nothing need be added."""
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
    if words > _WHOLE_WORDS and begins_a_question(asked):
        return 0.0
    if intent_of(asked) in _COMPLETE or is_choice(asked):
        return 0.0
    ends = text.rstrip().endswith(_SENTENCE_ENDS)
    return longest / 2 if ends and words >= _WHOLE_WORDS else longest
