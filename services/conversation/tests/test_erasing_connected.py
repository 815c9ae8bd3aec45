from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import nats
import psycopg
import pytest
from plugins.conversation_world import received, verified
from plugins.event_log import ANA as BO
from psycopg import sql

from onethread.contracts.ids import derived_id, lane
from onethread.contracts.replies import ReplyDelivered, ReplyOutcome
from onethread.contracts.streams import DEAD
from onethread.conversation.replay import verify

pytestmark = pytest.mark.connected
CANARY = "Zyxwv"
EMAIL = verified("email", "zyxwv.canary@birds.example")
SIGNED_IN = (verified("site_user", "zyxwv-17"), EMAIL, verified("visitor", "zyxwv-browser"))
SLACK = (verified("slack_user", "T/UZYXWV"), EMAIL)
TABLES = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"


def tables_with(database_url: str, word: str) -> Iterator[str]:
    """Every table that has the word in some column of some row, as the owner sees them all."""
    with psycopg.connect(database_url) as connection:
        for (name,) in connection.execute(TABLES).fetchall():
            query = sql.SQL("select count(*) from {t} t where t::text ilike %s").format(t=sql.Identifier(name))
            if (connection.execute(query, [f"%{word}%"]).fetchone() or [0])[0]:
                yield name


async def streams_with(nats_url: str, word: str) -> list[str]:
    """Every message of every stream of the server, buckets included, that has the word."""
    connection = await nats.connect(nats_url)
    js = connection.jetstream()
    found: list[str] = []
    for info in await js.streams_info():
        for sequence in range(max(info.state.first_seq, 1), info.state.last_seq + 1):
            try:
                message = await js.get_msg(info.config.name or "", sequence)
            except nats.js.errors.NotFoundError:
                continue
            said = f"{message.subject} {message.headers} {(message.data or b'').decode('utf-8', 'replace')}"
            if word.lower() in said.lower():
                found.append(f"{info.config.name}/{sequence} {message.subject}")
    await connection.close()
    return found


async def a_customer_everywhere(outside: Any) -> Any:
    """The canary in words, names, subject, addresses and places; in threads of their own and in another's."""
    name = f"{CANARY} Bird"
    await outside.hear(
        received("email", f"I am {CANARY}", EMAIL, name=name, subject=f"{CANARY} asks", html=f"<p>{CANARY}")
    )
    await outside.hear(received("widget", f"{CANARY} in the chat", *SIGNED_IN, name=name))
    added = await outside.hear(received("slack", f"{CANARY} on Slack", *SLACK, name=name))
    url = f"/api/v1/threads/{added.threadid}"
    await outside.propose(added, "handoff", f"Dear {CANARY}", reason=f"{CANARY} is upset", summary=f"{CANARY} asks")
    await outside.wait(lambda: outside.requested or None)
    await outside.api.patch(url, json={"topic": f"{CANARY}'s matter"})
    await outside.api.post(f"{url}/messages", json={"text": f"By hand to {CANARY}", "channel_id": "email-local"})
    await outside.api.post(f"{url}/messages", json={"text": f"{CANARY} is a VIP", "note": True})
    await outside.api.patch(f"/api/v1/customers/{added.customerid}", json={"attributes": {"pet": CANARY}})
    for request in outside.requested:
        outcome = ReplyOutcome(
            message_id=request.data.message_id, channel=request.data.channel, external_id=f"<{CANARY}@x>",
            place=request.data.place, reason=CANARY,
        )  # fmt: skip
        event = ReplyDelivered(
            id=derived_id(request.id, "delivered"), source="/gateway", workspaceid="local", threadid=request.threadid,
            data=outcome,
        )  # fmt: skip
        await outside.bus.publish(event)
    return added


