"""Draft and shadow: what the agent writes for teammates alone, and what becomes of it."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from plugins.conversation_world import asserted, received, verified

from onethread.contracts.messages import Source
from onethread.conversation.replay import verify

pytestmark = pytest.mark.connected
EMAIL = verified("email", "ana@pineandpaper.example")
SLACK = verified("slack_user", "T/ana")
SOURCE = Source(title="Delivery", url="https://x.example/d", document_id="d", score=0.9)


def mail(text: str, **more: Any) -> Any:
    return received("email", text, EMAIL, **more)


async def a_draft(driver: Any, text: str = "Three days.", **more: Any) -> dict[str, Any]:
    await driver.agent(modes={"email": "draft"})
    return await driver.propose(await driver.hear(mail("How long?")), text, **more)


async def drafts(driver: Any, thread_id: Any, state: str = "open") -> list[dict[str, Any]]:
    answer = await driver.api.get(f"/api/v1/threads/{thread_id}/proposals", params={"state": state})
    return answer.json()["items"]


async def refusal(asked: Any) -> tuple[int, str]:
    with pytest.raises(httpx.HTTPStatusError) as refused:
        await asked
    return refused.value.response.status_code, refused.value.response.json()["title"]


async def thread_of(driver: Any, proposal: dict[str, Any]) -> Any:
    return (await driver.message(proposal["question_id"]))["thread_id"]


async def test_in_draft_mode_the_agent_writes_for_the_teammate_and_the_customer_waits_at_once(driver: Any) -> None:
    await driver.agent(modes={"email": "draft"})
    question = await driver.hear(mail("How long?"))
    asked = await driver.asked(question)
    assert (asked.agent_may_answer, asked.agent_mode) == (True, "draft")
    assert asked.thread.waiting_since
    await driver.propose(question, "Three days.", sources=[SOURCE], reason="An article answers it", topic="Delivery")
    assert await driver.said(question["thread_id"]) == ["How long?"]
    [draft] = await drafts(driver, question["thread_id"])
    assert (draft["text"], draft["sources"][0]["title"], draft["confidence"]) == ("Three days.", "Delivery", 0.9)
    assert (draft["mode"], draft["topic"], draft["reason"]) == ("draft", "Delivery", "An article answers it")
    detail = (await driver.api.get(f"/api/v1/threads/{question['thread_id']}")).json()
    assert (detail["agent_mode"], bool(detail["waiting_since"])) == ("draft", True)


async def test_a_teammate_who_answers_or_takes_the_thread_does_not_end_drafting(driver: Any) -> None:
    draft = await a_draft(driver)
    thread_id = await thread_of(driver, draft)
    await driver.post(f"threads/{thread_id}/messages", text="Two to four days.")
    await driver.patch(f"threads/{thread_id}", assignee=await driver.teammate())
    question = await driver.hear(mail("And to Lisbon?"))
    assert (await driver.asked(question)).agent_mode == "draft"
    assert (await driver.propose(question, "Five days."))["state"] == "open"
    await driver.patch(f"threads/{thread_id}", agent="off")
    assert not (await driver.asked(await driver.hear(mail("Hello?")))).agent_may_answer


async def test_in_shadow_nobody_sees_what_it_writes_though_it_writes_on_every_thread(driver: Any) -> None:
    await driver.agent(modes={"email": "shadow"})
    question = await driver.hear(mail("How long?"))
    before = await driver.thread(question["thread_id"])
    assert before["waiting_since"]
    proposal = await driver.propose(question, "I hand over", "handoff", handoff="unsure", tags=["unsure"])
    assert (proposal["state"], proposal["mode"], proposal["tags"]) == ("silent", "shadow", ["unsure"])
    assert await driver.thread(question["thread_id"]) == before
    await driver.post(f"threads/{question['thread_id']}/messages", text="Three days.")
    following = await driver.hear(mail("And to Lisbon?"))
    assert (await driver.asked(following)).agent_mode == "shadow"
    assert (await driver.propose(following, "Five days."))["state"] == "silent"
    assert await drafts(driver, question["thread_id"]) == []


async def test_switched_off_on_a_channel_it_is_not_asked_there_and_the_customer_waits(driver: Any) -> None:
    await driver.agent(modes={"email-local": "off"})
    question = await driver.hear(mail("How long?"))
    asked = await driver.asked(question)
    assert (asked.agent_may_answer, asked.agent_mode) == (False, "off")
    assert asked.thread.waiting_since
    elsewhere = await driver.hear(received("slack", "How long?", verified("slack_user", "T/bo")))
    assert (await driver.asked(elsewhere)).agent_mode == "auto"
    assert (await driver.thread(elsewhere["thread_id"]))["waiting_since"] is None


async def test_it_drafts_nothing_for_machines_and_for_whoever_proves_nothing(driver: Any) -> None:
    await driver.agent(modes={"email": "draft"})
    machine = await driver.hear(mail("I am out of office", automatic=True))
    forged = await driver.hear(received("email", "It is me", asserted("email", "bo@x.example")))
    assert [(await driver.asked(one)).agent_mode for one in (machine, forged)] == ["off", "off"]


async def test_a_message_that_is_only_a_file_is_the_agents_to_hand_over(driver: Any) -> None:
    picture = {"name": "lamp.jpg", "type": "image/jpeg", "size": 1, "sha256": "0" * 64}
    question = await driver.hear(mail("", attachments=[picture]))
    assert (await driver.asked(question)).agent_may_answer
    nothing = await driver.asked(await driver.hear(mail("")))
    assert not nothing.agent_may_answer
    assert nothing.thread.waiting_since


async def test_a_draft_that_is_used_goes_out_as_it_is_in_the_teammates_name(driver: Any) -> None:
    draft = await a_draft(driver, sources=[SOURCE])
    message = await driver.post(f"proposals/{draft['id']}/use")
    assert (message["text"], message["author"]["kind"], message["delivery"]["state"]) == (
        "Three days.", "teammate", "queued",
    )  # fmt: skip
    used = await driver.proposal(draft["id"])
    assert (used["state"], str(used["reply_id"]), used["by_name"], used["likeness"]) == (
        "used",
        message["id"],
        "API",
        1,
    )
    assert (await driver.thread(message["thread_id"]))["waiting_since"] is None
    [requested] = await driver.rows("select body::jsonb as body from outbox where type like '%%reply.requested%%'")
    assert requested["body"]["data"]["text"] == "Three days."
    assert requested["body"]["data"]["sources"] == message["sources"] == [SOURCE.model_dump()]


async def test_a_draft_whose_reply_is_taken_back_waits_again(driver: Any) -> None:
    draft = await a_draft(driver)
    waiting = await driver.post(f"proposals/{draft['id']}/use", undo_seconds=20)
    assert (await driver.proposal(draft["id"]))["state"] == "used"
    url = f"/api/v1/threads/{waiting['thread_id']}/pending/{waiting['id']}"
    assert (await driver.api.delete(url)).status_code == 204
    again = await driver.proposal(draft["id"])
    assert (again["state"], again["reply_id"], again["by_name"], again["likeness"]) == ("open", None, None, None)
    await driver.post(f"proposals/{draft['id']}/use")
    assert await driver.said(waiting["thread_id"]) == ["How long?", "Three days."]


async def test_a_reply_that_is_taken_back_after_a_newer_draft_came_leaves_only_the_newer_one(driver: Any) -> None:
    draft = await a_draft(driver)
    waiting = await driver.post(f"proposals/{draft['id']}/use", undo_seconds=20)
    newer = await driver.propose(await driver.hear(mail("To Lisbon, I mean")), "Five days.")
    await driver.api.delete(f"/api/v1/threads/{waiting['thread_id']}/pending/{waiting['id']}")
    assert [one["id"] for one in await drafts(driver, waiting["thread_id"])] == [str(newer["id"])]
    assert (await driver.proposal(draft["id"]))["state"] == "superseded"


async def test_a_draft_that_was_changed_keeps_both_texts(driver: Any) -> None:
    draft = await a_draft(driver, sources=[SOURCE])
    url = f"threads/{await thread_of(driver, draft)}/messages"
    message = await driver.post(url, text="Three days, Ana.", draft_id=str(draft["id"]))
    assert message["sources"] == []
    edited = await driver.proposal(draft["id"])
    assert (edited["state"], edited["text"], str(edited["reply_id"])) == ("edited", "Three days.", message["id"])
    assert edited["compare_at"]


async def test_a_draft_that_was_put_into_the_composer_and_not_changed_is_used(driver: Any) -> None:
    draft = await a_draft(driver)
    await driver.post(
        f"threads/{await thread_of(driver, draft)}/messages", text="Three days.", draft_id=str(draft["id"])
    )
    assert (await driver.proposal(draft["id"]))["state"] == "used"


async def test_a_draft_is_past_once_a_teammate_wrote_their_own_and_is_compared_with_it(driver: Any) -> None:
    draft = await a_draft(driver)
    message = await driver.post(f"threads/{await thread_of(driver, draft)}/messages", text="It takes three days.")
    past = await driver.proposal(draft["id"])
    assert (past["state"], str(past["reply_id"])) == ("superseded", message["id"])
    assert past["compare_at"]


async def test_a_note_leaves_the_draft_as_it_is(driver: Any) -> None:
    draft = await a_draft(driver)
    thread_id = await thread_of(driver, draft)
    await driver.post(f"threads/{thread_id}/messages", text="I ask Sam", note=True)
    assert (await driver.proposal(draft["id"]))["state"] == "open"
    wrong = driver.post(f"threads/{thread_id}/messages", text="?", note=True, draft_id=str(draft["id"]))
    assert (await refusal(wrong))[0] == 422


async def test_the_draft_for_the_newest_question_is_the_one_that_waits_whatever_comes_last(driver: Any) -> None:
    await driver.agent(modes={"email": "draft"})
    first, second = await driver.hear(mail("How long?")), await driver.hear(mail("To Lisbon?"))
    newer = await driver.propose(second, "Five days.")
    assert (await driver.propose(first, "Three days."))["state"] == "superseded"
    third = await driver.propose(await driver.hear(mail("Or Porto?")), "Six days.")
    assert [one["id"] for one in await drafts(driver, first["thread_id"])] == [str(third["id"])]
    assert (await driver.proposal(newer["id"]))["state"] == "superseded"


async def test_a_draft_that_comes_after_the_teammates_reply_is_past_and_compared_with_it(driver: Any) -> None:
    await driver.agent(modes={"email": "draft"})
    question = await driver.hear(mail("How long?"))
    message = await driver.post(f"threads/{question['thread_id']}/messages", text="It takes three days.")
    late = await driver.propose(question, "Three days.")
    assert (late["state"], str(late["reply_id"])) == ("superseded", message["id"])


async def test_of_two_teammates_who_use_one_draft_one_wins_and_the_other_is_told(driver: Any) -> None:
    draft = await a_draft(driver)
    url = f"/api/v1/proposals/{draft['id']}/use"
    answers = await asyncio.gather(*(driver.api.post(url, json={}) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    told = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (told["title"], told["state"]) == ("API has sent this draft", "used")
    assert await driver.said(await thread_of(driver, draft)) == ["How long?", "Three days."]
    late = driver.post(f"proposals/{draft['id']}/dismiss", reason="wrong")
    assert await refusal(late) == (409, "API has sent this draft")


async def test_a_repeated_use_or_dismissal_with_its_key_is_answered_as_the_first_was(driver: Any) -> None:
    draft = await a_draft(driver)
    url, key = f"/api/v1/proposals/{draft['id']}/use", {"Idempotency-Key": "once"}
    made = [(await driver.api.post(url, json={}, headers=key)).json()["id"] for _ in range(2)]
    assert made[0] == made[1]
    other = await driver.propose(await driver.hear(mail("To Lisbon?")), "Five days.")
    url, key = f"/api/v1/proposals/{other['id']}/dismiss", {"Idempotency-Key": "twice"}
    answers = [(await driver.api.post(url, json={"reason": "tone"}, headers=key)).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert (answers[0]["state"], answers[0]["dismissal"], answers[0]["by"]["name"]) == ("dismissed", "tone", "API")


async def test_a_draft_for_a_private_place_is_not_sent_to_a_shared_one_where_its_customer_went_on(driver: Any) -> None:
    await driver.agent(modes={"email": "draft"})
    question = await driver.hear(mail("My PIN is 4711, is it right?"))
    draft = await driver.propose(question, "Yes, 4711 is right.")
    await driver.hear(received("slack", "Hello all", SLACK, EMAIL, place="slack:C:1", shared="#acme"))
    message = await driver.post(f"proposals/{draft['id']}/use")
    assert message["channel"]["kind"] == "email"
    assert message["audience"]["shared"] is False


async def test_a_draft_goes_after_its_customer_to_another_place_of_their_own(driver: Any) -> None:
    draft = await a_draft(driver)
    await driver.hear(received("slack", "Hello?", SLACK, EMAIL))
    assert (await driver.post(f"proposals/{draft['id']}/use"))["channel"]["kind"] == "slack"


async def test_a_handoff_in_draft_mode_tells_the_teammate_and_leaves_its_tags_on_the_thread(driver: Any) -> None:
    draft = await a_draft(
        driver, "A person will answer.", decision="handoff", handoff="reserved", reason="Reserved topic: legal",
        summary="She wants a contract changed.", suggested_reply="Our lawyer writes to you.", tags=["legal", " "],
    )  # fmt: skip
    thread_id = await thread_of(driver, draft)
    [shown] = await drafts(driver, thread_id)
    assert (shown["handoff"], shown["summary"]) == ("reserved", "She wants a contract changed.")
    assert (shown["suggested_reply"], shown["reason"]) == ("Our lawyer writes to you.", "Reserved topic: legal")
    assert (await driver.thread(thread_id))["tags"] == ["legal"]
    assert (await refusal(driver.post(f"proposals/{draft['id']}/use")))[0] == 422
    await driver.post(f"threads/{thread_id}/messages", text="Our lawyer writes to you.", draft_id=str(draft["id"]))
    assert (await driver.proposal(draft["id"]))["state"] == "used"
    assert [one async for one in verify(driver.url, "local")] == []


async def test_a_handoff_to_the_customer_leaves_its_tags_too_and_tells_of_them(driver: Any) -> None:
    question = await driver.hear(mail("My lawyer says"))
    handed = await driver.propose(question, "A person will answer.", "handoff", handoff="reserved", tags=["legal"])
    assert handed["state"] == "sent"
    thread = await driver.thread(question["thread_id"])
    assert (thread["tags"], thread["agent"]) == (["legal"], "quiet")
    told = await driver.rows(
        "select split_part(type, '.', 3) as what from outbox where thread_id = %s order by sequence", thread["id"]
    )
    assert [row["what"] for row in told] == ["opened", "added", "added", "requested", "escalated", "tagged"]
    assert [one async for one in verify(driver.url, "local")] == []


@pytest.mark.parametrize(
    ("asked_in", "then", "state"),
    [("auto", "draft", "open"), ("auto", "shadow", "silent"), ("auto", "off", "superseded"), ("draft", "auto", "open"),
     ("shadow", "auto", "silent"), ("draft", "shadow", "silent"), ("shadow", "draft", "silent"),
     ("auto", "auto", "sent")],
)  # fmt: skip
async def test_what_was_asked_for_the_eyes_of_few_is_not_shown_to_more_when_the_mode_changes_meanwhile(
    driver: Any, asked_in: str, then: str, state: str
) -> None:
    await driver.agent(modes={"email": asked_in})
    question = await driver.hear(mail("How long?"))
    await driver.agent(modes={"email": then})
    assert (await driver.propose(question, "Three days."))["state"] == state
    assert await driver.said(question["thread_id"]) == ["How long?", *(["Three days."] if state == "sent" else [])]


async def test_giving_a_thread_back_keeps_its_customer_waiting_where_the_agent_only_drafts(driver: Any) -> None:
    draft = await a_draft(driver)
    thread_id = await thread_of(driver, draft)
    await driver.patch(f"threads/{thread_id}", agent="active", assignee=None)
    assert (await driver.thread(thread_id))["waiting_since"]
    await driver.agent(modes={})
    await driver.patch(f"threads/{thread_id}", agent="active")
    assert (await driver.thread(thread_id))["waiting_since"] is None


async def test_proposals_go_where_their_question_goes(driver: Any) -> None:
    await driver.agent(modes={"email": "draft"})
    first = await driver.hear(mail("How long?"))
    second = await driver.hear(mail("My lamp is broken"))
    draft = await driver.propose(second, "Send us a picture.")
    split = await driver.post(f"threads/{first['thread_id']}/split", message_ids=[str(second["id"])])
    [moved] = await drafts(driver, split["thread"]["id"])
    assert (moved["id"], moved["thread_id"]) == (str(draft["id"]), split["thread"]["id"])
    assert await drafts(driver, first["thread_id"]) == []
    wrong = driver.post(f"threads/{first['thread_id']}/messages", text="?", draft_id=str(draft["id"]))
    assert (await refusal(wrong))[0] == 404
    await driver.post(f"acts/{split['act_id']}/undo")
    assert [one["id"] for one in await drafts(driver, first["thread_id"])] == [str(draft["id"])]


async def test_the_list_of_a_threads_proposals_goes_on_page_by_page_newest_first(driver: Any) -> None:
    await driver.agent(modes={"email": "draft"})
    for text in ("one", "two", "three"):
        question = await driver.hear(mail(text))
        await driver.propose(question, text.upper())
    url, seen, cursor = f"/api/v1/threads/{question['thread_id']}/proposals", [], None
    while True:
        page = (await driver.api.get(url, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [one["text"] for one in page["items"]]
        if not (cursor := page["next"]):
            break
    assert seen == ["THREE", "TWO", "ONE"]
    assert (await driver.api.get(url, params={"cursor": "nonsense"})).status_code == 422


async def test_threads_in_which_a_draft_waits_are_listed_until_it_is_gone(driver: Any) -> None:
    async def listed(**headers: str) -> list[str]:
        return (await driver.api.get("/api/v1/drafts", headers=headers)).json()["thread_ids"]

    assert await listed() == []
    draft = await a_draft(driver)
    assert await listed() == [str(await thread_of(driver, draft))]
    await driver.post("workspaces", slug="acme", name="Acme")
    assert await listed(**{"X-Onethread-Workspace": "acme"}) == []
    await driver.post(f"proposals/{draft['id']}/dismiss")
    assert await listed() == []


async def test_another_workspace_sees_and_uses_no_proposal(driver: Any) -> None:
    draft = await a_draft(driver)
    thread_id = await thread_of(driver, draft)
    await driver.post("workspaces", slug="acme", name="Acme")
    elsewhere = {"X-Onethread-Workspace": "acme"}
    asked = [("GET", f"threads/{thread_id}/proposals"), ("POST", f"proposals/{draft['id']}/use"),
             ("POST", f"proposals/{draft['id']}/dismiss")]  # fmt: skip
    for method, path in asked:
        body = {} if method == "POST" else None
        answer = await driver.api.request(method, f"/api/v1/{path}", json=body, headers=elsewhere)
        assert answer.status_code == 404, path
    assert (await driver.proposal(draft["id"]))["state"] == "open"


async def test_an_export_has_the_proposals_and_an_erasure_takes_their_words(driver: Any) -> None:
    draft = await a_draft(driver, "Dear Ana, three days.", reason="asked by Ana", summary="Ana asks", tags=["ana"])
    customer = (await driver.message(draft["question_id"]))["customer_id"]
    exported = (await driver.api.post(f"/api/v1/customers/{customer}/export")).json()
    assert [one["text"] for one in exported["proposals"]] == ["Dear Ana, three days."]
    assert (await driver.api.post(f"/api/v1/customers/{customer}/erase")).status_code == 202
    blank = await driver.proposal(draft["id"])
    assert (blank["text"], blank["reason"], blank["summary"], blank["tags"]) == ("", "", "", [])
    assert blank["confidence"] == draft["confidence"]


async def test_what_comes_for_a_customer_who_is_erased_is_not_kept(driver: Any) -> None:
    await driver.agent(modes={"email": "draft"})
    question = await driver.hear(mail("I am Ana"))
    await driver.api.post(f"/api/v1/customers/{question['customer_id']}/erase")
    with pytest.raises(ValueError, match="not enough values"):
        await driver.propose(question, "Dear Ana")
