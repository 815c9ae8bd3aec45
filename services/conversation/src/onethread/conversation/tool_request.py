"""From a tool's definition and its arguments to one request, and from the answer to what may be said. Pure."""

from __future__ import annotations

import json
import string
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import regex
from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend

PATTERN_SECONDS = 0.05
"""A pattern may be one that takes for ever."""
LONGEST_VALUE, LONGEST_LIST = 200, 20
LONGEST_FIELD = 500
LARGEST_SCHEMA, MOST_PARAMETERS = 8_000, 20
SCALARS = ("string", "integer", "number", "boolean")
IN_THE_BODY = ("POST", "PUT", "PATCH")
KEYWORDS = frozenset(
    ("type", "title", "description", "enum", "const", "pattern", "minLength", "maxLength", "minimum", "maximum",
     "examples", "default", "format")
)  # fmt: skip
_PLAIN = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "`": "'", "\r": " ", "\n": " "})


class UnfitError(ValueError):
    """The message says what is wrong, without any value."""


def _matches(_validator: Any, pattern: str, value: Any, _schema: Any) -> Any:
    if not isinstance(value, str):
        return
    try:
        found = regex.search(pattern, value, timeout=PATTERN_SECONDS)
    except TimeoutError:
        found = None
    if not found:
        yield ValidationError("has not the form that is asked for")


_VALIDATOR: Any = extend(Draft202012Validator, {"pattern": _matches})


def check_schema(schema: Mapping[str, Any]) -> None:
    """An object of plain values, each with keywords that need no look elsewhere. Raises `UnfitError`."""
    if len(json.dumps(schema)) > LARGEST_SCHEMA:
        raise UnfitError(f"the schema is larger than {LARGEST_SCHEMA} characters")
    if schema.get("type") != "object" or set(schema) - {"type", "properties", "required", "additionalProperties"}:
        raise UnfitError("the schema is an object with properties and required, and nothing else")
    properties = schema.get("properties", {})
    if not isinstance(properties, dict) or len(properties) > MOST_PARAMETERS:
        raise UnfitError(f"there are more than {MOST_PARAMETERS} parameters")
    for name, one in properties.items():
        _check_parameter(str(name), one)
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        raise UnfitError(f"this is no JSON Schema: {error.message[:200]}") from None
    if unknown := set(schema.get("required", ())) - set(properties):
        raise UnfitError(f"{', '.join(sorted(unknown))} is required and not among the properties")


def _check_parameter(name: str, one: Any) -> None:
    if not regex.fullmatch("[a-z][a-z0-9_]{0,39}", name):
        raise UnfitError(f"{name[:40]} is no name for a parameter: small letters, digits and underscores")
    if not isinstance(one, dict) or one.get("type") not in SCALARS:
        raise UnfitError(f"{name} is a {', '.join(SCALARS[:-1])} or {SCALARS[-1]}")
    if unknown := set(one) - KEYWORDS:
        raise UnfitError(f"{name} uses {', '.join(sorted(map(str, unknown)))}, which is not looked at here")
    try:
        regex.compile(str(one.get("pattern", "")))
    except regex.error:
        raise UnfitError(f"the pattern of {name} is not a regular expression") from None


def missing(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[str]:
    """What is required and not there, as the schema calls it for people."""
    lacking = [name for name in schema.get("required", ()) if arguments.get(name) in (None, "")]
    return [_called(schema, name) for name in lacking]


def _called(schema: Mapping[str, Any], name: str) -> str:
    one = schema["properties"][name]
    return str(one.get("title") or one.get("description") or name.replace("_", " "))


def check_arguments(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Raises `UnfitError`, which names the parameter and no value."""
    closed = {**schema, "additionalProperties": False}
    for name, value in arguments.items():
        if isinstance(value, str) and len(value) > LONGEST_VALUE:
            raise UnfitError(f"{name[:40]} is too long")
    for error in _VALIDATOR(closed).iter_errors(dict(arguments)):
        at = str(error.path[0]) if error.path else ""
        raise UnfitError(f"{at} does not fit its schema" if at else "there are arguments that the tool does not have")


def placeholders(template: str) -> list[str]:
    """Raises `UnfitError` for what is no template."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        raise UnfitError("a brace is open, or closed too often") from None
    named = [(name, spec, how) for _, name, spec, how in parts if name is not None]
    if any(not regex.fullmatch("[a-z][a-z0-9_]*", name) or spec or how for name, spec, how in named):
        raise UnfitError("between braces stands the name of a parameter or a field, and nothing else")
    return [name for name, _, _ in named]


def check_url(template: str, *, own_networks: bool) -> None:
    """Raises `UnfitError`."""
    parts = urlsplit(template)
    if parts.scheme not in ({"https", "http"} if own_networks else {"https"}):
        raise UnfitError("the address begins with https://")
    if not parts.hostname or "{" in parts.netloc or "@" in parts.netloc or parts.fragment:
        raise UnfitError("host, port and user of the address are fixed, and it has no fragment")
    placeholders(template)


def request(method: str, template: str, values: Mapping[str, Any]) -> tuple[str, bytes | None]:
    """The address, and the body. What stands not in the address goes into the body, or else into the query.

    Raises `UnfitError` for a value that would lead elsewhere.
    """
    named = set(placeholders(template))
    url = template.format_map({name: _in_url(name, values.get(name)) for name in named})
    rest = {name: value for name, value in values.items() if name not in named}
    if method in IN_THE_BODY:
        return url, json.dumps(rest).encode()
    if not rest:
        return url, None
    return f"{url}{'&' if '?' in url else '?'}{urlencode({name: _text(value) for name, value in rest.items()})}", None


def _in_url(name: str, value: Any) -> str:
    text = _text(value)
    if not text.strip(". "):
        raise UnfitError(f"{name} is empty, or only dots")
    return quote(text, safe="")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def pointed(document: Any, pointer: str) -> Any:
    """What a JSON Pointer (RFC 6901) leads to; None where it leads nowhere."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(key)
        elif isinstance(document, list) and key.isdigit() and int(key) < len(document):
            document = document[int(key)]
        else:
            return None
    return document


def fields(document: Any, pointers: Mapping[str, str]) -> dict[str, str]:
    """Plain values alone, and lists of them; as text that marks up nothing."""
    found = {name: _shown(pointed(document, pointer)) for name, pointer in pointers.items()}
    return {name: text for name, text in found.items() if text}


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(filter(None, map(plain, value[:LONGEST_LIST])))[:LONGEST_FIELD]
    return plain(value)


def plain(value: Any) -> str:
    """A plain value on one line, marking up nothing; "" for what is none."""
    if not isinstance(value, str | int | float | bool):
        return ""
    return " ".join(_text(value).translate(_PLAIN).split())[:LONGEST_FIELD]


def filled(template: str, values: Mapping[str, str]) -> str:
    """Line by line; a line that lacks a value is left out."""
    lines = [line for line in template.splitlines() if all(values.get(name) for name in placeholders(line))]
    return "\n".join(line.format_map(values) for line in lines).strip()
