from __future__ import annotations

from typing import Any

import pytest
from plugins.conversation_world import asserted, received, verified

pytestmark = pytest.mark.connected
ANA = verified("email", "ana@pineandpaper.example")
BO = verified("visitor", "bo")


async def two(outside: Any) -> tuple[Any, Any]:
    """Ana by mail and Bo by widget, each with a thread."""
    ana = await outside.hear(received("email", "I am Ana", ANA, name="Ana Ruiz"))
    bo = await outside.hear(received("widget", "I am Bo", BO, name="Bo"))
    return ana, bo


async def post(outside: Any, path: str, status: int = 200, **body: Any) -> Any:
    answer = await outside.api.post(f"/api/v1/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def merged(outside: Any, ana: Any, bo: Any) -> Any:
    return await post(outside, f"customers/{ana.customerid}/merge", other_id=str(bo.customerid))


async def timeline(outside: Any, customer: Any) -> list[str]:
    items = (await outside.api.get(f"/api/v1/customers/{customer}/timeline")).json()["items"]
    return [item["text"] for item in items if item["author"]["kind"] != "system"]


async def snapshot(outside: Any, *customers: Any) -> Any:
    """What the API shows of customers and their threads, but for counters and times of change."""
    shown = []
    for customer in customers:
        profile = (await outside.api.get(f"/api/v1/customers/{customer}")).json()
        profile = {name: value for name, value in profile.items() if name not in {"version", "maybe"}}
        for thread in profile["threads"]:
            thread.pop("updated_at")
        threads = []
        for one in profile["threads"]:
            thread = (await outside.api.get(f"/api/v1/threads/{one['id']}")).json()
            threads.append({n: v for n, v in thread.items() if n not in {"version", "sequence", "updated_at"}})
            messages = await outside.messages(one["id"])
            threads.append([{n: v for n, v in m.items() if n != "thread"} for m in messages])
        shown.append((profile, threads, await timeline(outside, customer)))
    return shown


async def test_merged_customers_have_one_profile_one_timeline_and_one_open_thread(outside: Any) -> None:
    ana, bo = await two(outside)
    answer = await merged(outside, ana, bo)
    assert answer["customer"]["name"] == "Ana Ruiz"
    assert {i["value"] for i in answer["customer"]["identities"]} == {ANA.value, "bo"}
    assert await timeline(outside, ana.customerid) == ["I am Ana", "I am Bo"]
    assert (await outside.api.get(f"/api/v1/customers/{bo.customerid}")).json()["id"] == str(ana.customerid)
    [thread] = await outside.threads()
    assert thread["id"] == str(ana.threadid)
    later = await outside.hear(received("widget", "Bo again", BO))
    assert later.threadid == ana.threadid


async def test_unmerging_at_once_restores_everything(outside: Any) -> None:
    ana, bo = await two(outside)
    before = await snapshot(outside, ana.customerid, bo.customerid)
    answer = await merged(outside, ana, bo)
    await post(outside, f"customers/{ana.customerid}/unmerge", act_id=answer["act_id"])
    assert await snapshot(outside, ana.customerid, bo.customerid) == before


async def test_unmerging_after_more_traffic_gives_each_message_back_to_whom_it_came_in_as(outside: Any) -> None:
    ana, bo = await two(outside)
    answer = await merged(outside, ana, bo)
    await outside.hear(received("email", "Ana two", ANA))
    await outside.hear(received("widget", "Bo two", BO))
    await post(outside, f"threads/{ana.threadid}/messages", 201, text="To Bo, in the widget")
    parted = await post(outside, f"customers/{ana.customerid}/unmerge", act_id=answer["act_id"])
    assert (parted["customer"]["id"], parted["other"]["id"]) == (str(ana.customerid), str(bo.customerid))
    assert await timeline(outside, ana.customerid) == ["I am Ana", "Ana two"]
    assert await timeline(outside, bo.customerid) == ["I am Bo", "Bo two", "To Bo, in the widget"]
    [bos] = parted["other"]["threads"]
    assert bos["id"] == str(bo.threadid)
    assert any("separated" in m["text"] for m in await outside.messages(bo.threadid))
    assert (await outside.hear(received("widget", "Bo three", BO))).threadid == bo.threadid


async def test_no_evidence_merges_again_what_a_teammate_parted(outside: Any) -> None:
    widget = received("widget", "as a guest", BO)
    guest = await outside.hear(widget)
    ana = await outside.hear(received("email", "by mail", ANA))
    signed_in = received("widget", "signed in", verified("site_user", "ana"), ANA, BO)
    joined = await outside.hear(signed_in)
    assert joined.customerid == ana.customerid
    profile = (await outside.api.get(f"/api/v1/customers/{ana.customerid}")).json()
    [merge] = profile["merges"]
    assert (merge["how"], merge["customer"]["id"]) == ("proof", str(guest.customerid))
    await post(outside, f"customers/{ana.customerid}/unmerge", act_id=merge["act_id"])
    again = await outside.hear(received("widget", "once more", verified("site_user", "ana"), ANA, BO))
    assert again.customerid == ana.customerid
    assert await timeline(outside, guest.customerid) == ["as a guest"]


async def test_a_merge_is_undone_once(outside: Any) -> None:
    ana, bo = await two(outside)
    answer = await merged(outside, ana, bo)
    await post(outside, f"customers/{ana.customerid}/unmerge", act_id=answer["act_id"])
    await post(outside, f"acts/{answer['act_id']}/undo", 409)
    await post(outside, f"customers/{ana.customerid}/merge", 409, other_id=str(ana.customerid))


async def test_three_merged_customers_part_in_any_order(outside: Any) -> None:
    ana, bo = await two(outside)
    cy = await outside.hear(received("slack", "I am Cy", verified("slack_user", "T1/U9")))
    first = await merged(outside, ana, bo)
    second = await merged(outside, cy, ana)
    await post(outside, f"customers/{cy.customerid}/unmerge", act_id=first["act_id"])
    assert await timeline(outside, bo.customerid) == ["I am Bo"]
    assert await timeline(outside, cy.customerid) == ["I am Ana", "I am Cy"]
    await post(outside, f"customers/{cy.customerid}/unmerge", act_id=second["act_id"])
    assert await timeline(outside, ana.customerid) == ["I am Ana"]
    assert await timeline(outside, cy.customerid) == ["I am Cy"]


async def test_a_claimed_address_is_a_suggestion_that_can_be_dismissed(outside: Any) -> None:
    ana = await outside.hear(received("email", "I am Ana", ANA, name="Ana Ruiz"))
    guest = await outside.hear(received("widget", "Also Ana", BO, asserted("email", "Ana@PineAndPaper.example")))
    profile = (await outside.api.get(f"/api/v1/customers/{guest.customerid}")).json()
    assert profile["claims"] == [{"kind": "email", "value": ANA.value}]
    [maybe] = profile["maybe"]
    assert maybe["id"] == str(ana.customerid)
    assert "Not proven" in maybe["reason"]
    await post(outside, f"customers/{guest.customerid}/dismiss", 204, other_id=str(ana.customerid))
    for one in (guest, ana):
        assert (await outside.api.get(f"/api/v1/customers/{one.customerid}")).json()["maybe"] == []


async def test_a_look_alike_is_shown_with_a_warning(outside: Any) -> None:
    await outside.hear(received("email", "I am Ana", ANA))
    other = await outside.hear(received("email", "I am not", verified("email", "ana@pineandpaper.exarnple")))
    await outside.hear(received("email", "real", verified("email", "ana@pineandpaper.example")))
    profile = (await outside.api.get(f"/api/v1/customers/{other.customerid}")).json()
    assert profile["maybe"][0]["reason"].startswith("Careful")


async def test_a_teammates_link_shows_the_visitor_and_the_agent_nothing_of_the_other(outside: Any) -> None:
    from onethread.contracts import questions as q
    from onethread.conversation.history import History

    ana, bo = await two(outside)
    await merged(outside, ana, bo)
    history = History(outside.app.state.database)
    asked = q.HistoryOfThread(workspace="local", thread_id=ana.threadid, place="widget:bo")
    assert [m.text for m in (await history.of_thread(asked)).messages] == ["I am Bo"]
    visitor = q.HistoryOfVisitor(workspace="local", identities=[BO])
    assert [m.text for m in (await history.of_visitor(visitor)).messages] == ["I am Bo"]


async def test_an_identity_that_stands_alone_can_be_linked_and_a_wrong_one_unlinked(outside: Any) -> None:
    ana, bo = await two(outside)
    bos = (await outside.api.get(f"/api/v1/customers/{bo.customerid}")).json()["identities"][0]["id"]
    linked = await post(outside, f"customers/{ana.customerid}/link", identity_id=bos)
    assert len(linked["customer"]["identities"]) == 2
    answer = await post(outside, f"customers/{ana.customerid}/unlink", identity_id=bos)
    assert await timeline(outside, ana.customerid) == ["I am Ana"]
    assert await timeline(outside, answer["other"]["id"]) == ["I am Bo"]
    assert (await outside.hear(received("widget", "Bo two", BO))).customerid != ana.customerid
    await post(outside, f"acts/{answer['act_id']}/undo")
    assert await timeline(outside, ana.customerid) == ["I am Ana", "I am Bo", "Bo two"]


async def test_a_recycled_address_leaves_what_was_said_with_the_former_owner(outside: Any) -> None:
    ana = await outside.hear(received("slack", "on Slack", verified("slack_user", "T1/U1"), ANA))
    await outside.hear(received("email", "old mail", ANA))
    profile = (await outside.api.get(f"/api/v1/customers/{ana.customerid}")).json()
    address = next(i["id"] for i in profile["identities"] if i["kind"] == "email")
    await post(outside, f"customers/{ana.customerid}/unlink", identity_id=address, keep_messages=True)
    assert await timeline(outside, ana.customerid) == ["on Slack", "old mail"]
    heir = await outside.hear(received("email", "I am new here", ANA))
    assert heir.customerid != ana.customerid
    assert await timeline(outside, heir.customerid) == ["I am new here"]


async def test_customers_of_one_company_are_grouped_and_those_of_mail_providers_are_not(outside: Any) -> None:
    ana = await outside.hear(received("email", "1", verified("email", "ana@mail.acme.co.uk")))
    bo = await outside.hear(received("email", "2", verified("email", "bo@acme.co.uk")))
    cy = await outside.hear(received("email", "3", verified("email", "cy@gmail.com")))
    profiles = [(await outside.api.get(f"/api/v1/customers/{one.customerid}")).json() for one in (ana, bo, cy)]
    assert profiles[0]["company"]["domain"] == "acme.co.uk"
    assert profiles[0]["company"] == profiles[1]["company"]
    assert profiles[2]["company"] is None


async def test_a_preview_says_what_moves_and_what_speaks_against_it(outside: Any) -> None:
    ana, _ = await two(outside)
    dan = await outside.hear(received("email", "I am Dan", verified("email", "dan@example.com")))
    path = f"/api/v1/customers/{ana.customerid}/merge-preview?other={dan.customerid}"
    preview = (await outside.api.get(path)).json()
    assert (preview["messages"], len(preview["threads"]), len(preview["identities"])) == (1, 1, 1)
    assert preview["merges_threads"] == [str(ana.threadid), str(dan.threadid)]
    assert "different mail addresses" in preview["warnings"][0]


async def test_a_profile_is_changed_with_its_etag_and_stays_with_its_customer_after_parting(outside: Any) -> None:
    ana, bo = await two(outside)
    answer = await merged(outside, ana, bo)
    path = f"/api/v1/customers/{ana.customerid}"
    tag = (await outside.api.get(path)).headers["etag"]
    change = {"language": "es", "attributes": {"plan": "pro"}}
    assert (await outside.api.patch(path, json=change, headers={"If-Match": tag})).status_code == 200
    assert (await outside.api.patch(path, json=change, headers={"If-Match": tag})).status_code == 412
    assert (await outside.api.patch(path, json={"id": "x"})).status_code == 422
    await post(outside, f"customers/{ana.customerid}/unmerge", act_id=answer["act_id"])
    bos = (await outside.api.get(f"/api/v1/customers/{bo.customerid}")).json()
    assert (bos["language"], bos["attributes"]) == (None, {})


async def test_taking_back_a_merge_says_nothing_about_the_two(outside: Any) -> None:
    ana = await outside.hear(received("email", "I am Ana", ANA))
    guest = await outside.hear(received("widget", "Also Ana", BO, asserted("email", ANA.value)))
    answer = await merged(outside, ana, guest)
    await post(outside, f"acts/{answer['act_id']}/undo")
    [maybe] = (await outside.api.get(f"/api/v1/customers/{guest.customerid}")).json()["maybe"]
    assert maybe["id"] == str(ana.customerid)
    preview = await outside.api.get(f"/api/v1/customers/{ana.customerid}/merge-preview?other={guest.customerid}")
    assert preview.json()["warnings"] == []


async def test_a_merge_is_found_by_who_was_merged_and_else_it_is_the_latest(outside: Any) -> None:
    ana, bo = await two(outside)
    cy = await outside.hear(received("slack", "I am Cy", verified("slack_user", "T1/U9")))
    path = f"customers/{ana.customerid}"
    for other in (bo, cy):
        await post(outside, f"{path}/merge", other_id=str(other.customerid))
    assert (await post(outside, f"{path}/unmerge", other_id=str(bo.customerid)))["other"]["id"] == str(bo.customerid)
    assert (await post(outside, f"{path}/unmerge"))["other"]["id"] == str(cy.customerid)
    await post(outside, f"{path}/unmerge", 404)
