"""The files of a reply: conversation keeps them, and here they become parts of the mail."""

from __future__ import annotations

import hashlib
import re
from base64 import encodebytes
from email.header import Header
from email.message import Message
from urllib.parse import quote

from onethread.contracts.files import LARGEST, FileOf
from onethread.contracts.messages import Attachment
from onethread.contracts.originals import Original
from onethread.contracts.replies import ReplyRequested
from onethread.contracts.subjects import CONVERSATION_FILE
from onethread.gateway_email.outgoing.compose import UndeliverableError
from onethread.gateway_email.parsing import charsets
from onethread.runtime.bodies import Bodies
from onethread.runtime.bus import Bus, RefusedError, UnavailableError

SECONDS = 30.0
_TYPE = re.compile(r"(?!multipart/|message/)[\w.+-]{1,60}/[\w.+-]{1,80}")
_PLAIN = re.compile(r"[A-Za-z0-9_ .()+&@,-]{1,60}")
FOLD = "\r\n "
ANY = "application/octet-stream"


class FilesAwayError(Exception):
    """They cannot be had now."""


class Files:
    def __init__(self, bus: Bus) -> None:
        self._bus, self._bodies = bus, Bodies(bus)

    async def of(self, event: ReplyRequested) -> list[Message]:
        """Raises UndeliverableError for what can never go out, FilesAwayError."""
        files = event.data.attachments
        if sum(file.size for file in files) > LARGEST.bytes:
            most = LARGEST.bytes // 10**6
            raise UndeliverableError(f"Its files have more than {most} MB together. Send a link to them instead.")
        return [part(file, await self._content(event, file)) for file in files]

    async def _content(self, event: ReplyRequested, file: Attachment) -> bytes:
        asked = FileOf(workspace=event.workspaceid, message_id=event.data.message_id, sha256=file.sha256)
        try:
            answer = await self._bus.ask(CONVERSATION_FILE, asked, Original, SECONDS)
            content = await self._bodies.receive(answer.body) if answer.body else None
        except (UnavailableError, RefusedError) as error:
            raise FilesAwayError(type(error).__name__) from error
        if content is None:
            raise UndeliverableError(f"The file {file.name} is no longer kept. Write again, with the file.")
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise FilesAwayError("it came over the bus damaged")
        return content


def part(file: Attachment, content: bytes) -> Message:
    """Its name as RFC 2231 has it, and for programs that are older than that as they know it (RFC 2047)."""
    made = Message()
    type_ = file.type if _TYPE.fullmatch(file.type) else ANY
    charset = "; charset=utf-8" if type_.startswith("text/") else ""
    old, new = _named(" ".join(charsets.clean(file.name).split()))
    made["Content-Type"] = f"{type_}{charset};{FOLD}name={old}"
    made["Content-Transfer-Encoding"] = "base64"
    made["Content-Disposition"] = f"attachment;{FOLD}{new}"
    made.set_payload(encodebytes(content).decode())
    return made


def _named(name: str) -> tuple[str, str]:
    if _PLAIN.fullmatch(name):
        return f'"{name}"', f'filename="{name}"'
    words = Header(name, "utf-8", maxlinelen=75).encode(linesep="\r\n")
    return f'"{words}"', f"filename*=utf-8''{quote(name, safe='')}"
