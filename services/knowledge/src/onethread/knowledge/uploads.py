"""Uploaded files as a source. The store keeps each file, so that a stop loses none."""

from onethread.knowledge.reading import File
from onethread.knowledge.sync_pass import Pass


def walk(on: Pass) -> None:
    """Reads the files that wait, and again those that failed. Nothing is removed: that is for people."""
    waiting = {key: page for key, page in on.known().items() if not page.content_hash}
    on.found(len(waiting))
    for key, page in waiting.items():
        on.rest()
        kept = on.store.uploaded(on.source, key)
        if kept is None:
            continue
        content, media_type = kept
        reading = on.take(page, File(key, content, media_type), None)
        if reading:
            on.put(reading)
    on.close(complete=False, may_be_empty=True)
