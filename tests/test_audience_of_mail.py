"""Nobody is ever mailed a word that was said before they joined, or where they are not: random stories of mail, with
copies, answers to all, quoted history, side mail and forgeries, and a mark in every text that is followed.

`ONETHREAD_HISTORIES=200` tries that many new ones; without it the same few are tried every time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from plugins.conversation_driver import driving
from plugins.histories import bounded
from plugins.mailroom import REQUESTS, SUPPORT, Mailroom

from onethread.contracts.envelope import now
from onethread.contracts.mail import BeforeMessage
from onethread.contracts.replies import ReplyRequested
from onethread.conversation.history import History
from onethread.gateway_email.outgoing.compose import Writer

pytestmark = pytest.mark.connected
BOUNDED = bounded(15, steps=25)
REFUSED = {404, 409, 422}
MARK = re.compile(r"\bmark(\d{5})x")
PEOPLE = [
    f"{name}@{place}.example" for name, place in (("ana", "shop"), ("bob", "shop"), ("cyd", "shop"), ("max", "maker"))
]
EVE = "eve@evil.example"
SOME = st.lists(st.sampled_from([*PEOPLE, EVE]), max_size=2, unique=True)
LATEST = "select thread_id from message where author_kind = 'customer' order by created_at desc, id limit 1"
ANY = st.integers(0, 10**6)


class Mails(RuleBasedStateMachine):
    """`heard` says of each mark who was there when it was said, or was told by somebody who was."""

    mailroom: Mailroom
    run: Callable[[Awaitable[Any]], Any]

    @initialize(cc=SOME, other=st.sampled_from(PEOPLE))
    def begin(self, cc: list[str], other: str) -> None:
        self.heard: list[set[str]] = []
        self.went: list[EmailMessage] = []
        self.run(self.mailroom.driver.wipe())
        self.comes(PEOPLE[0], cc, None, quotes=False)
        self.comes(other, [], None, quotes=False)
        self.a_teammate_answers(0, None)

    # What people write.

    @rule(sender=st.sampled_from([*PEOPLE, EVE]), cc=SOME, answers=ANY, quotes=st.booleans(), writes_anew=st.booleans())
    def somebody_writes(self, sender: str, cc: list[str], answers: int, quotes: bool, writes_anew: bool) -> None:
        """Who answers has got that mail, or a copy that leaked."""
        self.comes(sender, cc, None if writes_anew else self.one_of(self.went, answers), quotes=quotes)

    @rule(answers=ANY, quotes=st.booleans())
    def a_reader_answers_all(self, answers: int, quotes: bool) -> None:
        if mail := self.one_of(self.went, answers):
            sender, *others = readers(mail)
            self.comes(sender, others, mail, quotes=quotes)

    @rule(claims=st.sampled_from(PEOPLE), cc=SOME, answers=ANY, result=st.sampled_from(["fail", "none"]))
    def eve_writes_as_another(self, claims: str, cc: list[str], answers: int, result: str) -> None:
        self.comes(claims, [*cc, EVE], self.one_of(self.went, answers), quotes=False, result=result)

    def comes(
        self, sender: str, cc: list[str], answers: EmailMessage | None, *, quotes: bool, result: str = "pass"
    ) -> None:
        there = {sender, *cc}
        text, subject, more, to = self.mark(there), self.mark(there), {}, SUPPORT
        if answers is not None:
            subject, to = f"Re: {answers['Subject']}", answers["Reply-To"] or SUPPORT
            more = {"In_Reply_To": answers["Message-ID"], "References": answers["Message-ID"]}
            text += quoted(answers) if quotes and sender in readers(answers) else ""
        raw = self.mailroom.written(
            text, sender=sender, to=to, result=result, Subject=subject, Cc=", ".join(cc) or None, **more
        )
        self.told(there, raw.decode())
        self.run(self.taken(raw, to))

    async def taken(self, raw: bytes, to: str) -> None:
        for event in self.mailroom.read(raw, to):
            await self.mailroom.driver.take(event)

    # What teammates write.

    @rule(sender=st.sampled_from(PEOPLE), cc=SOME, answers=ANY, copies=st.none() | SOME)
    def somebody_writes_and_is_answered(
        self, sender: str, cc: list[str], answers: int, copies: list[str] | None
    ) -> None:
        self.comes(sender, cc, self.one_of(self.went, answers), quotes=True)
        [row] = self.run(self.mailroom.driver.rows(LATEST))
        self.answer(row["thread_id"], copies)

    @rule(thread=ANY, cc=st.none() | SOME)
    def a_teammate_answers(self, thread: int, cc: list[str] | None) -> None:
        if row := self.thread(thread):
            self.answer(row["id"], cc)

    def answer(self, thread_id: Any, cc: list[str] | None) -> None:
        body = {} if cc is None else {"cc": cc}
        self.goes(self.post(f"threads/{thread_id}/messages", text=self.mark(set()), **body))

    @rule(thread=ANY, to=st.sampled_from(PEOPLE))
    def a_teammate_asks_somebody_aside(self, thread: int, to: str) -> None:
        if row := self.thread(thread):
            self.goes(
                self.post(f"threads/{row['id']}/side", to=to, subject=self.mark({to}), text=self.mark({to})),
                "message_id",
            )

    @rule(thread=ANY)
    def a_teammate_notes(self, thread: int) -> None:
        if row := self.thread(thread):
            self.post(f"threads/{row['id']}/messages", text=self.mark(set()), note=True)

    @rule(one=ANY, other=ANY)
    def two_threads_are_merged(self, one: int, other: int) -> None:
        first, second = self.thread(one), self.thread(other)
        if first and second:
            self.post(f"threads/{first['id']}/merge", other_thread_id=str(second["id"]))

    @rule(thread=ANY, status=st.sampled_from(["open", "closed"]))
    def a_thread_is_closed_or_opened(self, thread: int, status: str) -> None:
        if row := self.thread(thread):
            self.allowed(self.mailroom.driver.patch(f"threads/{row['id']}", status=status))

    def goes(self, made: dict[str, Any] | None, id_: str = "id") -> None:
        """The words of a teammate are for those whom the mail names, as the composer shows them."""
        if made is None:
            return
        mail, own = self.run(self.sent(made[id_]))
        there = set(readers(mail))
        self.told(there, own)
        self.went.append(mail)
        for number in MARK.findall(as_read(mail)):
            heard = self.heard[int(number)]
            assert there <= heard, f"{sorted(there)} are mailed what was said before {sorted(heard)}:\n{as_read(mail)}"

    async def sent(self, message_id: str) -> tuple[EmailMessage, str]:
        """The mail, with the history below it, and what the teammate has written."""
        room = self.mailroom
        [row] = (await room.driver.rows(REQUESTS, f"%{message_id}%"))[:1]
        event = ReplyRequested.model_validate_json(row["body"])
        asked = BeforeMessage(workspace="local", message_id=event.data.message_id)
        before = (await History(room.driver.app.state.database).before(asked)).said
        writer = Writer(replace(room.desk, quotes_history=True))
        mail = writer.write(event.data, event.threadid, now(), before)
        await room.driver.delivered(event.data.message_id, mail["Message-ID"], writer.place_after(event.data))
        return mail, event.data.text

    # What rules are made of.

    def mark(self, there: set[str]) -> str:
        self.heard.append(set(there))
        return f"mark{len(self.heard) - 1:05}x"

    def told(self, readers: set[str], text: str) -> None:
        for number in MARK.findall(text):
            self.heard[int(number)] |= readers

    def thread(self, number: int) -> dict[str, Any] | None:
        query = "select id from thread where merged_into_id is null order by created_at, id"
        return self.one_of(self.run(self.mailroom.driver.rows(query)), number)

    def one_of(self, found: list[Any], number: int) -> Any:
        return found[number % len(found)] if found else None

    def post(self, path: str, **body: Any) -> dict[str, Any] | None:
        return self.allowed(self.mailroom.driver.post(path, **body))

    def allowed(self, asked: Awaitable[dict[str, Any]]) -> dict[str, Any] | None:
        try:
            return self.run(asked)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in REFUSED:
                raise
            return None


def readers(mail: EmailMessage) -> list[str]:
    return [address for _, address in getaddresses([mail["To"], mail["Cc"] or ""]) if address]


def as_read(mail: EmailMessage) -> str:
    """Its header and all its parts, decoded."""
    read = message_from_bytes(mail.as_bytes(), policy=policy.default)
    return "\n".join([*(str(value) for value in read.values()), *(part.get_content() for part in read.iter_parts())])


def quoted(mail: EmailMessage) -> str:
    text = message_from_bytes(mail.as_bytes(), policy=policy.default).get_body(("plain",)).get_content()  # type: ignore[union-attr]
    return "\n\nOn Mon, 2 Nov 2026 at 10:00, Support <support@desk.example> wrote:\n" + "".join(
        f"> {line}\n" for line in text.splitlines()
    )


def test_nobody_is_mailed_what_was_said_before_they_joined_or_where_they_are_not(database_url: str) -> None:
    with asyncio.Runner() as runner:
        world = driving(database_url)
        Mails.mailroom = Mailroom(runner.run(world.__aenter__()))
        Mails.run = staticmethod(runner.run)
        try:
            run_state_machine_as_test(Mails, settings=BOUNDED)
        finally:
            runner.run(world.__aexit__(None, None, None))
