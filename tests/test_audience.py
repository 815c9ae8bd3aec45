"""Nothing said before some ever reaches others: random conversations, and a mark in every text that is followed.

`ONETHREAD_HISTORIES=200` tries that many new ones; without it the same few are tried every time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from plugins.conversation_driver import Driver, driving
from plugins.conversation_world import KINDS, asserted, received, verified
from plugins.histories import bounded

from onethread.contracts.envelope import now
from onethread.contracts.ids import derived_id
from onethread.contracts.messages import Identity, Message
from onethread.contracts.questions import HistoryOfThread, HistoryOfVisitor
from onethread.contracts.replies import ProposedReply, ReplyProposed, ReplyRequested
from onethread.contracts.threads import MessageAdded
from onethread.conversation import pending, unseen
from onethread.conversation.history import History
from onethread.conversation.unseen import Unseen
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.outgoing.compose import Writer
from onethread.gateway_email.sender.authenticity import Edge
from onethread.gateway_email.tokens import Signer

pytestmark = pytest.mark.connected
BOUNDED = bounded(10, steps=20)
REFUSED = {404, 409, 422}
MARK = re.compile(r"\bmark(\d{5})x")
ANY = st.integers(0, 10**6)
Readers = frozenset[str]


class Sender(NamedTuple):
    """Somebody at a place. `readers`: who truly stands there, whatever anybody claims or takes them for."""

    kind: str
    identities: tuple[Identity, ...]
    place: str
    shared: str | None
    readers: Readers


def alone(who: str, kind: str, place: str, *identities: Identity) -> Sender:
    return Sender(kind, identities, place, None, frozenset({who}))


def signed_in(name: str) -> tuple[Identity, ...]:
    return verified("site_user", name), verified("email", f"{name}@shop.example"), verified("visitor", f"v-{name}")


def mail_of(name: str) -> Identity:
    return verified("email", f"{name}@shop.example")


CHANNEL = frozenset({"ana", "bob", "everyone in #shop"})
SENDERS: dict[str, Sender] = {
    "ana by mail": alone("ana", "email", "email:ana@shop.example", mail_of("ana")),
    "ana by mail with bob in cc": Sender(
        "email", (mail_of("ana"),), "email:ana@shop.example:bob", "Email with cc bob", frozenset({"ana", "bob"})
    ),
    "ana by mail with dan in cc": Sender(
        "email", (mail_of("ana"),), "email:ana@shop.example:dan", "Email with cc dan", frozenset({"ana", "dan"})
    ),
    "ana in a direct message": alone(
        "ana", "slack", "slack:DANA", verified("slack_user", "T/ana"), mail_of("ana")
    ),
    "ana in the channel": Sender(
        "slack", (verified("slack_user", "T/ana"), mail_of("ana")), "slack:C1:1", "#shop", CHANNEL
    ),
    "bob in the channel": Sender("slack", (verified("slack_user", "T/bob"),), "slack:C1:1", "#shop", CHANNEL),
    "ana signed in": alone("ana", "widget", "widget:v-ana", *signed_in("ana")),
    "ana as a guest": alone("ana", "widget", "widget:v-ana", verified("visitor", "v-ana")),
    "bob by mail": alone("bob", "email", "email:bob@shop.example", mail_of("bob")),
    "bob signed in": alone("bob", "widget", "widget:v-bob", *signed_in("bob")),
    "eve with ana's address": alone(
        "eve", "email", "email:unproven:ana@shop.example", asserted("email", "ana@shop.example")
    ),
    "eve in the chat as ana": alone(
        "eve", "widget", "widget:v-eve", verified("visitor", "v-eve"), asserted("email", "ana@shop.example")
    ),
}  # fmt: skip
VISITORS: dict[str, tuple[Identity, ...]] = {
    "ana": signed_in("ana"),
    "bob": signed_in("bob"),
    "eve": SENDERS["eve in the chat as ana"].identities,
}


@dataclass(frozen=True)
class Reaches:
    """A text that somebody is given."""

    how: str
    readers: Readers
    text: str


class Conversations(RuleBasedStateMachine):
    """`heard` says of each mark before whom it was said; only they may be given it. A note is before nobody."""

    driver: Driver
    run: Callable[[Awaitable[Any]], Any]

    @initialize(senders=st.lists(st.sampled_from(sorted(SENDERS)), min_size=4, max_size=8))
    def begin(self, senders: list[str]) -> None:
        self.heard: list[Readers] = []
        self.readers: dict[str, Readers] = {}
        self.run(self.driver.wipe())
        for sender in senders:
            self.receive(sender, True)

    @rule(sender=st.sampled_from(sorted(SENDERS)), titled=st.booleans())
    def receive(self, sender: str, titled: bool) -> None:
        self.hear(sender, titled)

    def hear(self, sender: str, titled: bool) -> UUID:
        """Returns the thread."""
        kind, identities, place, shared, readers = SENDERS[sender]
        subject = self.mark(readers) if titled and kind == "email" else None
        event = received(kind, self.mark(readers), *identities, place=place, shared=shared, subject=subject)
        row = self.run(self.driver.hear(event))
        self.readers[row["place_key"]] = readers
        return row["thread_id"]

    @rule(thread=ANY, channel=st.sampled_from([None, "local", "email-local", "slack-local"]), waits=st.booleans())
    def say(self, thread: int, channel: str | None, waits: bool) -> None:
        if row := self.pick("select * from thread where merged_into_id is null", thread):
            self.write(row["id"], channel, waits)

    def write(self, thread_id: UUID, channel: str | None, waits: bool) -> None:
        """For whoever reads where it would go at that moment."""
        if place := self.run(self.place_for(thread_id, channel)):
            text, seconds = self.mark(self.of_place(place)), 20 if waits else 0
            self.post(f"threads/{thread_id}/messages", text=text, channel_id=channel, undo_seconds=seconds)

    @rule(before=st.sampled_from(sorted(SENDERS)), after=st.sampled_from(sorted(SENDERS)), chosen=st.booleans())
    def somebody_writes_while_a_reply_waits(self, before: str, after: str, chosen: bool) -> None:
        thread_id = self.hear(before, False)
        self.write(thread_id, KINDS[SENDERS[before].kind] if chosen else None, True)
        self.hear(after, False)
        self.time_passes()

    @rule(sender=st.sampled_from(sorted(name for name, one in SENDERS.items() if one.kind == "widget")))
    def nobody_sees_the_replies_in_the_chat(self, sender: str) -> None:
        thread_id = self.hear(sender, False)
        self.write(thread_id, "local", False)
        self.write(thread_id, "local", False)
        self.time_passes()

    @rule(thread=ANY)
    def note(self, thread: int) -> None:
        if row := self.pick("select * from thread where merged_into_id is null", thread):
            self.post(f"threads/{row['id']}/messages", text=self.mark(frozenset()), note=True)

    @rule(message=ANY, decision=st.sampled_from(["answer", "handoff", "draft"]))
    def propose(self, message: int, decision: str) -> None:
        """An agent that repeats all that it was given."""
        asked = self.pick("select * from message where author_kind = 'customer'", message)
        if asked is None:
            return
        self.run(self.driver.rows("update thread set agent = 'active', assignee_id = null where status = 'open'"))
        given = self.run(self.history(asked["thread_id"], asked["place_key"]))
        text = " ".join([self.mark(self.of_place(asked["place_key"])), *_marks(given)])
        event = ReplyProposed(
            id=uuid4(), source="/agent", workspaceid="local", threadid=asked["thread_id"],
            data=ProposedReply(
                message_id=asked["id"], reply_id=derived_id(asked["id"], f"reply {len(self.heard)}"),
                decision=decision, text=text, summary=text, confidence=0.9,
            ),
        )  # fmt: skip
        self.run(self.driver.app.state.proposed(event))

    @rule(draft=ANY, waits=st.booleans())
    def use_a_draft(self, draft: int, waits: bool) -> None:
        """A teammate sends what the agent wrote, unread, though its customer may have gone elsewhere since."""
        if row := self.pick("select id, created_at from proposal where state = 'open'", draft):
            self.post(f"proposals/{row['id']}/use", undo_seconds=20 if waits else 0)

    @rule()
    def time_passes(self) -> None:
        """Undo windows end, and what nobody saw in the chat is mailed."""
        self.run(self.driver.rows("update pending_reply set send_at = now()"))
        self.run(self.driver.rows("update message set mail_at = now() where mail_at is not null"))
        self.run(self.what_is_due())

    @rule(kept=ANY, other=ANY)
    def take_for_one_person(self, kept: int, other: int) -> None:
        """A teammate does, and may be wrong."""
        one, another = (self.pick("select id from customer", number) for number in (kept, other))
        if one and another:
            self.post(f"customers/{one['id']}/merge", other_id=str(another["id"]))

    @rule()
    def ana_proves_her_address_in_her_browser(self) -> None:
        self.run(self.driver.prove(verified("visitor", "v-ana"), "ana@shop.example"))

    @rule(one=ANY, other=ANY)
    def merge_threads(self, one: int, other: int) -> None:
        first, second = (self.pick("select id from thread", number) for number in (one, other))
        if first and second:
            self.post(f"threads/{first['id']}/merge", other_thread_id=str(second["id"]))

    @rule(message=ANY)
    def split(self, message: int) -> None:
        if row := self.pick("select id, thread_id from message", message):
            self.post(f"threads/{row['thread_id']}/split", message_ids=[str(row["id"])])

    @rule(act=ANY)
    def undo(self, act: int) -> None:
        if row := self.pick("select id from act where undone_at is null", act):
            self.post(f"acts/{row['id']}/undo")

    @rule(thread=ANY, status=st.sampled_from(["open", "closed"]))
    def set_status(self, thread: int, status: str) -> None:
        if row := self.pick("select id from thread", thread):
            self.allowed(self.driver.patch(f"threads/{row['id']}", status=status))

    @invariant()
    def nobody_is_given_what_was_not_said_before_them(self) -> None:
        for given in self.run(_all(self.all_that_goes_out())):
            for number in MARK.findall(given.text):
                before = self.heard[int(number)]
                assert given.readers <= before, (
                    f"{given.how} gives {sorted(given.readers)} what was said before {sorted(before)}"
                )

    # What goes out.

    async def all_that_goes_out(self) -> AsyncIterator[Reaches]:
        for row in await self.driver.rows("select type, body from outbox order by position"):
            if row["type"] == "onethread.reply.requested.v1":
                event = ReplyRequested.model_validate_json(row["body"])
                readers = self.of_place(event.data.place.key)
                yield Reaches(f"a reply to {event.data.place.key}", readers, row["body"])
                if event.data.channel.kind == "email":
                    yield Reaches(f"a mail to {event.data.place.key}", readers, written(event))
            elif row["type"] == "onethread.message.added.v1":
                added = MessageAdded.model_validate_json(row["body"]).data
                if added.place and not added.message.note and added.thread.last_message:
                    yield Reaches("a preview", self.of_place(added.place), added.thread.last_message.text)
        for row in await self.driver.rows("select distinct thread_id, place_key from message where place_key <> ''"):
            said = await self.history(row["thread_id"], row["place_key"])
            yield Reaches(f"the agent at {row['place_key']}", self.of_place(row["place_key"]), said)
        history = History(self.driver.app.state.database)
        for who, identities in VISITORS.items():
            asked = HistoryOfVisitor(workspace="local", identities=list(identities), limit=500)
            shown = await history.of_visitor(asked)
            yield Reaches(f"the chat of {who}", frozenset({who}), shown.model_dump_json())

    async def history(self, thread_id: UUID, place: str) -> str:
        asked = HistoryOfThread(workspace="local", thread_id=thread_id, place=place, limit=200)
        return (await History(self.driver.app.state.database).of_thread(asked)).model_dump_json()

    async def what_is_due(self) -> None:
        state, asked = self.driver.app.state, {"workspace": "local"}
        for row in await self.due(pending.DUE, asked):
            await state.replies.send_held("local", row)
        mailing = Unseen(state.database, state.relay, state.places, state.links, _to_nobody)
        for row in await self.due(unseen.DUE, asked):
            await mailing.mail("local", row)

    async def due(self, query: Any, asked: dict[str, str]) -> list[Any]:
        async with self.driver.app.state.database.transaction("local") as connection:
            return await (await connection.execute(query, asked)).fetchall()

    async def place_for(self, thread_id: UUID, channel: str | None) -> str | None:
        """As the composer shows it to the teammate who writes."""
        [row] = await self.due(f"select * from thread where id = '{thread_id}'", {})
        async with self.driver.app.state.database.transaction("local") as connection:
            places = await self.driver.app.state.places.of(connection, row)
        return next((place.key for place in places if channel in (None, place.channel_id)), None)

    # What rules are made of.

    def mark(self, readers: Readers) -> str:
        self.heard.append(readers)
        return f"mark{len(self.heard) - 1:05}x"

    def of_place(self, key: str) -> Readers:
        """An address that was proven, and never written from, is its owner's."""
        return self.readers.get(key) or frozenset({key.removeprefix("email:").partition("@")[0]})

    def pick(self, query: str, number: int) -> dict[str, Any] | None:
        rows = self.run(self.driver.rows(f"{query} order by created_at, id"))
        return rows[number % len(rows)] if rows else None

    def post(self, path: str, **body: Any) -> dict[str, Any] | None:
        return self.allowed(self.driver.post(path, **body))

    def allowed(self, asked: Awaitable[dict[str, Any]]) -> dict[str, Any] | None:
        try:
            return self.run(asked)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in REFUSED:
                raise
            return None


