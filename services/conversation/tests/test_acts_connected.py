"""Split, move and merge of threads, and that each can be undone."""

from __future__ import annotations

import asyncio
import random
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from plugins.conversation_world import received, verified

pytestmark = pytest.mark.connected
EMAIL = verified("email", "ana@pineandpaper.example")
SLACK = verified("slack_user", "T/ana")
BOB = verified("email", "bob@elsewhere.example")


async def a_thread(driver: Any, *texts: str, kind: str = "email", **more: Any) -> tuple[str, list[str]]:
    """The ids of a thread of Ana's, where she said this on one channel, and of its messages."""
    rows = [await driver.hear(received(kind, text, EMAIL, **more)) for text in texts]
    return str(rows[-1]["thread_id"]), [str(row["id"]) for row in rows]


async def two_threads(driver: Any) -> tuple[str, list[str], str, list[str]]:
    """Two threads of Ana's, each with its messages; people have taken the second."""
    second, theirs = await a_thread(driver, "my chair", "it creaks", kind="widget")
    acted = await driver.post(f"threads/{second}/split", message_ids=theirs[1:])
    first = acted["thread"]["id"]
    row = await driver.hear(received("email", "my lamp", EMAIL))
    await driver.patch(
        f"threads/{second}", tags=["chair"], priority="high", agent="off", assignee=await driver.teammate()
    )
    return first, [theirs[1], str(row["id"])], second, theirs[:1]


async def refused(awaited: Any) -> tuple[int, str]:
    with pytest.raises(httpx.HTTPStatusError) as raised:
        await awaited
    response = raised.value.response
    return response.status_code, response.json()["title"]


async def undo(driver: Any, acted: dict[str, Any]) -> dict[str, Any]:
    return await driver.post(f"acts/{acted['act_id']}/undo")


async def test_a_split_makes_a_thread_of_the_same_customer_and_the_place_of_its_last_message_goes_along(
    driver: Any,
) -> None:
    thread, _ = await a_thread(driver, "my lamp", "is broken")
    _, more = await a_thread(driver, "and my chair", kind="widget")
    await driver.patch(f"threads/{thread}", tags=["vip"], priority="high", assignee=await driver.teammate())
    note = await driver.post(f"threads/{thread}/messages", text="two things", note=True)
    acted = await driver.post(f"threads/{thread}/split", message_ids=[*more, note["id"]], subject="The chair")
    new = acted["thread"]
    assert await driver.said(new["id"]) == ["and my chair", "two things"]
    assert await driver.said(thread) == ["my lamp", "is broken"]
    assert (new["tags"], new["priority"], new["status"]) == (["vip"], "high", "open")
    assert (new["previous_thread_id"], new["channel"]["kind"]) == (thread, "widget")
    assert new["last_message"]["text"] == "and my chair"
    old = (await driver.api.get(f"/api/v1/threads/{thread}")).json()
    assert (old["last_message"]["text"], old["channel"]["kind"]) == ("is broken", "email")
    assert old["customer"]["id"] == new["customer"]["id"]
    again = await driver.hear(received("widget", "it creaks", EMAIL))
    assert str(again["thread_id"]) == new["id"]
    await driver.check()


async def test_the_undo_of_a_split_leaves_no_trace(driver: Any) -> None:
    thread, ids = await a_thread(driver, "one", "two", "three")
    before = await driver.snapshot()
    acted = await driver.post(f"threads/{thread}/split", message_ids=ids[1:])
    assert (await undo(driver, acted))["undone"]
    after = await driver.snapshot()
    ended = after["threads"].pop(UUID(acted["thread"]["id"]))
    assert after == before
    assert (ended["status"], str(ended["merged_into_id"])) == ("closed", thread)
    await driver.check()


async def test_the_undo_of_a_move_leaves_no_trace(driver: Any) -> None:
    first, ids, second, _ = await two_threads(driver)
    before = await driver.snapshot()
    acted = await driver.post(f"threads/{first}/move", message_ids=ids[:1], to_thread_id=second)
    assert await driver.said(second) == ["my chair", "it creaks"]
    await undo(driver, acted)
    assert await driver.snapshot() == before
    await driver.check()


