from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import nats
import psycopg
import pytest
from plugins.conversation_world import behind_its_back, received, running, verified
from plugins.event_log import ANA, SIGNED_IN, all_kinds_of_traffic

from onethread.contracts.ids import derived_id
from onethread.contracts.replies import ReplyDelivered, ReplyOutcome
from onethread.contracts.streams import CONSUMERS, EVENTS
from onethread.conversation.reconcile import reconcile
from onethread.conversation.settings import ConversationSettings
from onethread.runtime.bus import AGAIN
from onethread.runtime.provision import provision

pytestmark = pytest.mark.connected


def log_of(database_url: str) -> list[Any]:
    query = "select id, subject, body, thread_id, sequence, stream_sequence from outbox order by position"
    with psycopg.connect(database_url) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


async def in_stream(nats_url: str) -> list[Any]:
    """All messages of the stream, in order."""
    connection = await nats.connect(nats_url)
    js = connection.jetstream()
    state = (await js.stream_info(EVENTS.name)).state
    messages: list[Any] = []
    for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
        try:
            messages.append(await js.get_msg(EVENTS.name, sequence))
        except nats.js.errors.NotFoundError:
            continue
    await connection.close()
    return messages


async def until_relayed(database_url: str) -> None:
    for _ in range(1_000):
        if all(row[5] for row in log_of(database_url)):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the relay did not come to the end of the log")


@asynccontextmanager
async def js_at(nats_url: str) -> Any:
    connection = await nats.connect(nats_url)
    yield connection.jetstream()
    await connection.close()


def orders(messages: list[Any], log: list[Any]) -> dict[UUID, list[int]]:
    """The numbers of each thread's events as they stand in the stream."""
    known = {str(id_): (thread_id, sequence) for id_, _, _, thread_id, sequence, _ in log}
    found: dict[UUID, list[int]] = {}
    for message in messages:
        thread_id, sequence = known.get((message.headers or {}).get("Nats-Msg-Id"), (None, None))
        if thread_id:
            found.setdefault(thread_id, []).append(sequence)
    return found


def assert_gapless(log: list[Any]) -> None:
    of_threads: dict[UUID, list[int]] = {}
    for _, _, _, thread_id, sequence, _ in log:
        if thread_id:
            of_threads.setdefault(thread_id, []).append(sequence)
    assert of_threads
    for numbers in of_threads.values():
        assert numbers == list(range(1, len(numbers) + 1)), numbers


def settings_for(nats_url: str, database_url: str) -> ConversationSettings:
    return ConversationSettings(nats_url=nats_url, database_url=database_url, api_key="key", admin_password="pw")


async def test_the_events_of_each_thread_are_numbered_without_a_gap_whatever_happens_at_once(
    outside: Any, database_url: str
) -> None:
    await all_kinds_of_traffic(outside)
    await until_relayed(database_url)
    assert_gapless(log_of(database_url))


@pytest.mark.parametrize("seed", range(3))
async def test_any_mix_of_changes_at_once_leaves_gapless_numbers_in_the_stream_in_their_order(
    outside: Any, database_url: str, nats_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    threads = [(await outside.hear(received("email", "hi", ANA))).threadid]
    threads += [(await outside.hear(received("email", "hi", verified("email", "bo@x.example")))).threadid]

    def change() -> Any:
        url = f"/api/v1/threads/{chance.choice(threads)}"
        patches = [
            {"tags": [str(chance.random())]}, {"status": "closed"}, {"status": "open"}, {"priority": "urgent"},
            {"agent": "quiet"}, {"agent": "active", "assignee": None, "priority": "low", "tags": []},
        ]  # fmt: skip
        return chance.choice(
            [
                lambda: outside.say(received("email", "more", ANA)),
                lambda: outside.say(received("widget", "chat", *SIGNED_IN)),
                lambda: outside.api.post(f"{url}/messages", json={"text": "re", "note": chance.random() < 0.3}),
                lambda: outside.api.patch(url, json=chance.choice(patches)),
            ]
        )()

    for _ in range(6):
        await asyncio.gather(*(change() for _ in range(8)))
    await asyncio.sleep(0.5)
    await until_relayed(database_url)
    log = log_of(database_url)
    assert_gapless(log)
    for numbers in orders(await in_stream(nats_url), log).values():
        assert numbers == list(range(1, len(numbers) + 1)), numbers


async def test_a_deleted_stream_comes_back_from_postgresql_and_disturbs_nobody(
    outside: Any, database_url: str, nats_url: str
) -> None:
    await all_kinds_of_traffic(outside)
    waiting = next(r for r in outside.requested if r.data.text == "By hand")
    for request in outside.requested:
        if request is not waiting:
            await outside.bus.publish(delivered(request))
    await until_relayed(database_url)
    await outside.wait(lambda: undelivered(database_url) == 1)
    before, messages = log_of(database_url), await messages_of(outside)
    async with js_at(nats_url) as js:
        await js.delete_stream(EVENTS.name)
        await provision(js)
        async with running(nats_url, database_url):
            await until_told_again(database_url, nats_url)
            again = await in_stream(nats_url)
            await until_all_is_done(js)
    assert [(m.headers["Nats-Msg-Id"], m.subject, m.data.decode()) for m in again] == [
        (str(id_), subject, body) for id_, subject, body, *_ in before
    ]
    open_ones = {m.headers["Nats-Msg-Id"] for m in again if m.headers[AGAIN] == "open" and "requested" in m.subject}
    assert open_ones == {str(waiting.id)}
    assert await messages_of(outside) == messages
    assert len(log_of(database_url)) == len(before)


async def until_all_is_done(js: Any) -> None:
    """By all who are there: no gateway is."""
    names = [durable for consumer in CONSUMERS for durable, _ in consumer.each() if "gateway" not in durable]
    for _ in range(400):
        in_hand = [(await js.consumer_info(EVENTS.name, name)).num_ack_pending for name in names]
        if not any(in_hand):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"still in hand: {[name for name, number in zip(names, in_hand, strict=True) if number]}")


