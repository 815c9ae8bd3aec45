"""One reader for each address that has a mailbox."""

from __future__ import annotations

import asyncio

from onethread.gateway_email.desks import Desk
from onethread.gateway_email.mailboxes.bookmarks import Bookmarks
from onethread.gateway_email.mailboxes.oauth import Seal
from onethread.gateway_email.mailboxes.reading import Reader
from onethread.gateway_email.pipeline import Pipeline
from onethread.runtime.channels import ChannelBook
from onethread.runtime.tasks import end


class Mailboxes:
    def __init__(
        self, desks: ChannelBook[Desk], pipeline: Pipeline, bookmarks: Bookmarks, secrets: tuple[str, ...], size: int
    ) -> None:
        self._desks, self._pipeline, self._bookmarks = desks, pipeline, bookmarks
        self._seal, self._size = Seal(secrets), size
        self._reading: dict[str, tuple[Desk, asyncio.Task[None]]] = {}
        self._started = False

    def start(self) -> None:
        self._started = True
        self.agree()

    def agree(self) -> None:
        """Ends the readers of what changed or is gone, and starts those of what is new."""
        if not self._started:
            return
        wanted = {desk.id: desk for desk in self._desks if desk.mailbox}
        for id_, (desk, task) in list(self._reading.items()):
            if wanted.get(id_) is not desk:
                task.cancel()
                del self._reading[id_]
        for id_, desk in wanted.items():
            if id_ not in self._reading:
                self._reading[id_] = (desk, asyncio.create_task(self._reader(desk).run()))

    async def stop(self) -> None:
        self._started = False
        await asyncio.gather(*(end(task) for _, task in self._reading.values()))
        self._reading.clear()

    def _reader(self, desk: Desk) -> Reader:
        assert desk.mailbox  # noqa: S101
        return Reader(desk, desk.mailbox, self._pipeline, self._bookmarks, self._seal, self._size)
