"""How the agent speaks on each kind of channel, and the few sentences that are its own. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from onethread.agent.hours import when
from onethread.agent.tongues import Language, tongues
from onethread.agent.words import language
from onethread.contracts.agent import HandoffKind, OpenHours
from onethread.contracts.messages import ChannelKind


@dataclass(frozen=True)
class Manner:
    """`words` is about how long an answer may be; `streams` whether the channel shows it while it is written."""

    words: int
    streams: bool = False
    letter: bool = False
    advice: str = ""


MANNERS: Mapping[ChannelKind, Manner] = {
    "widget": Manner(70, streams=True, advice="Live chat: at most four short sentences, or a short list."),
    "slack": Manner(80, advice="A chat in Slack: at most five short sentences, or a short list."),
    "email": Manner(130, letter=True, advice="An email: complete but short; no greeting and no sign-off."),
}
_OTHER = frozenset[HandoffKind](("reserved", "turns", "budget"))
"""Of these the customer is told only that a person answers."""
_FIRST_NAME = re.compile(r"[^\W\d_][^\W\d_'’-]{1,29}")
_LONGEST_OPEN = 160


@dataclass(frozen=True)
class Voice:
    """The language and the channel in which a customer is spoken to, and when people answer there."""

    tongue: Language
    kind: ChannelKind
    hours: OpenHours | None = None

    def phrase(self, which: str) -> str:
        """A sentence of `languages/` that has no gaps."""
        return tongues()[self.tongue].say[which]

    def says(self, which: str, **gaps: str) -> str:
        """A sentence of `languages/`, with its gaps filled."""
        say = tongues()[self.tongue].say
        return say[which].format(here=say["mail" if MANNERS[self.kind].letter else "chat"], **gaps)

    def handed_off(self, kind: HandoffKind, now: datetime, still_open: str = "") -> str:
        """What happens next, and when. `still_open`: the questions that an answer before it left."""
        say = tongues()[self.tongue].say
        here = say["mail" if MANNERS[self.kind].letter else "chat"]
        which = "rest" if still_open else "other" if kind in _OTHER else kind
        said = say[which].format(here=here, open=still_open[:_LONGEST_OPEN])
        return " ".join(filter(None, (said, when(self.hours, now, tongues()[self.tongue]))))

    def which(self, options: Sequence[str]) -> str:
        """Asks which of `options` is meant."""
        listed = "\n".join(f"{n}. {option}" for n, option in enumerate(options, 1))
        return f"{self.phrase('which')}\n\n{listed}"

    def dress(self, text: str, name: str | None = None) -> str:
        """`text` as the channel says it: a letter greets and signs. Sources are shown by the gateways."""
        if not MANNERS[self.kind].letter:
            return text
        # A name is only what the sender calls themself: no links, no sentences.
        first = _FIRST_NAME.fullmatch((name or "").split()[0]) if (name or "").split() else None
        hello = self.phrase("hello")
        greeting = f"{hello} {first[0]}," if first else f"{hello},"
        return f"{greeting}\n\n{text}\n\n{self.phrase('goodbye')}"


def told(texts: Iterable[str]) -> Language | None:
    """The language of the first of `texts` that tells one."""
    return next((tongue for text in texts if (tongue := language(text))), None)


def is_small_talk(text: str) -> bool:
    """True for the agent's own greetings and thanks, in any dress."""
    return any(phrase in text for phrase in _small_talk())


@cache
def _small_talk() -> tuple[str, ...]:
    return tuple(tongue.say[which] for tongue in tongues().values() for which in ("greeting", "thanks"))