def delivered(request: Any) -> ReplyDelivered:
    outcome = ReplyOutcome(message_id=request.data.message_id, channel=request.data.channel, state="delivered")
    return ReplyDelivered(
        id=derived_id(request.id, "delivered"), source="/gateway", workspaceid="local", threadid=request.threadid,
        data=outcome,
    )  # fmt: skip


def undelivered(database_url: str) -> int:
    query = "select count(*) from message where delivery_state = 'queued'"
    with psycopg.connect(database_url) as connection:
        return connection.execute(query).fetchall()[0][0]


async def messages_of(outside: Any) -> list[Any]:
    return [await outside.messages(thread["id"]) for thread in await outside.threads()]


async def until_told_again(database_url: str, nats_url: str) -> None:
    ids = {str(row[0]) for row in log_of(database_url)}
    for _ in range(400):
        if ids <= {(m.headers or {}).get("Nats-Msg-Id") for m in await in_stream(nats_url)}:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the stream did not come back")


async def test_holes_and_a_cut_end_are_found_and_mended_by_command_with_the_events_in_their_order(
    outside: Any, database_url: str, nats_url: str
) -> None:
    async with js_at(nats_url) as js:
        config = (await js.stream_info(EVENTS.name)).config
        config.duplicate_window = 0.1  # else the server remembers ids for two minutes
        await js.update_stream(config)
        await all_kinds_of_traffic(outside)
        await until_relayed(database_url)
        log = log_of(database_url)
        stand = [row[5] for row in log]
        for sequence in (stand[3], stand[len(stand) // 2], *stand[-4:]):
            await js.delete_msg(EVENTS.name, sequence)
        await asyncio.sleep(0.5)
    settings = settings_for(nats_url, database_url)
    assert await reconcile(settings) == 6
    assert await reconcile(settings) == 0
    again = [m for m in await in_stream(nats_url) if AGAIN in (m.headers or {})]
    expected = [str(log[i][0]) for i in (3, len(stand) // 2, -4, -3, -2, -1)]
    assert [m.headers["Nats-Msg-Id"] for m in again] == expected


async def test_what_happens_in_a_thread_waits_for_what_the_stream_lost_of_it(
    outside: Any, database_url: str, nats_url: str
) -> None:
    added = await outside.hear(received("email", "hi", ANA))
    await outside.propose(added, "answer", "Three days.")
    await outside.wait(lambda: outside.requested or None)
    await until_relayed(database_url)
    async with js_at(nats_url) as js:
        await js.delete_stream(EVENTS.name)
        await provision(js)
    async with running(nats_url, database_url):
        url = f"/api/v1/threads/{added.threadid}"
        lost = "update outbox set stream_sequence = null where thread_id = %s"
        await behind_its_back(database_url, lost, added.threadid)
        await outside.api.patch(url, json={"tags": ["now"]})
        await until_told_again(database_url, nats_url)
    log = log_of(database_url)
    numbers = orders(await in_stream(nats_url), log)[added.threadid]
    first_time = list(dict.fromkeys(numbers))
    assert first_time == sorted(first_time)


async def test_what_a_reader_missed_is_read_again_in_their_workspace_and_ids_of_another_are_unknown(
    outside: Any, database_url: str
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("insert into workspace (id, name, created_at) values ('beta', 'Beta', now())")
    for workspace in ("local", "beta", "local"):
        event = received("email", f"of {workspace}", ANA)
        await outside.hear(event.model_copy(update={"workspaceid": workspace}))
    query = "select id from outbox where workspace_id = %s order by position limit 1"
    with psycopg.connect(database_url) as connection:
        [(ours,), (theirs,)] = [connection.execute(query, [one]).fetchone() or () for one in ("local", "beta")]  # type: ignore[misc]
    missed = await told_since(outside, str(ours), 2)
    assert missed.count("event: onethread.message.added.v1") == 2
    assert "of local" in missed
    assert "beta" not in missed
    for unknown in (theirs, "00000000-0000-0000-0000-000000000000", "no id"):
        assert await told_since(outside, str(unknown)) == "event: reset\ndata: {}\n\n"


async def test_readers_are_sent_back_for_what_they_missed_once_the_bus_is_there_again(outside: Any) -> None:
    reader = outside.app.state.stream.read("local", None)
    assert await anext(reader) == ": connected\n\n"
    connection = outside.app.state.bus.broker.config.broker_config.connection_state.connection
    connection._transport.close()
    async with asyncio.timeout(30):
        assert [text async for text in reader] == []


async def told_since(outside: Any, last_id: str, messages: int = 0) -> str:
    """With at least so many messages, or that too much was missed; and what else comes soon."""
    reader = outside.app.state.stream.read("local", last_id)
    told = ""
    assert await anext(reader) == ": connected\n\n"
    while True:
        enough = told.count("event: onethread.message.added.v1") >= messages and told
        try:
            told += await asyncio.wait_for(anext(reader), 0.3 if enough else 20)
        except (TimeoutError, StopAsyncIteration):
            return told