def written(event: ReplyRequested) -> str:
    """The mail as it leaves, with its header decoded."""
    desk = Desk(
        "email-local", "local", "support@desk.example", "Support", Edge.parse("", ""), Signer(("s" * 16,), "local")
    )
    route = {**event.data.place.route, "to": "somebody@shop.example"}
    reply = event.data.model_copy(update={"place": event.data.place.model_copy(update={"route": route})})
    mail = message_from_bytes(Writer(desk).write(reply, event.threadid, now()).as_bytes(), policy=policy.default)
    return "\n".join([*(str(value) for value in mail.values()), *(part.get_content() for part in mail.iter_parts())])


def _marks(text: str) -> list[str]:
    return [f"mark{number}x" for number in MARK.findall(text)]


async def _to_nobody(_workspace: str, _message: Message) -> None:
    """No inbox is open."""


async def _all(items: AsyncIterator[Reaches]) -> list[Reaches]:
    return [item async for item in items]


def test_nothing_said_before_some_ever_reaches_others(database_url: str) -> None:
    with asyncio.Runner() as runner:
        world = driving(database_url)
        Conversations.driver = runner.run(world.__aenter__())
        Conversations.run = staticmethod(runner.run)
        try:
            run_state_machine_as_test(Conversations, settings=BOUNDED)
        finally:
            runner.run(world.__aexit__(None, None, None))
