"""Which tool a message needs, and what of it goes into the call: by the administrator's examples and patterns. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import regex

from onethread.agent.tongues import Language, fold
from onethread.agent.words import content, language
from onethread.contracts.tools import Tool

PATTERN_SECONDS = 0.05
"""An administrator's pattern may be one that takes for ever."""
_ENOUGH = 0.6
"""Share of an example's telling words, in a message about the customer's own account."""
_ABOUT = 0.3
"""Share of a message's own telling words that an example has: else the message is about more than that."""
_LEAST_WORDS = 2
"""Telling words that choose a tool by themselves, where it needs no value."""
_LONGEST = 200


@dataclass(frozen=True)
class Choice:
    """A tool, and the values that the customer wrote for it."""

    tool: Tool
    arguments: Mapping[str, Any]


def choose(text: str, tools: Sequence[Tool], *, own_account: bool, answers: str = "") -> Choice | None:
    """The tool whose example fits best; None where none does, or two do alike.

    `answers`: a reply to a question of ours, which is a value as a whole where no pattern finds one.
    """
    rated = sorted(((_fit(text, tool), tool) for tool in tools), key=lambda one: one[0], reverse=True)
    if not rated or (len(rated) > 1 and rated[0][0] == rated[1][0]):
        return None
    (share, words), tool = rated[0]
    arguments = values(text, tool, answers)
    if own_account:
        return Choice(tool, arguments) if share >= _ENOUGH else None
    needed = tool.parameters.get("required", ())
    # "How do I track my order?" has all the words as well; what it has not is an order.
    is_meant = any(name in arguments for name in needed) if needed else words >= _LEAST_WORDS
    about_it = words >= _ABOUT * len(_stems(text, language(text) or "en"))
    return Choice(tool, arguments) if share == 1.0 and is_meant and about_it else None


def concerns(text: str, tools: Sequence[Tool]) -> bool:
    """Whether any word that tells something is one of a tool's: worth asking a language model about."""
    tongue = language(text) or "en"
    told = " ".join(" ".join((tool.description, tool.name.replace("_", " "), *tool.examples)) for tool in tools)
    return bool(_stems(text, tongue) & _stems(told, tongue))


def values(text: str, tool: Tool, answers: str = "") -> dict[str, Any]:
    """What the message holds of the tool's parameters, by their patterns, choices and kinds."""
    properties: Mapping[str, Any] = tool.parameters.get("properties", {})
    found = {name: _value(text, one) for name, one in properties.items()}
    free = [n for n in tool.parameters.get("required", ()) if found.get(n) is None and _is_free(properties[n])]
    if answers and len(free) == 1:
        found[free[0]] = answers.strip()[:_LONGEST]
    return {name: value for name, value in found.items() if value is not None}


def only_said(arguments: Mapping[str, Any], tool: Tool, said: str) -> dict[str, Any]:
    """Of what a language model filled in, what the customer wrote; the rest it made up, or was told by others."""
    properties: Mapping[str, Any] = tool.parameters.get("properties", {})
    plain = fold(said)
    return {
        name: value
        for name, value in arguments.items()
        if "enum" in properties.get(name, {}) or isinstance(value, bool) or fold(str(value)) in plain
    }


def _fit(text: str, tool: Tool) -> tuple[float, int]:
    """The share of an example's telling words that the message has, and how many these are; of the best example."""
    tongue = language(text) or "en"
    said = _stems(text, tongue)
    fits = [(len(words & said) / len(words), len(words & said)) for words in _examples(tool, tongue) if words]
    return max(fits, default=(0.0, 0))


def _examples(tool: Tool, tongue: Language) -> list[frozenset[str]]:
    return [_stems(example, tongue) for example in tool.examples]


def _stems(text: str, tongue: Language) -> frozenset[str]:
    return frozenset(stem for stem in content(text, tongue) if not any(map(str.isdigit, stem)))


def _is_free(one: Mapping[str, Any]) -> bool:
    return one.get("type") == "string" and "enum" not in one and "pattern" not in one


def _value(text: str, one: Mapping[str, Any]) -> Any:
    if "enum" in one:
        plain = fold(text)
        said = (choice for choice in one["enum"] if regex.search(rf"\b{regex.escape(fold(str(choice)))}\b", plain))
        return next(said, None)
    pattern = one.get("pattern") or {"integer": "[0-9]{1,15}", "number": r"[0-9]{1,15}(?:\.[0-9]{1,9})?"}.get(
        one["type"]
    )
    found = _search(str(pattern), text) if pattern else None
    if found is None or one["type"] == "string":
        return found
    return int(found) if one["type"] == "integer" else float(found) if one["type"] == "number" else None


def _search(pattern: str, text: str) -> str | None:
    bare = pattern.removeprefix("^").removesuffix("$")
    try:
        found = regex.search(rf"(?<![\w@.-])(?:{bare})(?![\w@])", text, timeout=PATTERN_SECONDS)
    except (TimeoutError, regex.error):
        return None
    return found[0] if found else None