async def a_guest_in_anothers_thread(outside: Any) -> Any:
    theirs = await outside.hear(
        received("slack", "We have a question", verified("slack_user", "T/bo"), place="slack:C:1", shared="#acme")
    )
    await outside.hear(
        received("slack", f"{CANARY} adds", *SLACK, place="slack:C:1", shared="#acme", name=f"{CANARY} Bird")
    )
    url = f"/api/v1/threads/{theirs.threadid}"
    await outside.api.patch(url, json={"tags": ["after"]})
    copied = received("email", "I copy them in", BO, participants=[EMAIL])
    route = {"to": BO.value, "cc": [EMAIL.value, "third@birds.example"]}
    data = copied.data.model_copy(update={"place": copied.data.place.model_copy(update={"route": route})})
    await outside.hear(copied.model_copy(update={"data": data}))
    return theirs


async def poison(outside: Any) -> None:
    """Messages that nobody can handle: one of theirs, and one of another's that names them."""
    for own, copied in ((EMAIL, BO), (BO, EMAIL)):
        event = received("email", f"{'poison'} {own.value}", own, participants=[copied])
        body = json.loads(event.to_json())
        del body["data"]["channel"]
        id_ = str(uuid4())
        subject = f"ot.local.message.received.email.{lane(own.value)}"
        await outside.bus.publish_raw(subject, json.dumps(body | {"id": id_}).encode(), id_)
    await outside.wait_for_dead(2)


async def until_erased(outside: Any, customer_id: Any) -> dict[str, Any]:
    async def is_done() -> Any:
        answer = await outside.api.post(f"/api/v1/customers/{customer_id}/erase")
        assert answer.status_code == 202, answer.text
        return answer.json() if answer.json()["state"] == "erased" else None

    return await eventually(is_done)


async def eventually(find: Any, seconds: float = 20) -> Any:
    import asyncio

    for _ in range(int(seconds / 0.1)):
        if found := await find():
            return found
        await asyncio.sleep(0.1)
    raise AssertionError("it did not happen in time")


async def dead_letters(outside: Any) -> int:
    return (await outside.bus.js.stream_info(DEAD.name)).state.messages


async def test_no_store_holds_a_word_of_an_erased_customer(outside: Any, database_url: str, nats_url: str) -> None:
    outside.app.state.forgetting.pause = 0.3
    added = await a_customer_everywhere(outside)
    theirs = await a_guest_in_anothers_thread(outside)
    for own, copied in ((EMAIL, BO), (BO, EMAIL)):
        event = received("email", f"poison of {own.value}", own, participants=[copied])
        body = json.loads(event.to_json())
        del body["data"]["channel"]
        subject = f"ot.local.message.received.email.{lane(own.value)}"
        await outside.bus.publish_raw(subject, json.dumps(body).encode(), str(event.id))

    async def both_are_parked() -> bool:
        return await dead_letters(outside) == 2

    await eventually(both_are_parked)
    before = await threads_of(outside)
    assert set(tables_with(database_url, CANARY)) >= {"message", "thread", "customer", "identity", "place", "outbox"}
    answer = await until_erased(outside, added.customerid)
    assert answer == {"customer_id": str(added.customerid), "state": "erased", "others": []}
    assert list(tables_with(database_url, CANARY)) == []
    # What another person's unreadable mail says of them stands in the stream until it is a month old.
    assert [one for one in await streams_with(nats_url, CANARY) if "message.received" not in one] == []
    assert len(await streams_with(nats_url, CANARY)) <= 1
    assert await dead_letters(outside) == 1
    assert [one async for one in verify(database_url, "local")] == []
    assert await threads_of(outside) == before
    kept = await outside.messages(theirs.threadid)
    assert [one["text"] for one in kept] == ["We have a question", ""]
    with psycopg.connect(database_url) as connection:
        [route] = connection.execute("select route from place where key = %s", [f"email:{BO.value}"]).fetchone() or ()
    assert route == {"to": BO.value, "cc": ["third@birds.example"]}


async def threads_of(outside: Any) -> dict[str, int]:
    return {one["id"]: len(await outside.messages(one["id"])) for one in await outside.threads()}
