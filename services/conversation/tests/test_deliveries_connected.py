from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from plugins.conversation_world import received, verified

from onethread.contracts.envelope import now
from onethread.contracts.ids import derived_id
from onethread.contracts.messages import Audience, Place
from onethread.contracts.replies import ReplyDelivered, ReplyFailed, ReplyOutcome, ReplyRequested

pytestmark = pytest.mark.connected
EMAIL = verified("email", "ana@pineandpaper.example")


async def reply(outside: Any, text: str = "re") -> ReplyRequested:
    added = await outside.hear(received("email", "hi", EMAIL))
    await outside.api.post(f"/api/v1/threads/{added.threadid}/messages", json={"text": text})
    return await request_of(outside, text)


async def request_of(outside: Any, text: str, attempt: int = 1) -> ReplyRequested:
    def found() -> ReplyRequested | None:
        return next((r for r in outside.requested if (r.data.text, r.data.attempt) == (text, attempt)), None)

    return await outside.wait(found)


async def tell(outside: Any, request: ReplyRequested, state: str, **data: Any) -> None:
    """As the gateway that was asked does."""
    data = {"attempt": request.data.attempt, **data}
    model = ReplyFailed if state == "failed" else ReplyDelivered
    outcome = ReplyOutcome(message_id=request.data.message_id, channel=request.data.channel, state=state, **data)
    event = model(
        id=derived_id(request.id, f"{state} {data}"), source="/gateway", workspaceid="local",
        threadid=request.threadid, data=outcome,
    )  # fmt: skip
    await outside.bus.publish(event)


async def delivery_when(outside: Any, request: ReplyRequested, state: str) -> dict[str, Any]:
    for _ in range(1_000):
        for message in await outside.messages(request.threadid):
            if message["id"] == str(request.data.message_id) and message["delivery"]["state"] == state:
                return message["delivery"]
        await asyncio.sleep(0.02)
    raise AssertionError(f"it did not become {state}")


async def test_a_reply_is_seen_at_last_and_nothing_goes_back_from_there(outside: Any) -> None:
    request = await reply(outside)
    for state in ("sent", "delivered", "seen"):
        await tell(outside, request, state)
        await delivery_when(outside, request, state)
    for state in ("delivered", "sent", "failed", "retrying"):
        await tell(outside, request, state, reason="late", external_id="<late@x>")
    await asyncio.sleep(0.5)
    assert (await delivery_when(outside, request, "seen"))["reason"] is None


async def test_a_reply_that_is_put_off_says_why_and_until_when_and_is_sent_in_the_end(outside: Any) -> None:
    request = await reply(outside)
    at = now() + timedelta(minutes=5)
    await tell(outside, request, "retrying", reason="The mail server puts it off: 451", retry_at=at)
    waiting = await delivery_when(outside, request, "retrying")
    assert waiting["reason"] == "The mail server puts it off: 451"
    assert waiting["retry_at"]
    await tell(outside, request, "sent")
    assert await delivery_when(outside, request, "sent") == {
        "state": "sent",
        "reason": None,
        "retry_at": None,
        "report": None,
    }


async def test_what_was_sent_may_come_back_and_then_stays_failed(outside: Any) -> None:
    request = await reply(outside)
    await tell(outside, request, "failed", reason="The mailbox does not exist (5.1.1)", attempt=None)
    await delivery_when(outside, request, "failed")
    await tell(outside, request, "sent", external_id="<ours@x>")
    await asyncio.sleep(0.5)
    failed = await delivery_when(outside, request, "failed")
    assert failed["reason"] == "The mailbox does not exist (5.1.1)"
    answer = await outside.hear(received("email", "about that", EMAIL, answers=["<ours@x>"]))
    assert answer.threadid == request.threadid


async def test_each_click_on_retry_is_one_more_attempt_at_the_same_message(outside: Any) -> None:
    request = await reply(outside)
    url = f"/api/v1/threads/{request.threadid}/messages/{request.data.message_id}/retry"
    too_soon = await outside.api.post(url)
    assert (too_soon.status_code, too_soon.json()["title"]) == (409, "It has not failed")
    await tell(outside, request, "failed", reason="550")
    await delivery_when(outside, request, "failed")
    once = {"Idempotency-Key": str(uuid4())}
    clicked = [await outside.api.post(url, headers=once) for _ in range(3)]
    assert [c.status_code for c in clicked] == [202, 202, 202]
    assert clicked[0].json()["delivery"] == {"state": "queued", "reason": None, "retry_at": None, "report": None}
    second = await request_of(outside, "re", attempt=2)
    assert (second.data.message_id, second.data.place) == (request.data.message_id, request.data.place)
    assert (second.id, second.sequence) != (request.id, request.sequence)
    await tell(outside, request, "sent")  # of the first attempt: too late to count
    await tell(outside, second, "failed", reason="550 again")
    await delivery_when(outside, request, "failed")
    assert (await outside.api.post(url)).status_code == 202
    third = await request_of(outside, "re", attempt=3)
    await tell(outside, third, "sent")
    await delivery_when(outside, request, "sent")
    assert [r.data.attempt for r in outside.requested] == [1, 2, 3]
    assert len(await outside.messages(request.threadid)) == 2


async def test_only_what_is_there_can_be_tried_again(outside: Any) -> None:
    request = await reply(outside)
    base = f"/api/v1/threads/{request.threadid}/messages"
    [customers, _] = await outside.messages(request.threadid)
    assert (await outside.api.post(f"{base}/{uuid4()}/retry")).status_code == 404
    assert (await outside.api.post(f"{base}/{customers['id']}/retry")).status_code == 409
    other = f"/api/v1/threads/{uuid4()}/messages/{request.data.message_id}/retry"
    assert (await outside.api.post(other)).status_code == 404


async def test_the_place_that_a_sending_made_is_where_the_next_reply_goes(outside: Any) -> None:
    request = await reply(outside)
    route = {"to": EMAIL.value, "message_id": "<ours@x>"}
    place = Place(key=request.data.place.key, audience=Audience(shared=False), route=route)
    await tell(outside, request, "sent", external_id="<ours@x>", place=place)
    await delivery_when(outside, request, "sent")
    await outside.api.post(f"/api/v1/threads/{request.threadid}/messages", json={"text": "and"})
    assert (await request_of(outside, "and")).data.place.route == route


async def test_teammates_who_look_are_shown_how_far_it_got(outside: Any) -> None:
    request = await reply(outside)
    reader = outside.app.state.stream.read("local", None)
    assert await anext(reader) == ": connected\n\n"
    await tell(outside, request, "sent")
    async for frame in reader:
        if frame.startswith("event: message.updated") and '"state": "sent"' in frame:
            break
    await reader.aclose()
