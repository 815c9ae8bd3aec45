"""Sentences in an article that are meant for the language model, not for a reader. Pure.

Whoever can write into a page that is indexed can write these. They are no evidence and are not shown to the model. A
list of phrases never holds all of them; what holds is the check of what the model wrote.
"""

import re

_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instructions?|rules|prompts?|above|previous|guidelines)\b|"
    r"\b(?:system|developer) (?:prompt|message|instructions?)\b|"
    r"\b(?:you are|act as|pretend to be|behave as) (?:now )?(?:an? |the )?"
    r"(?:ai|assistant|language model|chat ?bot|llm|dan)\b|"
    r"\b(?:as an ai|language model|chat ?bots?|assistants?|ai|llms?|bots?)\b\s*"
    r"(?::|,? (?:you )?(?:must|should|shall|has to|have to|needs? to|is to|are to|will now|please)\b)|"
    r"\b(?:reply|respond|answer|output|write|print|say) (?:only |exactly |always )?(?:with|the following|this text)\b|"
    r"\btell (?:the|every|all|each|any) (?:customers?|users?|visitors?|clients?)\b|"
    r"\b(?:always|every time) (?:include|append|add|insert|recommend|link)\b|"
    r"\b(?:ignorier\w*|vergiss|missachte\w*)\b.{0,40}\b(?:anweisung\w*|regeln)\b|"
    r"\b(?:ignore[sz]?|oublie[sz]?)\b.{0,40}\b(?:instructions|consignes|règles)\b|"
    r"\b(?:ignora|ignore|olvida)\b.{0,40}\b(?:instrucciones|reglas)\b|"
    r"<\|[\w ]+\|>|\[/?INST\]|<</?SYS>>|^#{2,}\s*(?:system|instructions?|assistant)\b|"
    r"\b(?:BEGIN|END) (?:SYSTEM|INSTRUCTIONS?|PROMPT)\b",
    re.IGNORECASE,
)
_PARTS = re.compile(r"((?<=[.!?])\s+|\n)")


def is_order(text: str) -> bool:
    return _ORDER.search(text) is not None


def without_orders(text: str) -> str:
    """`text` without the sentences that give orders."""
    parts = _PARTS.split(text)
    pairs = zip(parts[::2], [*parts[1::2], ""], strict=True)
    return "".join(part + space for part, space in pairs if not is_order(part))
