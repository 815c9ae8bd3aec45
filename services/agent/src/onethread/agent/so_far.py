"""What the thread tells beside the message at hand: what was asked, answered and asked back. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from onethread.agent.asked import ends_in_question, points_back, question_of
from onethread.agent.intents import intent_of
from onethread.agent.manner import is_small_talk
from onethread.agent.prompt import Said
from onethread.agent.words import content, language, tokens

_OPTION = re.compile(r"^\s*\d[.)]\s+(.+?)\s*$", re.MULTILINE)
_AS_BEFORE = 0.75
"""Share of the telling words that two messages have in common, from which one repeats the other."""
_LEAST_WORDS = 2


@dataclass(frozen=True)
class SoFar:
    """`said` is oldest first, all that may be known here; `since` how many of them stand before the thread was given
    back to the agent: what happened before that counts for no limit.
    """

    said: Sequence[Said] = ()
    since: int = 0

    @property
    def _now(self) -> Sequence[Said]:
        return self.said[self.since :]

    @cached_property
    def answers(self) -> int:
        """Of the agent, without greetings and thanks."""
        return sum(one.author == "agent" and not is_small_talk(one.text) for one in self._now)

    @cached_property
    def clarified(self) -> int:
        """How often the agent asked back."""
        return sum(map(_asks_back, self._now))

    @cached_property
    def asked_back(self) -> Said | None:
        """The agent's own question, where it is what was said last before the message at hand."""
        ours = [one for one in self._now if one.author != "customer"]
        return ours[-1] if ours and self._now[-1] is ours[-1] and _asks_back(ours[-1]) else None

    @cached_property
    def options(self) -> list[str]:
        """What the customer was given to choose from."""
        return _OPTION.findall(self.asked_back.text) if self.asked_back else []

    @cached_property
    def question(self) -> str | None:
        """The last one of the customer that stands by itself, or else the last one."""
        asked = [question_of(one.text) for one in self.said if one.author == "customer" and _asks(one.text)]
        whole = [one for one in asked if not points_back(one)]
        return (whole or asked or [None])[-1]

    def repeats(self, text: str) -> bool:
        """True where the customer asks what the agent has answered before."""
        answered = False
        for one in reversed(self._now):
            answered = answered or (one.author == "agent" and bool(one.titles))
            if answered and one.author == "customer" and _is_as_before(text, question_of(one.text)):
                return True
        return False

    @property
    def was_answered(self) -> bool:
        return any(one.author == "agent" and one.titles for one in self._now)


def _is_as_before(text: str, before: str) -> bool:
    tongue = language(text)
    ours, theirs = {*content(text, tongue)}, {*content(before, tongue)}
    same = bool(ours) and tokens(text) == tokens(before)
    return same or (len(ours) >= _LEAST_WORDS and len(ours & theirs) >= _AS_BEFORE * len(ours | theirs))


def _asks(text: str) -> bool:
    return intent_of(text) == "question" and bool(content(text))


def _asks_back(said: Said) -> bool:
    """Without an article, and with a question: one of ours, or one that the language model wrote."""
    if said.author != "agent" or said.titles or is_small_talk(said.text):
        return False
    return _OPTION.search(said.text) is not None or any(map(ends_in_question, said.text.splitlines()))
