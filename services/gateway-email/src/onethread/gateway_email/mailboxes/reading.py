"""Reads one mailbox, for ever: what is new goes into the pipeline, and no mail stops those behind it."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import Counter as Tally
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple

import structlog
from prometheus_client import Counter, Gauge

from onethread.contracts.mail import MailboxState
from onethread.gateway_email import written
from onethread.gateway_email.capabilities import SERVICE
from onethread.gateway_email.convert import Arrival, RefusedMailError
from onethread.gateway_email.desks import Desk, desk_address
from onethread.gateway_email.mailboxes.bookmarks import LEASE_SECONDS, Bookmark, Bookmarks
from onethread.gateway_email.mailboxes.mailbox import Mailbox
from onethread.gateway_email.mailboxes.oauth import KeptTokens, Seal
from onethread.gateway_email.mailboxes.session import (
    BROKEN,
    Fetched,
    LoginRefusedError,
    MailError,
    Session,
    UnreadableError,
)
from onethread.gateway_email.pipeline import Pipeline
from onethread.runtime.bus import UnavailableError
from onethread.runtime.context import service_name
from onethread.runtime.tasks import end

WINDOW = timedelta(days=14)
"""So old may a mail be that is taken from a folder without a bookmark."""
IDLE_SECONDS, POLL_SECONDS, SLICE_SECONDS = 240.0, 60.0, 1.0
"""Servers and firewalls forget who is silent for long; a slice is how long a stop waits."""
WAITS = (1.0, 5.0, 15.0, 60.0, 300.0)
LOGIN_WAIT = 300.0
"""Some providers lock an account that knocks more often."""
TRIES = 3
TELL_EACH = 25
AGAIN = (0.2, 1.0, 0.0)
TOLD_AFTER = timedelta(hours=1)
DELIVERED_TO = ("delivered-to", "x-original-to", "envelope-to")
HEADER_BYTES = 64 * 1024
NOBODY = "noreply@mailbox.invalid"

Ts = TypeVarTuple("Ts")
R = TypeVar("R")
log = structlog.get_logger()
MAILS = Counter("onethread_email_mailbox_mails_total", "Mails fetched, by what became of them", ["channel", "outcome"])
UP = Gauge(
    "onethread_email_mailbox_up", "1: the mailbox is read by this process; 0: it should be, and is not", ["channel"]
)
READ_AT = Gauge(
    "onethread_email_mailbox_read_at_seconds", "When the mailbox was last found read to its end", ["channel"]
)


class Reader:
    def __init__(
        self, desk: Desk, box: Mailbox, pipeline: Pipeline, bookmarks: Bookmarks, seal: Seal, size: int
    ) -> None:
        self._desk, self._box, self._pipeline, self._bookmarks = desk, box, pipeline, bookmarks
        self._size = size
        self._tokens = KeptTokens(desk.id, box, box.oauth, bookmarks, seal) if box.oauth else None
        self._thread = ThreadPoolExecutor(1, f"mailbox-{desk.id}")
        self._broke: Tally[int] = Tally()
        self._failures = 0
        self._failing_since: datetime | None = None
        self._state: MailboxState | None = None

    async def run(self) -> None:
        service_name.set(SERVICE)
        try:
            while True:
                await asyncio.sleep(await self._read_while_allowed())
        finally:
            UP.labels(self._desk.id).set(0)
            UP.remove(self._desk.id)
            self._thread.shutdown(wait=False)

    async def _read_while_allowed(self) -> float:
        """How many seconds to wait until the next try."""
        try:
            if await self._bookmarks.hold(self._desk.id):
                await self._both(self._keep_hold(), self._read())
            return LEASE_SECONDS / 3
        except UnavailableError as error:
            log.warning("mailbox.waits", channel=self._desk.id, error=str(error))
        except LoginRefusedError as error:
            await self._failed(error)
            return LOGIN_WAIT
        except UnreadableError as error:
            await self._failed(error)
        except BROKEN as error:
            log.info("mailbox.broke_off", channel=self._desk.id, error=type(error).__name__)
        except Exception:
            log.exception("mailbox.failed", channel=self._desk.id)
            await self._failed(UnreadableError("Something broke on our side."))
        self._failures += 1
        return WAITS[min(self._failures, len(WAITS)) - 1]

    async def _both(self, *works: Coroutine[Any, Any, None]) -> None:
        tasks = [asyncio.create_task(work) for work in works]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                await end(task)
            UP.labels(self._desk.id).set(0)
            with contextlib.suppress(UnavailableError):
                await self._bookmarks.let_go(self._desk.id)
        for task in tasks:
            if not task.cancelled():
                task.result()

    async def _keep_hold(self) -> None:
        """Returns when another replica reads the mailbox."""
        held = True
        while held:
            await asyncio.sleep(LEASE_SECONDS / 3)
            held = await self._bookmarks.hold(self._desk.id)

    async def _read(self) -> None:
        session = await self._opened()
        try:
            UP.labels(self._desk.id).set(1)
            log.info("mailbox.opened", channel=self._desk.id, idle=session.has_idle)
            while True:
                await self._catch_up(session)
                self._failures, self._failing_since = 0, None
                READ_AT.labels(self._desk.id).set(time.time())
                read = {"read_at": datetime.now(UTC), "waiting": 0, "has_idle": session.has_idle}
                await self._tell(**read, error=None, since=None, sign_in_again=False)
                await self._wait(session)
        finally:
            self._thread.submit(session.close)

    async def _opened(self) -> Session:
        tokens = self._tokens
        if tokens is None:
            return await self._blocking(Session, self._box, None)
        try:
            return await self._blocking(Session, self._box, await tokens.access(self._blocking))
        except LoginRefusedError:
            tokens.forget()  # it may have ended before its time
            return await self._blocking(Session, self._box, await tokens.access(self._blocking))

    # What is new

    async def _catch_up(self, session: Session) -> None:
        mark = await self._bookmarks.get(self._desk.id)
        if mark and (mark.place, mark.validity) == (self._box.place, session.folder.validity):
            uids = await self._blocking(session.uids_after, mark.uid)
            for done, uid in enumerate(uids):
                await self._tell_how_many_wait(len(uids), done)
                await self._bring(session, uid)
                await self._mark(session, uid)
            return
        # Numbers that the server gave anew say nothing of what was taken; which mails are the same, their ids tell.
        is_new = mark is None or mark.place != self._box.place
        since = (datetime.now(UTC) - WINDOW).date()
        uids = await self._blocking(lambda: session.uids_since(since, unseen=is_new))
        for done, uid in enumerate(uids):
            await self._tell_how_many_wait(len(uids), done)
            await self._bring(session, uid)
        await self._mark(session, session.folder.next_uid - 1)

    async def _mark(self, session: Session, uid: int) -> None:
        mark = Bookmark(place=self._box.place, validity=session.folder.validity, uid=uid)
        await self._bookmarks.put(self._desk.id, mark)

    async def _bring(self, session: Session, uid: int) -> None:
        """Returns when the mail is durable, or a note that it could not be taken."""
        outcome = "left"
        if self._broke[uid] >= TRIES:
            await self._leave(session, uid, "the server breaks off each time while it gives it out")
        else:
            try:
                outcome = await self._fetch_and_take(session, uid)
            except BROKEN:
                self._broke[uid] += 1
                raise
        MAILS.labels(self._desk.id, outcome).inc()

    async def _fetch_and_take(self, session: Session, uid: int) -> str:
        try:
            fetched = await self._blocking(session.fetch, uid, self._size)
        except MailError as error:
            return await self._leave(session, uid, str(error))
        if fetched is None:
            return "gone"
        if not fetched.raw:
            why = f"it has {fetched.size} bytes, and {self._size} are the most that is taken"
            return await self._leave(session, uid, why)
        outcome = await self._taken(fetched)
        if outcome == "taken":
            await self._blocking(session.mark, uid)
        return outcome

    async def _taken(self, fetched: Fetched) -> str:
        """What cannot be taken is a message that says so: its sender has been told that it arrived."""
        arrival, why = _arrival(fetched, self._desk, self._box), ""
        for wait in AGAIN:
            try:
                await self._pipeline.take(fetched.raw, arrival)
            except RefusedMailError as refusal:
                why = str(refusal).partition(" ")[2].partition(" ")[2]
                break
            except UnavailableError:
                raise
            except Exception:
                log.exception("mailbox.mail_failed", channel=self._desk.id)
                await asyncio.sleep(wait)
            else:
                return "taken"
        await self._pipeline.set_aside(fetched.raw, arrival, why)
        return "aside"

    async def _leave(self, session: Session, uid: int, why: str) -> str:
        """Tells of a mail that we do not have. Nobody else would learn of it."""
        log.warning("mailbox.left", channel=self._desk.id, uid=uid, why=why)
        text = (
            f"A mail in the mailbox {self._box.user} could not be taken: {why}.\n\n"
            f"It stays in the folder {self._box.folder}, where it has the number {uid}. Open it there."
        )
        await self._note(f"{self._box.place}\n{session.folder.validity}\n{uid}", "A mail could not be taken", text)
        return "left"

    # When it cannot be read

    async def _failed(self, error: UnreadableError) -> None:
        now = datetime.now(UTC)
        since = self._failing_since = self._failing_since or now
        log.warning("mailbox.not_read", channel=self._desk.id, reason=str(error), since=since.isoformat())
        with contextlib.suppress(UnavailableError):
            again = self._box.oauth is not None and isinstance(error, LoginRefusedError)
            await self._tell(error=str(error), since=since, sign_in_again=again)
        if now - since > TOLD_AFTER:
            text = f"The mailbox {self._box.user} has not been read since {since:%Y-%m-%d %H:%M} UTC. {error}"
            with contextlib.suppress(UnavailableError):
                await self._note(f"{self._box.place}\n{since}", "A mailbox cannot be read", text)

    async def _tell_how_many_wait(self, found: int, done: int) -> None:
        if done % TELL_EACH == 0 and found > 1:
            await self._tell(waiting=found - done)

    async def _tell(self, **changes: Any) -> None:
        """Administrators see it in the inbox. Raises UnavailableError."""
        known = self._state or await self._bookmarks.state(self._desk.id, self._box.place) or MailboxState()
        self._state = known.model_copy(update=changes)
        await self._bookmarks.tell(self._desk.id, self._box.place, self._state)

    async def _note(self, id_: str, subject: str, text: str) -> None:
        """For teammates, as a mail. The same note is one. Raises UnavailableError."""
        named = hashlib.sha256(id_.encode()).hexdigest()[:32]
        headers = [
            ("From", f"Mailbox <{NOBODY}>"),
            ("To", self._desk.address),
            ("Subject", subject),
            ("Message-ID", f"<{named}@mailbox.invalid>"),
            ("Auto-Submitted", "auto-generated"),
        ]
        arrival = Arrival(peer="", sender=NOBODY, recipients=(self._desk.address,), at=datetime.now(UTC))
        try:
            await self._pipeline.take(written.mail(headers, text, "", []), arrival)
        except RefusedMailError as refusal:
            log.warning("mailbox.note_refused", channel=self._desk.id, reason=str(refusal))

    async def _wait(self, session: Session) -> None:
        """Until there is news, or it is time to look."""
        if not session.has_idle:
            await asyncio.sleep(POLL_SECONDS)
            return
        await self._blocking(session.begin_idle)
        until = time.monotonic() + IDLE_SECONDS
        while time.monotonic() < until and not await self._blocking(session.heard, SLICE_SECONDS):
            pass
        await self._blocking(session.end_idle)

    async def _blocking(self, act: Callable[[*Ts], R], *what: *Ts) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, act, *what)


def _arrival(fetched: Fetched, desk: Desk, box: Mailbox) -> Arrival:
    headers = written.header_of(fetched.raw[:HEADER_BYTES])
    named = [value.strip().strip("<>").lower() for name, value in headers if name.lower() in DELIVERED_TO]
    own = tuple(dict.fromkeys(one for one in named if desk_address(one) == desk.address))
    return Arrival(
        peer="",
        sender=written.sender_of(headers),
        recipients=own or (desk.address,),
        at=fetched.at,
        authserv_id=box.authserv_id,
    )
