"""Rows by COPY, with the columns and the defaults that the models have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Column
from sqlmodel import SQLModel

BLOCK = 2_000
NULL = "\\N"


class Rows:
    """Takes rows as tuples of what differs between them, in PostgreSQL's text form without tabs and backslashes."""

    def __init__(self, copy: psycopg.Copy, template: str) -> None:
        self._copy, self._template = copy, template
        self._lines: list[str] = []

    def add(self, *values: object) -> None:
        self._lines.append(self._template % values)
        if len(self._lines) == BLOCK:
            self.send()

    def send(self) -> None:
        self._copy.write("".join(self._lines))
        self._lines.clear()


@contextmanager
def rows_of(
    connection: psycopg.Connection[Any], model: type[SQLModel], *varying: str, **same: object
) -> Iterator[Rows]:
    """Fills the table of `model`. What is neither in `varying` nor in `same` gets the model's default.

    Raises `LookupError` when the model has no such column, or asks for one that is not named.
    """
    columns = [column.name for column in model.__table__.columns if not _by_itself(column)]  # type: ignore[attr-defined]
    if unknown := {*varying, *same} - {*columns}:
        raise LookupError(f"{model.__name__} has no {', '.join(unknown)}")
    order = [*varying, *(name for name in columns if name not in varying)]
    cells = ["%s"] * len(varying) + [_cell(model, name, same) for name in order[len(varying) :]]
    query = f"copy {model.__tablename__} ({', '.join(order)}) from stdin"
    with connection.cursor() as cursor, cursor.copy(query) as copy:  # type: ignore[arg-type]
        rows = Rows(copy, "\t".join(cells) + "\n")
        yield rows
        rows.send()


def _by_itself(column: Column[Any]) -> bool:
    """Whether the database gives the value."""
    return column.autoincrement is True or column.computed is not None


def _cell(model: type[SQLModel], name: str, same: dict[str, object]) -> str:
    field = model.model_fields[name]
    if name not in same and field.is_required():
        raise LookupError(f"{model.__name__}.{name} needs a value")
    value = same[name] if name in same else field.get_default(call_default_factory=True)
    return _text(value, array="ARRAY" in str(model.__table__.columns[name].type)).replace("%", "%%")  # type: ignore[attr-defined]


def _text(value: Any, *, array: bool) -> str:
    match value:
        case None:
            return NULL
        case bool():
            return "t" if value else "f"
        case list() if array:
            return "{" + ",".join(value) + "}"
        case list() | dict():
            return json.dumps(value)
        case _:
            return str(value)
