"""The conversation service without a bus: events are handed to it directly, so that long histories run fast."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.rows import dict_row

from onethread.contracts import messages as m
from onethread.contracts.ids import derived_id
from onethread.contracts.questions import HistoryOfThread
from onethread.contracts.replies import Decision, ProposedReply, ReplyDelivered, ReplyOutcome, ReplyProposed
from onethread.contracts.threads import AddedMessage, MessageAdded
from onethread.conversation import graph, proving
from onethread.conversation.app import create_app
from onethread.conversation.deliveries import Deliveries
from onethread.conversation.history import History
from onethread.conversation.intake import Intake
from onethread.conversation.settings import ConversationSettings

NO_BUS = "nats://127.0.0.1:1"
COUNTERS = {"sequence", "last_position", "version", "updated_at"}
"""Of a thread's row. They grow with everything that is done to it, its undo among that."""
GAPS = """select thread_id from outbox where thread_id is not null
    group by thread_id having count(sequence) <> max(sequence) or min(sequence) <> 1"""


class Driver:
    """The service in a test's hands: what the bus would bring, the API, and a look into its tables."""

    def __init__(self, url: str, app: Any, api: httpx.AsyncClient, connection: psycopg.AsyncConnection[Any]) -> None:
        self.url, self.app, self.api, self._connection = url, app, api, connection
        state = app.state
        self._intake = Intake(state.database, state.relay, state.workspaces)
        self._deliveries = Deliveries(state.database, state.relay, state.places, state.links, _to_nobody)

    async def hear(self, event: m.MessageReceived) -> dict[str, Any]:
        """Takes what a gateway heard. Returns the message's row."""
        await self.take(event)
        return await self.message(event.id)

    async def take(self, event: m.MessageReceived) -> None:
        """As `hear`, where it may be that nothing is made of it."""
        await self._intake(event)

    async def asked(self, message: dict[str, Any]) -> AddedMessage:
        """What the agent was told of a customer's message, given as its row."""
        [row] = await self.rows("select body from outbox where id = %s", derived_id(message["id"], "added"))
        return MessageAdded.model_validate_json(row["body"]).data

    async def propose(
        self, message: dict[str, Any], text: str, decision: Decision = "answer", **more: Any
    ) -> dict[str, Any]:
        """The agent proposes something to a customer's message. Returns the proposal's row."""
        data = ProposedReply(
            message_id=message["id"], reply_id=derived_id(message["id"], "reply"), decision=decision, text=text,
            confidence=more.pop("confidence", 0.9), **more,
        )  # fmt: skip
        event = ReplyProposed(
            id=derived_id(message["id"], "proposed"), source="/agent", workspaceid=message["workspace_id"],
            threadid=message["thread_id"], data=data,
        )  # fmt: skip
        await self.app.state.proposed(event)
        return await self.proposal(data.reply_id)

    async def proposal(self, id_: Any) -> dict[str, Any]:
        [row] = await self.rows("select * from proposal where id = %s", id_)
        return row

    async def agent(self, **choices: Any) -> None:
        """An administrator sets up the agent."""
        await self.patch("workspaces/local", settings={"agent": choices})

    async def send_due(self) -> None:
        """Replies whose undo window is over leave."""
        for row in await self.rows("select * from pending_reply where send_at <= now()"):
            await self.app.state.replies.send_held(row["workspace_id"], SimpleNamespace(**row))

    async def history_at(self, thread_id: Any, place: str) -> str:
        """What the agent is given of a thread for an answer there."""
        asked = HistoryOfThread(workspace="local", thread_id=thread_id, place=place, limit=200)
        return (await History(self.app.state.database).of_thread(asked)).model_dump_json()

    async def teammate(self) -> str:
        return str((await self.rows("select id from teammate"))[0]["id"])

    async def message(self, message_id: Any) -> dict[str, Any]:
        [row] = await self.rows("select * from message where id = %s", message_id)
        return row

    async def thread(self, thread_id: Any) -> dict[str, Any]:
        [row] = await self.rows("select * from thread where id = %s", thread_id)
        return row

    async def said(self, thread_id: Any) -> list[str]:
        """The texts of a thread, in its order."""
        found = await self.rows("select text from message where thread_id = %s order by position", thread_id)
        return [row["text"] for row in found]

    async def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Raises `httpx.HTTPStatusError` for what is refused."""
        response = await self.api.post(f"/api/v1/{path}", json=body)
        response.raise_for_status()
        return response.json()

    async def patch(self, path: str, **body: Any) -> dict[str, Any]:
        response = await self.api.patch(f"/api/v1/{path}", json=body)
        response.raise_for_status()
        return response.json()

    async def delivered(self, message_id: Any, external_id: str, place: m.Place | None = None) -> None:
        """The outside took a message of ours and gave it this id."""
        row = await self.message(message_id)
        channel = m.Channel(id=row["channel_id"], kind=row["channel_kind"])
        outcome = ReplyOutcome(message_id=row["id"], channel=channel, external_id=external_id, place=place)
        event = ReplyDelivered(
            id=uuid4(), source="/gateway", workspaceid="local", threadid=row["thread_id"], data=outcome
        )
        await self._deliveries.on_outcome(event)

    async def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        cursor = await self._connection.execute(query, parameters)  # type: ignore[arg-type]
        return await cursor.fetchall() if cursor.description else []

    async def wipe(self) -> None:
        """Nobody ever wrote."""
        await self.rows("truncate customer, company, thread, message, act, outbox, inbox, idempotency cascade")

    async def snapshot(self) -> dict[str, dict[Any, Any]]:
        """What a thread's reader can see, by table and key."""
        threads = await self.rows("select * from thread")
        messages = await self.rows("select * from message")
        places = await self.rows("select * from place")
        pending = await self.rows("select * from pending_reply")
        return {
            "customers": {row["id"]: row["root_id"] for row in await self.rows("select id, root_id from customer")},
            "identities": {row["id"]: row for row in await self.rows("select * from identity")},
            "threads": {row["id"]: {k: v for k, v in row.items() if k not in COUNTERS} for row in threads},
            "messages": {row["id"]: row for row in messages},
            "places": {(row["channel_id"], row["key"]): row for row in places},
            "pending": {row["id"]: row for row in pending},
        }

    async def check(self) -> None:
        """What holds whatever is done, in whatever order."""
        assert await self.rows(GAPS) == [], "the numbers of a thread's events have a gap"
        strays = """select m.id from message m
            join thread t on t.id = m.thread_id join customer c on c.id = m.customer_id
            where t.merged_into_id is not null or c.root_id <> t.customer_id"""
        assert await self.rows(strays) == [], "a message stands in a thread that ended, or is not its customer's"
        places = "select key from place p join thread t on t.id = p.thread_id where t.merged_into_id is not null"
        assert await self.rows(places) == [], "a place leads to a thread that ended"
        elsewhere = """select p.key from place p join lateral (select thread_id from message m
                where m.channel_id = p.channel_id and m.place_key = p.key order by m.position desc limit 1) l on true
            where l.thread_id <> p.thread_id"""
        assert await self.rows(elsewhere) == [], (
            "a place leads elsewhere than to the thread of what was said there last"
        )
        behind = """select t.id from thread t join message m on m.thread_id = t.id
            where not m.note group by t.id having t.last_position < max(m.position)"""
        assert await self.rows(behind) == [], "the next message of a thread could stand before the last"
        shown = """select t.id from thread t left join lateral (select * from message m
                where m.thread_id = t.id and not m.note order by position desc limit 1) l on true
            where (t.last_text, t.last_author_kind) is distinct from (left(l.text, 200), l.author_kind)"""
        assert await self.rows(shown) == [], "a thread shows another last message than it has"

        clusters = """with recursive reached(start, id) as (
                select id, id from customer
                union
                select reached.start, edge.id from reached cross join lateral (
                    select other_id as id from act
                        where customer_id = reached.id and kind = 'merge' and undone_at is null
                    union all
                    select customer_id from act
                        where other_id = reached.id and kind = 'merge' and undone_at is null) edge)
            select start from reached join customer c on c.id = reached.start group by start, c.root_id
            having not bool_or(reached.id = c.root_id)
            union all
            select one.id from customer one join reached on reached.start = one.id join customer other
                on other.id = reached.id where other.root_id <> one.root_id"""
        assert await self.rows(clusters) == [], "who stands for a cluster does not follow from its edges"
        owners = "select t.id from thread t join customer c on c.id = t.home_id where c.root_id <> t.customer_id"
        assert await self.rows(owners) == [], "a thread belongs to another than the one it was opened as"

    async def check_what_is_shown(self) -> None:
        """At no place is the agent given anything that the customer there did not prove to be theirs."""
        proven = await self._proven()
        history = History(self.app.state.database)
        for place in await self.rows("select distinct thread_id, place_key from message where place_key is not null"):
            asked = HistoryOfThread(
                workspace="local", thread_id=place["thread_id"], place=place["place_key"], limit=200
            )
            said = await self.rows(
                "select * from message where place_key = %s and thread_id = %s order by position",
                place["place_key"], place["thread_id"],
            )  # fmt: skip
            narrow = any(row["shared"] or row["identity_trust"] == "asserted" for row in said)
            homes = set() if narrow else proven[said[-1]["customer_id"]]
            for message in (await history.of_thread(asked)).messages:
                row = await self.message(message.id)
                assert row["place_key"] == place["place_key"] or (
                    row["customer_id"] in homes and row["identity_trust"] != "asserted"
                )

    async def _proven(self) -> dict[Any, set[Any]]:
        """The homes that proof joins to each home."""
        reach = {row["id"]: {row["id"]} for row in await self.rows("select id from customer")}
        edges = "select customer_id, other_id from act where kind = 'merge' and how = 'proof' and undone_at is null"
        for edge in await self.rows(edges):
            joined = reach[edge["customer_id"]] | reach[edge["other_id"]]
            reach |= dict.fromkeys(joined, joined)
        return reach

    async def prove(self, claimant: m.Identity, email: str) -> None:
        """Whoever is known by `claimant` types the code that was mailed to the address."""
        proof = SimpleNamespace(
            id=uuid4(), workspace_id="local", identities=[claimant.model_dump()], customer_id=None, value=email
        )
        async with self.app.state.database.transaction("local") as connection:
            await connection.execute(graph.ALONE, ["local"])
            await proving.take_effect(connection, proof, "code")


async def _to_nobody(_workspace: str, _message: m.Message) -> None:
    """No inbox is open."""


@asynccontextmanager
async def driving(database_url: str) -> AsyncIterator[Driver]:
    app = create_app(
        ConversationSettings(nats_url=NO_BUS, database_url=database_url, api_key="key", admin_password="pw-of-admin")
    )
    transport = httpx.ASGITransport(app)
    await app.state.database.start()
    await app.state.teammates.ensure_first()
    async with (
        await psycopg.AsyncConnection.connect(database_url, autocommit=True, row_factory=dict_row) as connection,
        httpx.AsyncClient(
            transport=transport, base_url="http://inbox", headers={"Authorization": "Bearer key"}, timeout=30
        ) as api,
    ):
        yield Driver(database_url, app, api, connection)
    await app.state.database.stop()


@pytest.fixture
async def driver(database_url: str) -> AsyncIterator[Driver]:
    async with driving(database_url) as world:
        yield world
