"""Answer, ask back, or hand off: from what was asked, how the thread went, and how sure the search is. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten

from onethread.agent.asked import begins_a_question
from onethread.agent.intents import Intent, names_topic, says_unhelped
from onethread.agent.so_far import SoFar
from onethread.agent.words import content, language
from onethread.contracts.agent import AgentSettings, HandoffKind
from onethread.contracts.knowledge import KnowledgeFound, Passage

MOST_CLARIFICATIONS = 2
"""In one thread."""
_ASKS_FROM = 0.6
"""Share of the needed belief from which a question back may help. Below, nothing that was found is about it."""
_ASKS_ONE_WORD_FROM = 0.3
"""The same for a single word, which says a topic and no question."""
_ABOUT_AS_GOOD = 0.8
_OPTIONS = 3
_LONGEST_OPTION = 60
_SHORT = 8
"""Telling words. Whoever wrote more has said what they mean."""
_SAYS_NOTHING = 1
_LITTLE_TEXT = 3


@dataclass(frozen=True)
class Handoff:
    """`reason` is what the teammate reads. A gap is a question that no article covers."""

    why: HandoffKind
    reason: str
    confidence: float = 0.0
    gap: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class AskBack:
    """One question to the customer. `options` are titles or headings to choose from; none: what do they mean at all."""

    options: tuple[str, ...] = ()
    confidence: float = 0.0


WANTS_PERSON = Handoff("person", "The customer asked for a person")
UPSET = Handoff("upset", "The customer is upset", tags=("upset",))
OWN_ACCOUNT = Handoff(
    "account", "The question is about the customer's own order or account; no article knows that", tags=("account",)
)
UNHELPED = Handoff("repeating", "The customer says that the answer before did not help")
REPEATS = Handoff("repeating", "The customer asks again what was answered before")
NONE_OF_THEM = Handoff("unsure", "The customer means none of what the agent asked back about")
KNOWLEDGE_AWAY = Handoff("trouble", "The knowledge base is away")
KNOWLEDGE_SLOW = Handoff("trouble", "The knowledge base is slow: its search took too long")
KNOWLEDGE_FAILED = Handoff("trouble", "The knowledge base could not search")
NO_TEXT = Handoff("unsure", "The message has no text that the agent can read")
ATTACHMENT = Handoff("attachment", "What the customer asks is in an attachment, which the agent cannot read")
FAILED = Handoff("trouble", "The agent failed on this message; its log says why")


_BY_INTENT: dict[Intent, Handoff] = {"person": WANTS_PERSON, "upset": UPSET, "account": OWN_ACCOUNT}


def before_search(
    text: str, intent: Intent, so_far: SoFar, settings: AgentSettings, attachments: int = 0
) -> Handoff | None:
    """What no article can answer, whatever it says."""
    if not text or (attachments and len(content(text)) <= _LITTLE_TEXT and not begins_a_question(text)):
        return ATTACHMENT if attachments else NO_TEXT
    if intent in _BY_INTENT and intent != "account":
        return _BY_INTENT[intent]
    if topic := names_topic(text, settings.reserved_topics):
        return Handoff("reserved", f"“{topic}” is a topic that people answer here", tags=(topic,))
    return _BY_INTENT.get(intent) or _after_many_words(text, so_far, settings)


def _after_many_words(text: str, so_far: SoFar, settings: AgentSettings) -> Handoff | None:
    if so_far.answers >= settings.max_turns:
        return Handoff("turns", f"The agent has answered {so_far.answers} times in this thread")
    if so_far.was_answered and says_unhelped(text):
        return UNHELPED
    return REPEATS if so_far.repeats(text) else None


def after_search(query: str, found: KnowledgeFound, threshold: float, *, may_ask: bool) -> Handoff | AskBack | None:
    """None: answer it."""
    if found.passages and found.confidence >= threshold:
        return None
    if may_ask and (asked := _ask_back(query, found, threshold)):
        return asked
    if not found.passages:
        return Handoff("unsure", "No article covers the question", found.confidence, gap=True)
    nearest = found.passages[0].title
    reason = f"Not sure enough: {found.confidence:.0%} of the needed {threshold:.0%}. Nearest article: “{nearest}”"
    return Handoff("unsure", reason, found.confidence, gap=True)


def may_ask_back(so_far: SoFar, settings: AgentSettings) -> bool:
    return settings.clarify and so_far.clarified < MOST_CLARIFICATIONS


def _ask_back(query: str, found: KnowledgeFound, threshold: float) -> AskBack | None:
    words = {*content(query, language(query))}
    if len(words) < _SAYS_NOTHING:
        return AskBack(confidence=found.confidence)
    options = _options(found.passages)
    least = _ASKS_ONE_WORD_FROM if len(words) == 1 else _ASKS_FROM
    if found.confidence >= least * threshold and len(words) <= _SHORT and len(options) > 1:
        return AskBack(options, found.confidence)
    return None


def called(passage: Passage) -> tuple[str, ...]:
    """What the passage may be called towards a customer, the best first: of a title, the way to it is left out."""
    names = (passage.title.rsplit(" > ", 1)[-1], *reversed(passage.heading_path), passage.title)
    return tuple(shorten(name, _LONGEST_OPTION, placeholder="…") for name in names)


def _options(passages: Sequence[Passage]) -> tuple[str, ...]:
    """What the passages that are about as good as the best are called, each in other words."""
    close = [p for p in passages if p.score >= _ABOUT_AS_GOOD * passages[0].score]
    count = Counter(name for passage in close for name in {*called(passage)})
    names = [next((name for name in called(p) if count[name] == 1), called(p)[0]) for p in close]
    by_words: dict[str, str] = {}
    for name in names:
        by_words.setdefault(" ".join(sorted({*content(name)})) or name, name)
    return tuple(by_words.values())[:_OPTIONS]
