"""A folder on the server as a source: that of `ONETHREAD_KNOWLEDGE_DIR`."""

from pathlib import Path

from onethread.knowledge.reading import File, format_of
from onethread.knowledge.sources import Page
from onethread.knowledge.sync_pass import Pass, SyncFailedError

FILE_BYTES = 20 * 1024**2


def walk(on: Pass) -> None:
    """Reads what is new or changed and removes what is gone. A file that can't be read is named and passed over.

    Raises `SyncFailedError` when the folder is not there.
    """
    folder = Path(on.source.location or "")
    if not folder.is_dir():
        raise SyncFailedError("The folder is not there. What was known is kept.")
    files = {_key(path, folder): path for path in sorted(folder.rglob("*")) if path.is_file() and format_of(path.name)}
    on.found(len(files))
    known = on.known()
    for key, path in files.items():
        on.rest()
        try:
            if path.stat().st_size > FILE_BYTES:
                on.fail(key, f"it is larger than {FILE_BYTES // 1024**2} MB")
                continue
            file = File(path.name, path.read_bytes())
        except OSError:
            on.fail(key, "it cannot be opened")
            continue
        reading = on.take(Page(key), file, known.get(key))
        if reading:
            on.put(reading)
    on.close(complete=True, may_be_empty=True)


def _key(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
