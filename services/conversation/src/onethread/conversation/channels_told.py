"""What gateways are told of the channels that they serve: in every workspace, with their secrets."""

from __future__ import annotations

from typing import Any

import structlog

from onethread.contracts import channels as c
from onethread.conversation import mail_apps, mail_keys
from onethread.conversation.database import Database
from onethread.conversation.sealing import Seal
from onethread.conversation.settings import ConversationSettings

log = structlog.get_logger()
OF_KIND = "select * from channel where kind = %s order by created_at, id"


class ChannelsForGateways:
    """Answers which channels there are, in every workspace, with their secrets."""

    def __init__(self, database: Database, seal: Seal, settings: ConversationSettings) -> None:
        self._database, self._seal, self._settings = database, seal, settings

    async def __call__(self, question: c.ChannelsOf) -> c.Channels:
        async with await self._database.system() as connection:
            rows = await (await connection.execute(OF_KIND, [question.kind])).fetchall()
            keys = await mail_keys.opened(connection, self._seal) if question.kind == "email" else {}
        return c.Channels(items=[config for row in rows if (config := self._config(row, keys))])

    def _config(self, row: Any, keys: mail_keys.Keys) -> c.ChannelConfig | None:
        domain = str(row.settings.get("address", "")).rpartition("@")[2]
        try:
            opened = self._seal.open(row.id, row.secrets) | keys.get((row.workspace_id, domain), {})
        except ValueError as error:
            log.warning("channel.sealed", channel=row.id, reason=str(error))
            return None
        if row.kind == "email":
            opened = mail_apps.with_app_secret(
                self._settings, c.EmailSettings.model_validate(row.settings).imap, opened
            )
        return c.ChannelConfig(
            id=row.id, workspace=row.workspace_id, kind=row.kind, name=row.name, settings=row.settings, secrets=opened,
            active=row.active,
        )  # fmt: skip
