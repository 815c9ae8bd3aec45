"""CSV of questions and answers: each row an article."""

import csv
import io
import re
from collections.abc import Iterator

from onethread.knowledge.reading.encodings import decode
from onethread.knowledge.reading.parts import File, Part, Reading, UnreadableError

_SPELLINGS = {
    "question": "question questions q title heading frage pregunta domanda pergunta vraag",
    "answer": "answer answers a text content body reply response antwort respuesta réponse reponse risposta resposta",
    "url": "url link source_url address href",
    "locale": "locale lang language",
    "audience": "audience visibility",
    "wordings": "wordings alternatives variants also_asked",
    "id": "id key article_id",
}
_COLUMNS = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings.split()}
# A column that a library limits to 128 KB; articles may be longer.
csv.field_size_limit(2_000_000)


def read_csv(file: File) -> Reading:
    """The first row names the columns; `question` and `answer` must be among them, in one of several spellings."""
    text = decode(file.content, file.charset).lstrip("\ufeff")
    rows = csv.reader(io.StringIO(text, newline=""), _dialect(text))
    try:
        columns = _columns(next(rows))
        return Reading(tuple(_parts(rows, columns)), several=True)
    except csv.Error as error:
        raise UnreadableError(f"line {rows.line_num} is not proper CSV") from error


def _dialect(text: str) -> type[csv.Dialect] | csv.Dialect:
    header = text.partition("\n")[0]

    class Separated(csv.excel):
        delimiter = max(",;\t|", key=header.count)

    return Separated


def _columns(header: list[str]) -> dict[str, int]:
    names = [re.sub(r"[^\w]+", "_", name.strip().lower()).strip("_") for name in header]
    columns: dict[str, int] = {}
    for number, name in enumerate(names):
        if name in _COLUMNS:
            columns.setdefault(_COLUMNS[name], number)
    missing = [name for name in ("question", "answer") if name not in columns]
    if missing:
        raise UnreadableError(f"its first row names no column {' and no column '.join(missing)}")
    return columns


def _parts(rows: Iterator[list[str]], columns: dict[str, int]) -> Iterator[Part]:
    for number, row in enumerate(rows, 2):
        cells = {name: row[at].strip() for name, at in columns.items() if at < len(row) and row[at].strip()}
        if not cells:
            continue
        if not {"question", "answer"} <= cells.keys():
            raise UnreadableError(f"row {number} lacks a question or an answer")
        audience = cells.get("audience", "").lower() or None
        if audience not in {None, "public", "internal"}:
            raise UnreadableError(f"the audience in row {number} is neither public nor internal")
        url = cells.get("url")
        if url and not re.match(r"https?://\S+$", url):
            raise UnreadableError(f"the url in row {number} is not an http address")
        wordings = tuple(line.strip() for line in re.split(r"[\n|]", cells.get("wordings", "")) if line.strip())
        yield Part(
            cells["question"], cells["answer"], cells.get("id"), url, None, audience, cells.get("locale"), wordings
        )
