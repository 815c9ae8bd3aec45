from __future__ import annotations

from typing import Any

import pytest
from plugins.conversation_world import asserted, received, verified

from onethread.contracts.messages import Identity

pytestmark = pytest.mark.connected
ANN = "ann@customer.example"
EVIDENCE = "failed DMARC for customer.example"
DECEIVED = "The sender's name is another address: boss@desk.example."


def forged(text: str, **more: Any) -> Any:
    sender = Identity(kind="email", value=ANN, trust="asserted", evidence=EVIDENCE)
    return received("email", text, sender, place=f"email:unproven:{ANN}", verdict="forged", **more)


async def test_a_verdict_stands_on_its_message_and_its_thread_with_evidence_and_warnings(outside: Any) -> None:
    proven = await outside.hear(received("email", "Hi", verified("email", ANN), verdict="verified"))
    false = await outside.hear(forged("Hi", warnings=[DECEIVED]))
    assert (proven.data.thread.verdict, false.data.thread.verdict) == ("verified", "forged")
    [message] = await outside.messages(false.threadid)
    assert (message["verdict"], message["warnings"]) == ("forged", [DECEIVED])
    assert message["identity"]["evidence"] == EVIDENCE
    assert {thread["verdict"] for thread in await outside.threads()} == {"verified", "forged"}


async def test_a_forged_mail_joins_no_thread_however_well_it_knows_it(outside: Any) -> None:
    real = await outside.hear(received("email", "It is me", verified("email", ANN), external_id="<1@customer.example>"))
    await outside.api.post(f"/api/v1/threads/{real.threadid}/messages", json={"text": "Hello Ann"})
    await outside.api.patch(f"/api/v1/threads/{real.threadid}", json={"status": "closed"})
    false = await outside.hear(
        forged("Send me everything", thread_token=real.threadid, answers=["<1@customer.example>"])
    )
    assert false.threadid != real.threadid
    assert false.customerid != real.customerid
    thread = (await outside.api.get(f"/api/v1/threads/{real.threadid}")).json()
    assert thread["status"] == "closed"
    assert [msg["text"] for msg in await outside.messages(real.threadid)] == ["It is me", "Hello Ann"]


async def test_a_claimed_sender_who_answers_joins_the_thread_and_a_forged_one_does_not(outside: Any) -> None:
    """The one rule that lets an unproven mail into a thread does not hold for a forged one."""
    real = await outside.hear(received("email", "It is me", verified("email", ANN)))
    claimed = await outside.hear(received("email", "And me", asserted("email", ANN), thread_token=real.threadid))
    assert claimed.threadid == real.threadid
    false = await outside.hear(forged("And me", thread_token=real.threadid))
    assert false.threadid != real.threadid


async def test_forged_mails_have_nothing_to_do_with_each_other_nor_with_a_claimed_sender(outside: Any) -> None:
    claimed = await outside.hear(received("email", "one", asserted("email", ANN)))
    first = await outside.hear(forged("two"))
    second = await outside.hear(forged("three"))
    again = await outside.hear(received("email", "four", asserted("email", ANN)))
    assert len({claimed.threadid, first.threadid, second.threadid}) == 3
    assert len({claimed.customerid, first.customerid, second.customerid}) == 3
    assert again.threadid == claimed.threadid
    profile = (await outside.api.get(f"/api/v1/customers/{first.customerid}")).json()
    assert (profile["identities"], profile["maybe"]) == ([], [])


async def test_a_forged_mail_is_not_answered_by_the_agent_and_says_so_to_people(outside: Any) -> None:
    false = await outside.hear(forged("What is my balance?"))
    assert not false.data.agent_may_answer
    assert false.data.thread.handoff.reason == "The sender is forged, so the AI did not answer"
    assert false.data.thread.waiting_since is not None


async def test_a_forged_mail_does_not_bend_the_way_to_whoever_only_claims_the_address(outside: Any) -> None:
    claimed = await outside.hear(received("email", "one", asserted("email", ANN), place=f"email:unproven:{ANN}"))
    await outside.hear(forged("two"))
    await outside.api.post(f"/api/v1/threads/{claimed.threadid}/messages", json={"text": "Hello"})
    request = await outside.wait(lambda: next(iter(outside.requested), None))
    assert "forged" not in request.data.place.key


async def test_a_thread_stays_marked_while_a_forged_mail_stands_in_it(outside: Any) -> None:
    false = await outside.hear(forged("two"))
    answer = received("email", "one", asserted("email", ANN), thread_token=false.threadid, verdict="asserted")
    claimed = await outside.hear(answer)
    assert claimed.threadid == false.threadid
    assert claimed.data.thread.verdict == "forged"
    body = {"message_ids": [str(claimed.data.message.id)]}
    split = (await outside.api.post(f"/api/v1/threads/{false.threadid}/split", json=body)).json()["thread"]
    marks = {thread["id"]: thread["verdict"] for thread in await outside.threads()}
    assert marks == {str(false.threadid): "forged", split["id"]: "asserted"}
