"""The schema of the document store, in steps. A file knows by `user_version` which it has had."""

import sqlite3
from importlib.resources import files


class NewerFileError(RuntimeError):
    """The file was written by a later release."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"The document store has schema {found} and this release knows {known}; nothing was changed. "
            "Run the release that wrote it, or a later one."
        )


def migrate(db: sqlite3.Connection) -> None:
    """Takes the file to today's schema, each step whole or not at all. Raises `NewerFileError`.

    Step 1 passes over what exists: files from before the steps have version 0 and its tables.
    """
    steps = sorted((int(file.name.split("-")[0]), file) for file in files(__name__).iterdir() if file.name[0].isdigit())
    known = steps[-1][0]
    found = db.execute("pragma user_version").fetchone()[0]
    if found > known:
        raise NewerFileError(found, known)
    for number, file in steps:
        if number > found:
            _apply(db, number, file.read_text())


def _apply(db: sqlite3.Connection, number: int, script: str) -> None:
    try:
        db.executescript(f"begin immediate;\n{script}\npragma user_version = {number};\ncommit;")
    except sqlite3.Error:
        db.rollback()
        raise