@pytest.mark.parametrize("closed", ["neither", "first", "second"])
async def test_the_undo_of_a_merge_of_threads_leaves_no_trace(driver: Any, closed: str) -> None:
    first, _, second, _ = await two_threads(driver)
    if closed != "neither":
        await driver.patch(f"threads/{first if closed == 'first' else second}", status="closed")
    before = await driver.snapshot()
    acted = await driver.post(f"threads/{first}/merge", other_thread_id=second)
    merged = acted["thread"]
    assert await driver.said(first) == ["my chair", "it creaks", "my lamp"]
    assert (merged["status"], merged["agent"], merged["priority"], merged["tags"]) == ("open", "off", "high", ["chair"])
    gone = await driver.thread(second)
    assert (gone["status"], str(gone["merged_into_id"])) == ("closed", first)
    await driver.check()
    await undo(driver, acted)
    assert await driver.snapshot() == before
    await driver.check()


async def test_who_waits_is_as_before_when_a_merge_is_undone(driver: Any) -> None:
    first, _, second, _ = await two_threads(driver)
    await driver.hear(received("widget", "hello?", EMAIL, thread_token=second))
    assert (await driver.thread(second))["waiting_since"] is not None
    before = await driver.snapshot()
    for kept, absorbed in ((first, second), (second, first)):
        acted = await driver.post(f"threads/{kept}/merge", other_thread_id=absorbed)
        assert acted["thread"]["waiting_since"] is not None
        await undo(driver, acted)
        assert await driver.snapshot() == before


async def test_what_was_done_since_a_merge_of_threads_stays_when_it_is_undone(driver: Any) -> None:
    first, _, second, _ = await two_threads(driver)
    await driver.patch(f"threads/{first}", tags=["lamp"], status="closed")
    acted = await driver.post(f"threads/{first}/merge", other_thread_id=second)
    assert acted["thread"]["tags"] == ["chair", "lamp"]
    since = await driver.hear(received("email", "and now?", EMAIL))
    assert str(since["thread_id"]) == first
    await driver.patch(f"threads/{first}", tags=["chair", "lamp", "urgent"], priority="urgent")
    await undo(driver, acted)
    assert await driver.said(first) == ["it creaks", "my lamp", "and now?"]
    assert await driver.said(second) == ["my chair"]
    kept, parted = await driver.thread(first), await driver.thread(second)
    assert (kept["tags"], kept["priority"]) == (["lamp", "urgent"], "urgent")
    assert (kept["agent"], kept["assignee_id"]) == ("active", None)
    assert kept["status"] == "open", "the customer wrote since, so that it is not closed again"
    assert (parted["tags"], parted["status"], parted["agent"]) == (["chair"], "open", "off")
    await driver.check()


async def test_what_was_said_in_a_split_thread_goes_back_with_it(driver: Any) -> None:
    thread, ids = await a_thread(driver, "one", "two")
    acted = await driver.post(f"threads/{thread}/split", message_ids=ids[1:])
    await driver.patch(f"threads/{thread}", status="closed")
    await driver.hear(received("email", "three", EMAIL))
    await driver.post(f"threads/{acted['thread']['id']}/messages", text="answer")
    await undo(driver, acted)
    assert await driver.said(thread) == ["one", "two", "three", "answer"]
    assert (await driver.thread(thread))["status"] == "open"
    await driver.check()


async def test_an_act_is_undone_once_and_after_those_that_build_on_it(driver: Any) -> None:
    thread, ids = await a_thread(driver, "one", "two", "three")
    split = await driver.post(f"threads/{thread}/split", message_ids=ids[1:])
    back = await driver.post(f"threads/{split['thread']['id']}/move", message_ids=ids[2:], to_thread_id=thread)
    assert await refused(undo(driver, split)) == (409, "A later act rearranged these messages again")
    await undo(driver, back)
    await undo(driver, split)
    assert await refused(undo(driver, split)) == (409, "This was undone before")
    assert await driver.said(thread) == ["one", "two", "three"]
    act = (await driver.api.get(f"/api/v1/acts/{split['act_id']}")).json()
    assert (act["kind"], act["messages"], act["undone"]["by"]) == ("split", 2, "API")


