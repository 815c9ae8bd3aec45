"""Gives out what is kept: a mail as it came, or one of its attachments, which is taken out of the mail."""

from __future__ import annotations

from onethread.contracts.originals import Original, OriginalOf
from onethread.gateway_email.parsing import mime
from onethread.gateway_email.reading import Reader
from onethread.gateway_email.storage.mails import Mails
from onethread.runtime.bodies import Bodies


class Originals:
    def __init__(self, mails: Mails, bodies: Bodies, reader: Reader) -> None:
        self._mails, self._bodies, self._reader = mails, bodies, reader

    async def __call__(self, asked: OriginalOf) -> Original:
        kept = await self._mails.read(asked.workspace, asked.message_id)
        if kept is None:
            return Original()
        if asked.attachment is None:
            return Original(body=await self._bodies.send(kept.raw))
        found = await self._reader.do(attachment, kept.raw, asked.attachment)
        return Original(body=await self._bodies.send(found[1:]) if found else None)


def attachment(raw: bytes, sha256: str) -> bytes:
    """Its content behind one byte, since it may be empty; nothing where the mail has no such attachment."""
    return next((b"=" + one.content for one in mime.parse(raw).attachments if one.sha256 == sha256), b"")
