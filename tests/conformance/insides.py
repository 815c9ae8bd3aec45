"""A check of ours that schemathesis loads: no answer shows what the service is made of."""

from __future__ import annotations

import re

import schemathesis

INSIDES = re.compile(
    r"Traceback \(most recent|\b(psycopg|sqlalchemy|sqlite3|asyncpg|pydantic_core)\b|[\w/]\.py\b"
    r"|\b(SELECT|INSERT INTO|UPDATE|DELETE FROM) \w|duplicate key value|violates .* constraint",
    re.IGNORECASE,
)


@schemathesis.check
def shows_no_insides(_: schemathesis.CheckContext, response: schemathesis.Response, __: schemathesis.Case) -> None:
    if found := INSIDES.search(response.text):
        raise AssertionError(f"The answer shows {found[0]!r}, which is no business of whoever asked")
