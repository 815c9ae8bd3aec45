"""Tells administrators how mail comes to an address, and tries a mailbox before it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from onethread.contracts.mail import CheckMailbox, MailboxChecked, Ways, WaysOf
from onethread.contracts.subjects import EMAIL_MAILBOX, EMAIL_WAYS
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.mailboxes.bookmarks import Bookmark, Bookmarks
from onethread.gateway_email.mailboxes.mailbox import Mailbox
from onethread.gateway_email.mailboxes.oauth import KeptTokens, Seal
from onethread.gateway_email.mailboxes.reading import WINDOW
from onethread.gateway_email.mailboxes.session import BROKEN, LoginRefusedError, Session, UnreadableError
from onethread.gateway_email.settings import Settings
from onethread.runtime.bus import Bus, UnavailableError
from onethread.runtime.channels import ChannelBook

AT_ONCE, SECONDS = 4, 30.0
SLOW = f"The server took longer than {SECONDS:.0f} seconds. Check its name and port, and try again."
AWAY = "The bus, where sign-ins are kept, is away. Try again in a moment."
NONE = "There is no mailbox to check."
SAID = 200
"""Characters of what a server says to a login."""


class Checking:
    def __init__(self, settings: Settings, desks: ChannelBook[Desk], bookmarks: Bookmarks) -> None:
        self._settings, self._desks, self._bookmarks = settings, desks, bookmarks
        self._seal = Seal(settings.reply_secrets)
        self._turn = asyncio.Semaphore(AT_ONCE)

    def answer_on(self, bus: Bus) -> None:
        bus.answer(EMAIL_WAYS, WaysOf, self.ways)
        bus.answer(EMAIL_MAILBOX, CheckMailbox, self.check)

    async def ways(self, asked: WaysOf) -> Ways:
        """Raises UnavailableError."""
        desk = self._desks.get(asked.channel, asked.workspace)
        box = desk.mailbox if desk else None
        is_own = desk is self._desks.own
        operators = self._settings.mailbox if is_own else None
        return Ways(
            url=self._settings.inbound_at,
            operators_mailbox=f"{operators.user} at {operators.host}" if operators else None,
            operators_providers=sorted(self._settings.keys) if is_own else [],
            state=await self._bookmarks.state(asked.channel, box.place) if box else None,
        )

    async def check(self, asked: CheckMailbox) -> MailboxChecked:
        """Signs in and opens the folder. Changes nothing there."""
        desk = self._desks.get(asked.channel, asked.workspace)
        served = desk.mailbox if desk else None
        box = Mailbox.of(asked.imap, asked.secrets, self._settings.mailbox_guard) if asked.imap else served
        if box is None:
            return MailboxChecked(ok=False, words=[NONE])
        mark = await self._mark(asked.channel, box)
        try:
            async with self._turn, asyncio.timeout(SECONDS):
                token = asked.access_token or await self._token(asked.channel, box)
                words = await asyncio.to_thread(_try, replace(box, after="nothing"), mark, token)
        except TimeoutError:
            return MailboxChecked(ok=False, words=[SLOW])
        except UnreadableError as error:
            return MailboxChecked(ok=False, words=_of(error))
        except UnavailableError:
            return MailboxChecked(ok=False, words=[AWAY])
        except BROKEN:
            return MailboxChecked(ok=False, words=["The server closed the connection."])
        return MailboxChecked(ok=True, words=list(words))

    async def _token(self, channel: str, box: Mailbox) -> str | None:
        """What the provider gives anew with it is kept: for some the one before is good no more."""
        if box.oauth is None:
            return None
        return await KeptTokens(channel, box, box.oauth, self._bookmarks, self._seal).access(asyncio.to_thread)

    async def _mark(self, channel: str, box: Mailbox) -> Bookmark | None:
        try:
            mark = await self._bookmarks.get(channel)
        except UnavailableError:
            return None
        return mark if mark and mark.place == box.place else None


def _try(box: Mailbox, mark: Bookmark | None, token: str | None) -> Sequence[str]:
    """Blocks. Raises UnreadableError, BROKEN."""
    session = Session(box, token)
    try:
        return (
            f"Signed in as {box.user}. The folder {box.folder} can be read.",
            _waiting(session, mark),
            "New mail is heard of at once."
            if session.has_idle
            else "The server does not tell of new mail (no IDLE), so it is looked for each minute.",
        )
    finally:
        session.close()


def _waiting(session: Session, mark: Bookmark | None) -> str:
    if mark and mark.validity == session.folder.validity:
        count, which = len(session.uids_after(mark.uid)), "new"
    else:
        count, which = len(session.uids_since((datetime.now(UTC) - WINDOW).date(), unseen=True)), "unread"
    return f"{count or 'No'} {which} mail{' waits' if count == 1 else 's wait'} there."


def _of(error: UnreadableError) -> list[str]:
    """With what the server itself said to a login: some ask for a password of the app, or to switch IMAP on."""
    said = (
        str(error.__cause__ or "")[:SAID].removeprefix("b'").rstrip("'") if isinstance(error, LoginRefusedError) else ""
    )
    return [str(error), *([f"It said: {said}"] if said else [])]
