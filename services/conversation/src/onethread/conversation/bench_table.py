"""The questions of the test bench as a table (CSV), to be worked on elsewhere and brought back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from onethread.conversation.bench_questions import MOST, NewQuestion
from onethread.runtime.errors import Problem

COLUMNS = ("question", "channel", "expect", "sources", "contains", "lacks", "note", "history")
_LISTS = ("sources", "contains", "lacks")
"""One entry a line of the cell."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
"""With these a spreadsheet begins to calculate: such a cell gets an apostrophe in front, which reading takes away."""
SHOWN_ERRORS = 20
csv.field_size_limit(2_000_000)


def write(questions: Sequence[Any]) -> str:
    """With a byte order mark, without which spreadsheets take UTF-8 for something else."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for one in questions:
        cells = {name: getattr(one, name) or "" for name in COLUMNS}
        cells |= {name: "\n".join(cells[name]) for name in _LISTS}
        history = [said.model_dump(mode="json") for said in one.history]
        cells["history"] = json.dumps(history, ensure_ascii=False) if history else ""
        table.writerow(_guarded(cells[name]) for name in COLUMNS)
    return "\ufeff" + out.getvalue()


def read(text: str) -> list[NewQuestion]:
    """Raises a 422 problem that names each row that cannot be read."""
    text = text.removeprefix("\ufeff")
    separator = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise Problem(422, "This is no CSV", f"Nothing was added. {error}") from error
    if not rows or "question" not in {_name(column) for column in rows[0]}:
        raise Problem(
            422, "The table has no question", "Nothing was added. Its first row must name a column `question`."
        )
    if len(rows) > MOST:
        raise Problem(422, "The table is too long", f"Nothing was added. It may have {MOST:,} rows.")
    read_, errors = list[NewQuestion](), list[dict[str, Any]]()
    for number, row in enumerate(rows, 2):
        try:
            read_ += _question(row)
        except ValueError as error:
            errors.append({"row": number, "problem": _words(error)})
    if errors:
        detail = f"Nothing was added: {len(errors)} rows cannot be read."
        raise Problem(422, "The table has errors", detail, errors=errors[:SHOWN_ERRORS])
    return read_


def _question(row: dict[Any, Any]) -> Iterator[NewQuestion]:
    """None of an empty row."""
    cells = {_name(name): _bare(value).strip() for name, value in row.items() if isinstance(value, str)}
    cells = {name: value for name, value in cells.items() if name in COLUMNS and value}
    if cells:
        fields: dict[str, Any] = {**cells}
        fields |= {
            name: list(filter(None, map(str.strip, cells[name].splitlines()))) for name in _LISTS if name in cells
        }
        if "history" in cells:
            fields["history"] = _json(cells["history"])
        for name in ("channel", "expect"):
            if name in cells:
                fields[name] = cells[name].lower()
        yield NewQuestion(**fields)


def _json(text: str) -> Any:
    """Raises `ValueError`."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("too deep") from error


def _name(column: Any) -> str:
    return str(column).strip().lower()


def _words(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
    return "history: this is no JSON"


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _bare(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
