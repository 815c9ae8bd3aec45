from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import nats
import psycopg
import pytest
from plugins.conversation_world import asserted, received, running, verified
from plugins.event_log import ANA as BO
from psycopg import sql

from onethread.contracts.ids import derived_id, lane
from onethread.contracts.replies import ReplyDelivered, ReplyOutcome
from onethread.contracts.streams import DEAD, EVENTS
from onethread.conversation.reconcile import reconcile
from onethread.conversation.replay import verify
from onethread.conversation.settings import ConversationSettings

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


async def until_erased(outside: Any, customer_id: Any) -> dict[str, Any]:
    async def is_done() -> Any:
        answer = await outside.api.post(f"/api/v1/customers/{customer_id}/erase")
        assert answer.status_code == 202, answer.text
        return answer.json() if answer.json()["state"] == "erased" else None

    return await eventually(is_done)


async def eventually(find: Any, seconds: float = 20) -> Any:
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


async def test_who_writes_again_is_somebody_new_and_what_was_erased_stays_so(outside: Any, database_url: str) -> None:
    outside.app.state.forgetting.pause = 0.1
    first = await outside.hear(received("email", f"I am {CANARY}", EMAIL, thread_token=None))
    await until_erased(outside, first.customerid)
    url = f"/api/v1/customers/{first.customerid}"
    assert (await outside.api.get(url)).json()["erased_at"]
    for refused in (
        outside.api.patch(url, json={"name": "Again"}),
        outside.api.post(f"{url}/merge", json={"other_id": str(first.customerid)}),
    ):
        assert (await refused).status_code == 409
    again = await outside.hear(received("email", "It is me", EMAIL, thread_token=first.threadid))
    assert again.customerid != first.customerid
    assert again.threadid != first.threadid
    assert [one["text"] for one in await outside.messages(first.threadid)] == [""]
    answer = await until_erased(outside, first.customerid)
    assert answer["state"] == "erased"
    assert [one["text"] for one in await outside.messages(again.threadid)] == ["It is me"]
    assert [one async for one in verify(database_url, "local")] == []


async def test_all_who_were_found_to_be_one_person_are_erased_together(outside: Any, database_url: str) -> None:
    outside.app.state.forgetting.pause = 0.1
    one = await outside.hear(received("email", f"{CANARY} by mail", EMAIL))
    other = await outside.hear(received("slack", f"{CANARY} on Slack", SLACK[0]))
    body = {"other_id": str(other.customerid), "reason": f"{CANARY} said so"}
    await outside.api.post(f"/api/v1/customers/{one.customerid}/merge", json=body)
    answer = await until_erased(outside, other.customerid)
    assert answer["customer_id"] == str(one.customerid)
    assert list(tables_with(database_url, CANARY)) == []
    assert [one async for one in verify(database_url, "local")] == []


async def test_whoever_only_says_that_the_address_is_theirs_is_left_and_named(outside: Any, nats_url: str) -> None:
    outside.app.state.forgetting.pause = 0.1
    proven = await outside.hear(received("email", "proven", EMAIL))
    claims = await outside.hear(received("email", "only says so", asserted("email", EMAIL.value)))
    answer = await outside.api.post(f"/api/v1/customers/{proven.customerid}/erase")
    assert answer.json()["others"] == [str(claims.customerid)]
    await until_erased(outside, proven.customerid)
    assert [one["text"] for one in await outside.messages(claims.threadid)] == ["only says so"]
    identities = (await outside.api.get(f"/api/v1/customers/{claims.customerid}")).json()["identities"]
    assert [one["value"] for one in identities] == [EMAIL.value]


async def test_the_same_address_in_another_workspace_is_not_touched(outside: Any, database_url: str) -> None:
    outside.app.state.forgetting.pause = 0.1
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("insert into workspace (id, name, created_at) values ('beta', 'Beta', now())")
    ours = await outside.hear(received("email", "ours", EMAIL))
    event = received("email", "theirs", EMAIL)
    theirs = await outside.hear(event.model_copy(update={"workspaceid": "beta"}))
    await until_erased(outside, ours.customerid)
    with psycopg.connect(database_url) as connection:
        query = "select m.text, i.value from message m, identity i where m.thread_id = %s and i.workspace_id = 'beta'"
        assert connection.execute(query, [theirs.threadid]).fetchall() == [("theirs", EMAIL.value)]
    state = await outside.bus.js.stream_info(EVENTS.name, subjects_filter="ot.beta.>")
    assert sum((state.state.subjects or {}).values()) == 4
    refused = await outside.api.post(f"/api/v1/customers/{theirs.customerid}/erase")
    assert refused.status_code == 404


