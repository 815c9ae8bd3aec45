"""Random histories over a real database, and what holds whatever happened, in whatever order.

`ONETHREAD_HISTORIES=200` tries that many new ones; without it the same few are tried every time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import httpx
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from plugins.conversation_driver import Driver, driving
from plugins.conversation_world import asserted, received, verified
from plugins.histories import bounded

from onethread.contracts.messages import Identity
from onethread.conversation.replay import verify

pytestmark = pytest.mark.connected
BOUNDED = bounded(12, steps=24)
REFUSED = {404, 409, 422}
"""404: of nobody, before anybody wrote."""
ANY = st.integers(0, 10**6)
"""Picks one of what there is at that moment."""
SOME = st.lists(st.booleans(), min_size=1, max_size=6)
"""Picks messages of a thread, over and over."""

Result = TypeVar("Result")


def signed_in(name: str) -> tuple[Identity, ...]:
    return verified("site_user", name), verified("email", f"{name}@shop.example"), verified("visitor", f"v-{name}")


SENDERS: dict[str, tuple[str, tuple[Identity, ...]]] = {
    "ana by mail": ("email", (verified("email", "ana@shop.example"),)),
    "ana in Slack": ("slack", (verified("slack_user", "T/ana"), verified("email", "ana@shop.example"))),
    "ana signed in": ("widget", signed_in("ana")),
    "ana as a guest": ("widget", (verified("visitor", "v-ana"),)),
    "bob by mail": ("email", (verified("email", "bob@shop.example"),)),
    "bob in ana's Slack thread": ("slack", (verified("slack_user", "T/bob"),)),
    "bob signed in on ana's browser": ("widget", (*signed_in("bob")[:2], verified("visitor", "v-ana"))),
    "a forger as ana": ("email", (asserted("email", "ana@shop.example"),)),
    "a guest who says to be ana": ("widget", (verified("visitor", "v-cy"), asserted("email", "ana@shop.example"))),
}


class Histories(RuleBasedStateMachine):
    """A rule is one thing that somebody does. It may be refused in words, and must never fail."""

    driver: Driver
    run: Callable[[Awaitable[Any]], Any]

    @initialize(senders=st.lists(st.sampled_from(sorted(SENDERS)), min_size=3, max_size=9))
    def begin(self, senders: list[str]) -> None:
        self.said = 0
        self.acts: list[str] = []
        self.run(self.driver.wipe())
        for sender in senders:
            self.receive(sender)

    @rule(sender=st.sampled_from(sorted(SENDERS)))
    def receive(self, sender: str) -> None:
        kind, identities = SENDERS[sender]
        place, shared = ("slack:C1:1", "#shop") if kind == "slack" else (None, None)
        self.run(self.driver.hear(received(kind, self.next_text(), *identities, place=place, shared=shared)))

    @rule(thread=ANY, note=st.booleans())
    def say(self, thread: int, note: bool) -> None:
        if thread_id := self.pick(self.threads(), thread):
            text = self.next_text()
            if self.post(f"threads/{thread_id}/messages", text=text, note=note) is None:
                self.said -= 1

    @rule(thread=ANY, status=st.sampled_from(["open", "closed", "waiting"]))
    def change_status(self, thread: int, status: str) -> None:
        self.patch(thread, status=status)

    @rule(thread=ANY, tags=st.lists(st.sampled_from("abc"), max_size=2, unique=True))
    def tag(self, thread: int, tags: list[str]) -> None:
        self.patch(thread, tags=tags)

    @rule(thread=ANY, some=SOME)
    def split(self, thread: int, some: list[bool]) -> None:
        self.act(self.a_split(thread, some))

    @rule(thread=ANY, some=SOME, other=ANY)
    def move(self, thread: int, some: list[bool], other: int) -> None:
        self.act(self.a_move(thread, some, other))

    @rule(thread=ANY, other=ANY)
    def merge(self, thread: int, other: int) -> None:
        self.act(self.a_merge(thread, other))

    @rule(kept=ANY, other=ANY)
    def merge_customers(self, kept: int, other: int) -> None:
        self.act(self.a_customer_merge(kept, other))

    @rule(identity=ANY, keep_messages=st.booleans())
    def unlink(self, identity: int, keep_messages: bool) -> None:
        rows = self.rows(
            "select i.id, c.root_id from identity i join customer c on c.id = i.customer_id order by i.created_at, i.id"
        )
        if rows:
            row = rows[identity % len(rows)]
            body = {"identity_id": str(row["id"]), "keep_messages": keep_messages}
            self.act((f"customers/{row['root_id']}/unlink", body))

    @rule(claimant=st.sampled_from(["v-cy", "v-ana"]), email=st.sampled_from(["ana@shop.example", "new@shop.example"]))
    def prove(self, claimant: str, email: str) -> None:
        self.run(self.driver.prove(verified("visitor", claimant), email))

    @rule(kept=ANY, other=ANY)
    def merge_and_part_customers(self, kept: int, other: int) -> None:
        """A merge that is undone at once leaves no trace, but that the two are kept apart."""
        before = self.run(self.driver.snapshot())
        if act_id := self.act(self.a_customer_merge(kept, other)):
            assert self.post(f"acts/{act_id}/undo")
            assert self.run(self.driver.snapshot()) == before

    @rule(act=ANY)
    def undo(self, act: int) -> None:
        if act_id := self.pick(self.acts, act):
            self.post(f"acts/{act_id}/undo")

    @rule(kind=st.sampled_from(["a_split", "a_move", "a_merge"]), thread=ANY, some=SOME, other=ANY)
    def do_and_undo(self, kind: str, thread: int, some: list[bool], other: int) -> None:
        """An act that is undone at once leaves no trace."""
        before = self.run(self.driver.snapshot())
        asked = {"a_split": (thread, some), "a_move": (thread, some, other), "a_merge": (thread, other)}[kind]
        if act_id := self.act(getattr(self, kind)(*asked)):
            assert self.post(f"acts/{act_id}/undo")
            after = self.run(self.driver.snapshot())
            after["threads"] = {id_: after["threads"][id_] for id_ in before["threads"]}
            assert after == before

    @invariant()
    def nothing_is_lost_and_all_is_where_it_belongs(self) -> None:
        assert len(self.rows("select id from message where author_kind <> 'system'")) == self.said
        self.run(self.driver.check())

    @invariant()
    def each_sender_is_heard_in_order(self) -> None:
        spoken: dict[str, list[str]] = {}
        for row in self.rows("select * from message where author_kind <> 'system' order by position"):
            spoken.setdefault(f"{row['channel_kind']} {row['identity_value']}", []).append(row["text"])
        for texts in spoken.values():
            assert texts == sorted(texts)

    def teardown(self) -> None:
        """What follows from the event log is what the tables hold."""
        assert self.run(_all(verify(self.driver.url, "local"))) == []

    @invariant()
    def what_is_shown_reaches_as_far_as_proof(self) -> None:
        self.run(self.driver.check_what_is_shown())

    # What rules are made of.

    def a_split(self, thread: int, some: list[bool]) -> tuple[str, dict[str, Any]]:
        thread_id, ids = self.messages_of(thread, some)
        return f"threads/{thread_id}/split", {"message_ids": ids}

    def a_move(self, thread: int, some: list[bool], other: int) -> tuple[str, dict[str, Any]]:
        thread_id, ids = self.messages_of(thread, some)
        return f"threads/{thread_id}/move", {"message_ids": ids, "to_thread_id": self.pick(self.threads(), other)}

    def a_merge(self, thread: int, other: int) -> tuple[str, dict[str, Any]]:
        threads = self.threads()
        return f"threads/{self.pick(threads, thread)}/merge", {"other_thread_id": self.pick(threads, other)}

    def a_customer_merge(self, kept: int, other: int) -> tuple[str, dict[str, Any]]:
        customers = [str(row["id"]) for row in self.rows("select id from customer order by created_at, id")]
        return f"customers/{self.pick(customers, kept)}/merge", {"other_id": self.pick(customers, other)}

    def act(self, asked: tuple[str, dict[str, Any]]) -> str | None:
        """The act's id, or None where it was refused."""
        answer = self.post(asked[0], **asked[1])
        if answer is None:
            return None
        self.acts.append(answer["act_id"])
        return answer["act_id"]

    def post(self, path: str, **body: Any) -> dict[str, Any] | None:
        return self.allowed(self.driver.post(path, **body))

    def patch(self, thread: int, **body: Any) -> None:
        if thread_id := self.pick(self.threads(), thread):
            self.allowed(self.driver.patch(f"threads/{thread_id}", **body))

    def allowed(self, asked: Awaitable[Result]) -> Result | None:
        """None for what was refused in words."""
        try:
            return self.run(asked)
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in REFUSED:
                raise
            return None

    def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        return self.run(self.driver.rows(query, *parameters))

    def threads(self) -> list[str]:
        """In the order in which they began, so that the same choices make the same history."""
        return [str(row["id"]) for row in self.rows("select id from thread order by created_at, id")]

    def messages_of(self, thread: int, some: list[bool]) -> tuple[str | None, list[str]]:
        thread_id = self.pick(self.threads(), thread)
        rows = self.rows("select id from message where thread_id = %s order by position", thread_id)
        return thread_id, [str(row["id"]) for n, row in enumerate(rows) if some[n % len(some)]]

    def pick(self, among: list[str], number: int) -> str | None:
        return among[number % len(among)] if among else None

    def next_text(self) -> str:
        self.said += 1
        return f"{self.said:05}"


async def _all(items: AsyncIterator[Result]) -> list[Result]:
    return [item async for item in items]


def test_whatever_happens_nothing_is_lost_and_every_act_can_be_undone(database_url: str) -> None:
    with asyncio.Runner() as runner:
        world = driving(database_url)
        Histories.driver = runner.run(world.__aenter__())
        Histories.run = staticmethod(runner.run)
        try:
            run_state_machine_as_test(Histories, settings=BOUNDED)
        finally:
            runner.run(world.__aexit__(None, None, None))