async def test_what_makes_no_sense_is_refused_in_words_and_changes_nothing(driver: Any) -> None:
    thread, ids = await a_thread(driver, "one", "two")
    note = await driver.post(f"threads/{thread}/messages", text="a note", note=True)
    bobs = await driver.hear(received("email", "bob", BOB))
    bobs_thread, bobs_message = str(bobs["thread_id"]), str(bobs["id"])
    before = await driver.snapshot()
    split, move = f"threads/{thread}/split", f"threads/{thread}/move"
    nothing_left, strangers = "Nothing would stay in the thread", "The threads belong to two customers"
    assert (await refused(driver.post(split, message_ids=[])))[0] == 422
    assert await refused(driver.post(split, message_ids=ids)) == (409, nothing_left)
    assert await refused(driver.post(split, message_ids=[note["id"]])) == (422, "Only notes were chosen")
    not_here = (409, "Some of these messages are not in this thread")
    assert await refused(driver.post(split, message_ids=[bobs_message])) == not_here
    assert await refused(driver.post(split, message_ids=[ids[0], str(uuid4())])) == not_here
    assert await refused(driver.post(move, message_ids=ids[:1], to_thread_id=bobs_thread)) == (409, strangers)
    assert await refused(driver.post(f"threads/{thread}/merge", other_thread_id=bobs_thread)) == (409, strangers)
    assert (await refused(driver.post(f"threads/{thread}/merge", other_thread_id=thread)))[0] == 422
    for path in (f"threads/{uuid4()}/merge", f"threads/{thread}/merge"):
        assert (await refused(driver.post(path, other_thread_id=str(uuid4()))))[0] == 404
    assert (await refused(driver.post(f"acts/{uuid4()}/undo")))[0] == 404
    assert await driver.snapshot() == before


async def test_a_thread_that_was_merged_away_is_not_acted_on(driver: Any) -> None:
    first, ids, second, _ = await two_threads(driver)
    await driver.post(f"threads/{first}/merge", other_thread_id=second)
    merged = (409, "This thread was merged into another")
    assert await refused(driver.post(f"threads/{second}/merge", other_thread_id=first)) == merged
    assert await refused(driver.post(f"threads/{first}/move", message_ids=ids[:1], to_thread_id=second)) == merged
    assert await refused(driver.post(f"threads/{second}/messages", text="hello?")) == merged
    assert await refused(driver.patch(f"threads/{second}", status="open")) == merged


async def test_a_lost_update_is_refused_and_a_repeated_request_makes_one_act(driver: Any) -> None:
    thread, ids = await a_thread(driver, "one", "two", "three")
    path, body = f"/api/v1/threads/{thread}/split", {"message_ids": ids[2:]}
    version = (await driver.thread(thread))["version"]
    stale = await driver.api.post(path, json=body, headers={"If-Match": f'"{version + 1}"'})
    assert stale.status_code == 412
    headers = {"If-Match": f'"{version}"', "Idempotency-Key": "k1"}
    first = await driver.api.post(path, json=body, headers=headers)
    assert (first.status_code, first.headers["etag"]) == (201, f'"{first.json()["thread"]["version"]}"')
    again = await driver.api.post(path, json=body, headers=headers)
    assert again.json()["act_id"] == first.json()["act_id"]
    assert await driver.rows("select count(*) as acts from act") == [{"acts": 1}]


async def test_an_answer_to_a_message_lands_where_that_message_stands_now(driver: Any) -> None:
    thread, _ = await a_thread(driver, "my lamp")
    reply = await driver.post(f"threads/{thread}/messages", text="and your chair?")
    await driver.delivered(reply["id"], "<reply@shop>")
    acted = await driver.post(f"threads/{thread}/split", message_ids=[reply["id"]])
    new = acted["thread"]["id"]
    await driver.post(f"threads/{thread}/messages", text="your lamp comes")
    by_id = await driver.hear(received("email", "it creaks", EMAIL, answers=["<reply@shop>"], thread_token=thread))
    assert str(by_id["thread_id"]) == new
    await undo(driver, acted)
    by_id = await driver.hear(received("email", "thanks", EMAIL, answers=["<reply@shop>"], thread_token=new))
    assert str(by_id["thread_id"]) == thread


async def test_a_reply_token_of_a_thread_that_was_merged_leads_to_the_one_that_holds_its_messages(driver: Any) -> None:
    first, _, second, _ = await two_threads(driver)
    acted = await driver.post(f"threads/{first}/merge", other_thread_id=second)
    by_token = await driver.hear(received("email", "by token", EMAIL, thread_token=second))
    assert str(by_token["thread_id"]) == first
    await undo(driver, acted)
    by_token = await driver.hear(received("email", "again", EMAIL, thread_token=second))
    assert str(by_token["thread_id"]) == second