async def test_an_erasing_that_was_interrupted_is_finished_at_the_next_start(
    outside: Any, database_url: str, nats_url: str
) -> None:
    outside.app.state.forgetting.pause = 30
    added = await outside.hear(received("email", f"I am {CANARY}", EMAIL))
    assert (await outside.api.post(f"/api/v1/customers/{added.customerid}/erase")).json()["state"] == "erasing"
    await outside.app.state.forgetting.stop()
    async with running(nats_url, database_url) as again:
        again.state.forgetting.pause = 0.1

        async def is_done() -> bool:
            return "erasure" not in tables_with(database_url, EMAIL.value)

        await eventually(is_done)
    assert list(tables_with(database_url, CANARY)) == []
    assert await streams_with(nats_url, CANARY) == []


async def test_the_stream_gets_what_is_left_of_the_events_and_never_their_words_again(
    outside: Any, database_url: str, nats_url: str
) -> None:
    outside.app.state.forgetting.pause = 0.1
    config = (await outside.bus.js.stream_info(EVENTS.name)).config
    config.duplicate_window = 0.1  # as if two minutes had passed since the events were published
    await outside.bus.js.update_stream(config)
    added = await a_customer_everywhere(outside)
    await until_erased(outside, added.customerid)
    settings = ConversationSettings(nats_url=nats_url, database_url=database_url, api_key="key", admin_password="pw")
    await reconcile(settings)
    assert await streams_with(nats_url, CANARY) == []
    told = {one["id"]: one for one in await told_in(nats_url)}
    with psycopg.connect(database_url) as connection:
        log = connection.execute("select id, body from outbox").fetchall()
    assert {str(id_): json.loads(body) for id_, body in log} == {str(id_): told.get(str(id_)) for id_, _ in log}


async def told_in(nats_url: str) -> list[Any]:
    connection = await nats.connect(nats_url)
    js = connection.jetstream()
    state = (await js.stream_info(EVENTS.name)).state
    found: list[Any] = []
    for sequence in range(max(state.first_seq, 1), state.last_seq + 1):
        try:
            found.append(json.loads((await js.get_msg(EVENTS.name, sequence)).data or b"{}"))
        except nats.js.errors.NotFoundError:
            continue
    await connection.close()
    return found


async def test_the_export_holds_everything_about_the_customer_and_is_for_administrators(
    outside: Any, database_url: str
) -> None:
    added = await a_customer_everywhere(outside)
    await a_guest_in_anothers_thread(outside)
    url = f"/api/v1/customers/{added.customerid}/export"
    answer = await outside.api.post(url)
    assert answer.status_code == 200
    assert "attachment" in answer.headers["content-disposition"]
    taken = answer.json()
    assert taken["customer"]["attributes"] == {"pet": CANARY}
    assert {one["value"] for one in taken["customer"]["identities"]} >= {EMAIL.value, "zyxwv-17", "T/UZYXWV"}
    texts = [one["text"] for one in taken["messages"]]
    assert texts[:3] == [f"I am {CANARY}", f"{CANARY} in the chat", f"{CANARY} on Slack"]
    assert [one["text"] for one in taken["messages"] if one["note"]] == [f"{CANARY} is a VIP"]
    assert [one["text"] for one in taken["messages_in_threads_of_others"]] == [f"{CANARY} adds"]
    assert "We have a question" not in answer.text
    assert "customer.exported" in {one["action"] for one in taken["audit"]}
    made = await outside.api.post("/api/v1/api-keys", json={"name": "x", "scopes": ["read", "write"]})
    key = {"Authorization": f"Bearer {made.json()['key']}"}
    for path in (url, url.replace("export", "erase")):
        assert (await outside.api.post(path, headers=key)).status_code == 403
    assert (await outside.api.post(f"/api/v1/customers/{uuid4()}/export")).status_code == 404
