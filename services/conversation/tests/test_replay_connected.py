from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import psycopg
import pytest
from plugins.conversation_world import received, verified
from plugins.event_log import ANA, SIGNED_IN, all_kinds_of_traffic

from onethread.conversation.replay import verify

pytestmark = pytest.mark.connected


async def differences(database_url: str) -> list[str]:
    return [one async for one in verify(database_url, "local")]


async def test_the_tables_hold_what_follows_from_the_log(outside: Any, database_url: str) -> None:
    await all_kinds_of_traffic(outside)
    assert await differences(database_url) == []


async def test_a_change_that_the_log_does_not_know_is_named(outside: Any, database_url: str) -> None:
    added = await outside.hear(received("email", "How long?", ANA))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update thread set priority = 'urgent'")
        connection.execute("update message set text = 'How short?'")
        connection.execute("update customer set name = 'Somebody Else'")
    found = "\n".join(await differences(database_url))
    assert f"thread {added.threadid}: priority is urgent in the table and normal by the log" in found
    assert f"message {added.data.message.id}: text is How short? in the table and How long? by the log" in found
    assert "name is Somebody Else in the table and None by the log" in found


async def test_splits_moves_and_merges_and_their_undoing_are_in_the_log(outside: Any, database_url: str) -> None:
    first = await outside.hear(received("email", "one", ANA))
    second = await outside.hear(received("email", "two", ANA))
    await outside.hear(received("widget", "three", *SIGNED_IN))
    url = f"/api/v1/threads/{first.threadid}"
    split = (await outside.api.post(f"{url}/split", json={"message_ids": [str(second.data.message.id)]})).json()
    assert await differences(database_url) == []
    await outside.api.post(f"{url}/merge", json={"other_thread_id": split["thread"]["id"]})
    assert await differences(database_url) == []
    for act in (await outside.api.get(f"/api/v1/customers/{first.customerid}")).json()["merges"]:
        await outside.api.post(f"/api/v1/acts/{act['act_id']}/undo")
    assert await differences(database_url) == []


async def test_merged_and_parted_customers_are_in_the_log(outside: Any, database_url: str) -> None:
    ana = await outside.hear(received("email", "by mail", ANA, name="Ana"))
    bo = await outside.hear(received("slack", "on Slack", verified("slack_user", "T/bo"), name="Bo"))
    url = f"/api/v1/customers/{ana.customerid}"
    merged = (await outside.api.post(f"{url}/merge", json={"other_id": str(bo.customerid)})).json()
    assert await differences(database_url) == []
    await outside.hear(received("slack", "as Bo", verified("slack_user", "T/bo"), name="Bo"))
    await outside.api.patch(url, json={"language": "es", "attributes": {"plan": "gold"}})
    assert await differences(database_url) == []
    answer = await outside.api.post(f"{url}/unmerge", json={"act_id": merged["act_id"]})
    assert answer.status_code == 200, answer.text
    assert await differences(database_url) == []


async def test_an_identity_that_is_unlinked_and_linked_again_is_in_the_log(outside: Any, database_url: str) -> None:
    await outside.hear(received("widget", "in the chat", *SIGNED_IN, name="Ana"))
    added = await outside.hear(received("email", "by mail", ANA))
    url = f"/api/v1/customers/{added.customerid}"
    identities = (await outside.api.get(url)).json()["identities"]
    email = next(one["id"] for one in identities if one["kind"] == "email")
    parted = (await outside.api.post(f"{url}/unlink", json={"identity_id": email})).json()
    assert await differences(database_url) == []
    await outside.hear(received("email", "again", ANA))
    answer = await outside.api.post(f"/api/v1/acts/{parted['act_id']}/undo")
    assert answer.status_code == 200, answer.text
    assert await differences(database_url) == []


async def test_the_commands_say_what_they_found_and_fail_on_a_difference(
    outside: Any, database_url: str, nats_url: str
) -> None:
    await outside.hear(received("email", "How long?", ANA))
    code, said = await run("replay", database_url, nats_url)
    assert (code, said) == (0, "The tables hold what follows from the event log.\n")
    code, said = await run("reconcile", database_url, nats_url)
    assert (code, said) == (0, "The stream holds the log.\n")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("update thread set priority = 'urgent'")
    code, said = await run("replay", database_url, nats_url)
    assert code == 1
    assert "priority is urgent in the table and normal by the log" in said
    assert "differ in 1 places. Nothing was changed." in said


async def run(command: str, database_url: str, nats_url: str) -> tuple[int | None, str]:
    ours = {
        "DATABASE_URL": database_url,
        "NATS_URL": nats_url,
        "ONETHREAD_API_KEY": "k",
        "ONETHREAD_ADMIN_PASSWORD": "p",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", f"onethread.conversation.{command}", env=os.environ | ours,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()
