"""The keys that sign our mail: made here, one by one for each domain, and used once the DNS shows them.

What signs is the newest key that the DNS shows. So a new one takes over by itself when its record is there, and mail
goes out as before until then. An older key is shown for a week more: mail that it signed may still be on its way.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa

from onethread.contracts import mail, subjects
from onethread.conversation import audit, channels
from onethread.conversation.access import Caller
from onethread.conversation.database import Connection, Database
from onethread.conversation.once import Once
from onethread.conversation.sealing import Seal
from onethread.runtime.bus import Bus, RefusedError, UnavailableError
from onethread.runtime.errors import Problem

log = structlog.get_logger()
BITS = 2048
KEPT_DAYS = 7
ASK_SECONDS = 20.0
"""Longer than the gateway gives the DNS."""
MOST_WAITING = 3
"""New keys of a domain that the DNS does not show yet."""

OF_DOMAIN = "select * from mail_key where workspace_id = %s and domain = %s order by created_at desc, selector"
ALONE = "select pg_advisory_xact_lock(hashtextextended(%s, 5))"
ADD = """insert into mail_key (workspace_id, domain, selector, public, private, created_at, check_at)
    values (%s, %s, %s, %s, %s, now(), now() + interval '1 minute')"""
NOTE = """update mail_key set seen_at = case when %(state)s = 'right' then coalesce(seen_at, now()) end,
        check_at = now() + case when %(state)s = 'right' then interval '1 day' else interval '10 minutes' end
    where workspace_id = %(workspace)s and domain = %(domain)s and selector = %(selector)s"""
FORGET = """delete from mail_key old using mail_key new
    where old.workspace_id = %(workspace)s and old.domain = %(domain)s
        and (new.workspace_id, new.domain) = (old.workspace_id, old.domain) and new.created_at > old.created_at
        and new.seen_at < now() - make_interval(days => %(days)s)"""
IN_USE = """select distinct on (workspace_id, domain) * from mail_key where seen_at is not null
    order by workspace_id, domain, created_at desc"""
NEXT = "select min(check_at) from mail_key where workspace_id = %(workspace)s"
DUE = """select distinct workspace_id, domain from mail_key where workspace_id = %(workspace)s and check_at <= now()
    limit 16"""
CLAIM = """update mail_key set check_at = now() + interval '10 minutes'
    where workspace_id = %s and domain = %s and check_at <= now() returning selector"""

Keys = dict[tuple[str, str], dict[str, str]]
AWAY = Problem(503, "The mail gateway did not answer", "Nothing was changed. Try again in a moment.")


class MailKeys:
    def __init__(self, database: Database, bus: Bus, seal: Seal) -> None:
        self._database, self._bus, self._seal = database, bus, seal

    async def make(self, caller: Caller, domain: str, once: Once) -> None:
        """A new key for a domain; the one in use stays until the DNS shows this one. Raises 409 problems."""
        selector, public, private = await asyncio.to_thread(_new_key, datetime.now(UTC))
        async with self._database.transaction(caller.workspace) as connection:
            if await once.earlier(connection):
                return
            known = await self._alone(connection, caller.workspace, domain)
            if sum(key.seen_at is None for key in known) >= MOST_WAITING:
                detail = "Put the newest one into the DNS first. Nothing was changed."
                raise Problem(409, f"{MOST_WAITING} keys of this domain are not in the DNS yet", detail)
            selector = _free(selector, {key.selector for key in known})
            sealed = self._seal.close(_owner(caller.workspace, domain, selector), {"key": private})
            await connection.execute(ADD, [caller.workspace, domain, selector, public, sealed])
            await audit.record(connection, caller, "mail_key.made", domain, {"selector": selector})
            await once.keep(connection, answer={"selector": selector})

    async def check(self, workspace: str, domain: str) -> tuple[Sequence[Any], list[mail.DnsRecord]]:
        """What the DNS shows now, noted. Returns the keys, the newest first, and the records. Raises a 503 problem."""
        async with self._database.transaction(workspace) as connection:
            keys = await (await connection.execute(OF_DOMAIN, [workspace, domain])).fetchall()
        asked = mail.CheckRecords(
            domain=domain, keys=[mail.PublicKey(selector=key.selector, public=key.public) for key in keys]
        )
        try:
            found = await self._bus.ask(subjects.EMAIL_RECORDS, asked, mail.RecordsChecked, ASK_SECONDS)
        except (UnavailableError, RefusedError) as error:
            log.warning("mail_keys.not_checked", error=type(error).__name__)
            raise AWAY from error
        return await self._note(workspace, domain, found.items), found.items

    async def check_due(self, _: str, due: Any) -> None:
        """A job: one replica asks. `due`: a row of DUE."""
        async with self._database.transaction(due.workspace_id) as connection:
            claimed = await (await connection.execute(CLAIM, [due.workspace_id, due.domain])).fetchall()
        if claimed:
            await self.check(due.workspace_id, due.domain)

    async def _note(self, workspace: str, domain: str, records: Sequence[mail.DnsRecord]) -> Sequence[Any]:
        async with self._database.transaction(workspace) as connection:
            before = await self._alone(connection, workspace, domain)
            for record in records:
                if record.selector and record.state != "unknown":
                    noted = {"workspace": workspace, "domain": domain, "selector": record.selector}
                    await connection.execute(NOTE, noted | {"state": record.state})
            await connection.execute(FORGET, {"workspace": workspace, "domain": domain, "days": KEPT_DAYS})
            keys = await (await connection.execute(OF_DOMAIN, [workspace, domain])).fetchall()
            changed = in_use(before) != in_use(keys)
            if changed:
                selector = in_use(keys)
                await audit.record(connection, None, "mail_key.in_use", domain, {"selector": selector})
        if changed:
            await channels.tell(self._bus, workspace, "email", domain)
        return keys

    async def _alone(self, connection: Connection, workspace: str, domain: str) -> Sequence[Any]:
        await connection.execute(ALONE, [f"{workspace} {domain}"])
        return await (await connection.execute(OF_DOMAIN, [workspace, domain])).fetchall()


def in_use(keys: Sequence[Any]) -> str | None:
    """The selector of the key that signs. `keys`: the newest first."""
    return next((key.selector for key in keys if key.seen_at is not None), None)


async def opened(connection: Connection, seal: Seal) -> Keys:
    """By workspace and domain, the key in use as `MailKeySecrets` has it. For the system."""
    found: Keys = {}
    for row in await (await connection.execute(IN_USE)).fetchall():
        try:
            key = seal.open(_owner(row.workspace_id, row.domain, row.selector), row.private)["key"]
        except ValueError as error:
            log.warning("mail_key.sealed", domain=row.domain, selector=row.selector, reason=str(error))
            continue
        found[row.workspace_id, row.domain] = {"dkim_selector": row.selector, "dkim_key": key}
    return found


def _owner(workspace: str, domain: str, selector: str) -> str:
    return f"mail key {workspace} {domain} {selector}"


def _free(selector: str, taken: set[str]) -> str:
    """Two keys of one day differ."""
    return next(name for n in range(100) if (name := f"{selector}{chr(97 + n % 26)}{n // 26 or ''}") not in taken)


def _new_key(day: datetime) -> tuple[str, str, str]:
    """Selector, public half in Base64 and private half as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    public = key.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption())
    return f"ot{day:%Y%m%d}", base64.b64encode(public).decode(), private.decode()
