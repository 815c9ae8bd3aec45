"""The bodies that providers send, as fields: pure. Fields keep their bytes, since a mail in one of them is no text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from typing import Any
from urllib.parse import unquote_to_bytes

from onethread.gateway_email.parsing import charsets
from onethread.runtime.errors import Problem

FIELDS = 10_000


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    value: bytes
    file: str | None = None
    """The name of the file that it is; None: it is a field."""
    type: str = "text/plain"


class Form:
    def __init__(self, fields: list[Field]) -> None:
        self.fields = fields

    def text(self, name: str, charset: str | None = None) -> str:
        """The first field of that name; empty where there is none."""
        return charsets.decode(self.raw(name), charset)

    def raw(self, name: str) -> bytes:
        return next((field.value for field in self.fields if field.name == name and field.file is None), b"")

    @property
    def files(self) -> list[Field]:
        return [field for field in self.fields if field.file is not None]


def form(content_type: str, body: bytes) -> Form:
    """Raises a 400 `Problem` for what is no form."""
    kind = _header(content_type)
    if kind.get_content_type() == "application/x-www-form-urlencoded":
        fields = list(_of_a_query(body))
    elif kind.get_content_type() == "multipart/form-data" and (boundary := kind.get_boundary()):
        fields = list(_of_parts(body, boundary.encode("utf-8", "surrogateescape")))
    else:
        raise malformed("it is neither multipart/form-data nor application/x-www-form-urlencoded")
    if len(fields) > FIELDS:
        raise malformed(f"it has more than {FIELDS} fields")
    return Form(fields)


def objects(body: bytes | str) -> list[dict[str, Any]]:
    """A JSON object, or a list of them. Raises a 400 `Problem`."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise malformed("it is not JSON") from error
    found = said if isinstance(said, list) else [said]
    if not found or not all(isinstance(one, dict) for one in found):
        raise malformed("it is no JSON object, nor a list of them")
    return found


def inner(said: dict[str, Any], name: str) -> dict[str, Any]:
    """The object that stands there; empty where there is none."""
    value = said.get(name)
    return value if isinstance(value, dict) else {}


def listed(said: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects that are listed there."""
    value = said.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    return "" if value is None else str(value)


def malformed(what: str) -> Problem:
    return Problem(400, "The body is not what this provider sends", f"Nothing was kept: {what}.")


def _of_a_query(body: bytes) -> Iterator[Field]:
    for pair in body.split(b"&", FIELDS + 1):
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        yield Field(charsets.decode(unquote_to_bytes(name), None), unquote_to_bytes(value))


def _of_parts(body: bytes, boundary: bytes) -> Iterator[Field]:
    """Some send line feeds alone: as the first boundary ends, so do the lines of all."""
    end = b"\r\n" if body[len(boundary) + 2 : len(boundary) + 4] == b"\r\n" else b"\n"
    for part in (end + body).split(end + b"--" + boundary, FIELDS + 2)[1:]:
        if part.startswith(b"--"):
            return
        head, _, value = part.removeprefix(end).partition(end + end)
        header = message_from_bytes(head + end + end)
        name = header.get_param("name", header="content-disposition")
        if isinstance(name, str):
            yield Field(charsets.as_text(name), value, _file_name(header), header.get_content_type())


def _file_name(header: Message) -> str | None:
    name = header.get_filename()
    return charsets.header(name) if name is not None else None


def _header(content_type: str) -> Message:
    header = Message()
    header["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    return header
