"""Answer, or hand off: from what was asked and how sure the search is. Pure."""

from dataclasses import dataclass
from typing import Literal

from onethread.agent.intents import Intent
from onethread.contracts.knowledge import KnowledgeFound

Why = Literal["person", "account", "unsure", "trouble"]
"""What the customer is told on a handoff depends on it."""


@dataclass(frozen=True)
class Handoff:
    """`reason` is what the teammate reads. A gap is a question that no article covers."""

    why: Why
    reason: str
    confidence: float = 0.0
    gap: bool = False


WANTS_PERSON = Handoff("person", "The customer asked for a person")
OWN_ACCOUNT = Handoff("account", "The question is about the customer's own order or account; no article knows that")
KNOWLEDGE_AWAY = Handoff("trouble", "The knowledge base did not answer")
NO_TEXT = Handoff("unsure", "The message has no text that the agent can read")
FAILED = Handoff("trouble", "The agent failed on this message; its log says why")


def before_search(text: str, intent: Intent) -> Handoff | None:
    if not text:
        return NO_TEXT
    return {"person": WANTS_PERSON, "account": OWN_ACCOUNT}.get(intent)


def after_search(found: KnowledgeFound, threshold: float) -> Handoff | None:
    """None: answer it."""
    if not found.passages:
        return Handoff("unsure", "No article covers the question", found.confidence, gap=True)
    if found.confidence < threshold:
        nearest = found.passages[0].title
        reason = f"Not sure enough: {found.confidence:.0%} of the needed {threshold:.0%}. Nearest article: “{nearest}”"
        return Handoff("unsure", reason, found.confidence, gap=True)
    return None
