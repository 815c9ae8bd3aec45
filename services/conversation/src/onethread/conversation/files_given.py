"""Gives gateways the files that they deliver."""

from __future__ import annotations

from onethread.contracts.files import FileOf
from onethread.contracts.originals import Original
from onethread.conversation import history
from onethread.conversation.database import Database
from onethread.runtime.bodies import Bodies

CONTENT = """select f.content from file f where f.workspace_id = %s and f.sha256 = %s and (f.message_id = %s
    or f.message_id in (select id from message where mail_id = %s)) limit 1"""


class FilesForGateways:
    """Answers `svc.conversation.file`."""

    def __init__(self, database: Database, bodies: Bodies) -> None:
        self._database, self._bodies = database, bodies

    async def __call__(self, asked: FileOf) -> Original:
        workspace, message = asked.workspace, asked.message_id
        async with self._database.transaction(workspace) as connection:
            if asked.visitor is not None and not await history.sees(connection, workspace, asked.visitor, message):
                return Original()
            wanted = [workspace, asked.sha256, message, message]
            row = await (await connection.execute(CONTENT, wanted, binary=True)).fetchone()
        return Original(body=await self._bodies.send(bytes(row.content)) if row else None)