async def test_a_slack_thread_goes_with_its_last_message(driver: Any) -> None:
    said = [
        await driver.hear(received("slack", text, SLACK, EMAIL, place=f"slack:C1:{where}", shared="#acme"))
        for text, where in (("lamp", "1"), ("chair", "2"), ("broken", "1"), ("creaks", "2"))
    ]
    thread = str(said[0]["thread_id"])
    chosen = [str(row["id"]) for row in said if row["place_key"] == "slack:C1:2"]
    acted = await driver.post(f"threads/{thread}/split", message_ids=chosen)
    in_new = await driver.hear(received("slack", "a lot", SLACK, EMAIL, place="slack:C1:2", shared="#acme"))
    in_old = await driver.hear(received("slack", "very", SLACK, EMAIL, place="slack:C1:1", shared="#acme"))
    assert (str(in_new["thread_id"]), str(in_old["thread_id"])) == (acted["thread"]["id"], thread)
    await undo(driver, acted)
    back = await driver.hear(received("slack", "really", SLACK, EMAIL, place="slack:C1:2", shared="#acme"))
    assert str(back["thread_id"]) == thread
    assert await driver.said(thread) == ["lamp", "chair", "broken", "creaks", "a lot", "very", "really"]


async def test_two_teammates_rearrange_while_messages_pour_in_and_none_is_lost(driver: Any) -> None:
    """Acts that came too late are refused; whatever happens, each message stands in one thread."""
    await a_thread(driver, "first")
    chance = random.Random(11)
    tries: list[int] = []
    undone: list[int] = []

    async def customer(kind: str) -> None:
        for n in range(25):
            await driver.hear(received(kind, f"{kind} {n:02}", EMAIL))

    async def teammate() -> None:
        """Until somebody's act was taken back: on a busy machine most of them come too late."""
        acts: list[str] = []
        while len(tries) < 30 or (not undone and len(tries) < 300):
            tries.append(1)
            threads = [row["id"] for row in await driver.rows("select id from thread where merged_into_id is null")]
            thread = chance.choice(threads)
            messages = await driver.rows("select id from message where thread_id = %s", thread)
            ids = [str(row["id"]) for row in messages if chance.random() < 0.5]
            path, body = chance.choice(
                [
                    (f"threads/{thread}/split", {"message_ids": ids}),
                    (f"threads/{thread}/move", {"message_ids": ids, "to_thread_id": str(chance.choice(threads))}),
                    (f"threads/{thread}/merge", {"other_thread_id": str(chance.choice(threads))}),
                    (
                        f"acts/{acts[-1]}/undo" if acts else f"threads/{thread}/split",
                        {} if acts else {"message_ids": ids},
                    ),
                ]
            )
            answer = await driver.api.post(f"/api/v1/{path}", json=body)
            assert answer.status_code in {200, 201, 409, 422}, answer.text
            undone.extend([1] if path.endswith("undo") and answer.is_success else [])
            acts += [answer.json()["act_id"]] if "act_id" in answer.json() and answer.is_success else []

    await asyncio.gather(teammate(), teammate(), *(customer(kind) for kind in ("widget", "email", "slack")))
    texts = [row["text"] for row in await driver.rows("select text from message order by position")]
    assert len(texts) == len(set(texts)) == 76
    for kind in ("widget", "email", "slack"):
        own = [text for text in texts if text.startswith(kind)]
        assert own == sorted(own)
    acts = await driver.rows("select count(*) as acts, count(undone_at) as undone from act")
    assert acts[0]["acts"] > acts[0]["undone"] > 0
    await driver.check()


async def test_a_thread_of_5000_messages_is_merged_and_parted_in_no_time(driver: Any) -> None:
    first, _, second, _ = await two_threads(driver)
    await driver.rows(
        """insert into message (id, workspace_id, thread_id, customer_id, sequence, position, note, channel_id,
                channel_kind, place_key, shared, author_kind, text, attachments, sources, created_at)
            select gen_random_uuid(), workspace_id, thread_id, customer_id, sequence, position - n, note, channel_id,
                channel_kind, place_key, shared, author_kind, text, attachments, sources, created_at
            from message, generate_series(1, 4999) n where thread_id = %s returning id""",
        second,
    )
    began = perf_counter()
    acted = await driver.post(f"threads/{first}/merge", other_thread_id=second)
    merged = perf_counter()
    await undo(driver, acted)
    assert merged - began < 10
    assert perf_counter() - merged < 10
    assert len(await driver.said(second)) == 5000
    [told] = await driver.rows(
        "select length(body) as bytes from outbox where body like '%%thread.merged%%' order by 1 desc limit 1"
    )
    assert told["bytes"] < 1_000_000
