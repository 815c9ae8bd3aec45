"""People around a mail: who forwards it, who reads it with the customer, and whom teammates ask aside."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from plugins.mailroom import Mailroom, reply_to

from onethread.conversation.replay import verify

pytestmark = pytest.mark.connected
ANA, BEN = "Ana Ruiz <ana@shop.example>", "Ben <ben@desk.example>"
FORWARD = """{note}

---------- Forwarded message ---------
From: Ana Ruiz <ana@shop.example>
Date: Mon, 2 Nov 2026 at 10:00
Subject: Broken cup
To: Ben <ben@desk.example>

My cup came broken.
"""
FORWARDED = "Ben forwarded it. Its sender has not written to us about it themselves."


@pytest.fixture
async def ben(mailroom: Mailroom) -> str:
    made = await mailroom.driver.post("teammates", email="ben@desk.example", name="Ben", password="pw-of-ben-1")
    return made["id"]


async def forwarded(mailroom: Mailroom, note: str = "Please help her.", **how: Any) -> dict[str, Any]:
    text = FORWARD.format(note=note).replace("\n", "\r\n").strip()
    return await mailroom.mail(text, **{"sender": BEN, "Subject": "Fwd: Broken cup", **how})


async def said_by(mailroom: Mailroom, thread_id: Any) -> list[tuple[str, str, bool]]:
    found = await mailroom.driver.rows(
        "select author_kind, text, note from message where thread_id = %s order by position", thread_id
    )
    return [(row["author_kind"], row["text"], row["note"]) for row in found]


# Forwards


async def test_what_a_teammate_forwards_is_the_customers_thread_with_a_note(mailroom: Mailroom, ben: str) -> None:
    message = await forwarded(mailroom)
    assert (message["identity_value"], message["identity_trust"]) == ("ana@shop.example", "asserted")
    assert (message["author_name"], str(message["forwarded_by"])) == ("Ana Ruiz", ben)
    assert message["remarks"] == [FORWARDED]
    assert message["agent_mode"] == "off"
    assert await said_by(mailroom, message["thread_id"]) == [
        ("customer", "My cup came broken.", False),
        ("teammate", "Please help her.", True),
    ]
    thread = await mailroom.driver.thread(message["thread_id"])
    assert thread["subject"] == "Broken cup"


async def test_the_answer_to_a_forward_goes_to_the_customer_and_not_to_the_teammate(
    mailroom: Mailroom, ben: str
) -> None:
    message = await forwarded(mailroom)
    answer = await mailroom.answer(message["thread_id"], "We send a new one.")
    assert (answer["To"], answer["Cc"], answer["Subject"]) == ("ana@shop.example", None, "Broken cup")
    assert "Please help her" not in answer.as_string()
    assert "ben@desk.example" not in answer.as_string()


async def test_the_customer_who_answers_that_proven_has_the_thread(mailroom: Mailroom, ben: str) -> None:
    message = await forwarded(mailroom)
    answer = await mailroom.answer(message["thread_id"], "We send a new one.")
    thanks = await mailroom.mail("Thank you!", sender=ANA, **reply_to(answer))
    assert thanks["thread_id"] == message["thread_id"]
    assert thanks["customer_id"] == message["customer_id"]
    assert thanks["identity_trust"] == "verified"
    await mailroom.driver.check()
    assert [one async for one in verify(mailroom.driver.url, "local")] == []


async def test_a_customer_who_was_known_before_becomes_one_with_whom_it_was_forwarded_for(
    mailroom: Mailroom, ben: str
) -> None:
    known = await mailroom.mail("Do you ship to Spain?", sender=ANA)
    message = await forwarded(mailroom)
    assert message["thread_id"] != known["thread_id"]
    answer = await mailroom.answer(message["thread_id"], "We send a new one.")
    thanks = await mailroom.mail("Thank you!", sender=ANA, **reply_to(answer))
    assert (await mailroom.driver.message(message["id"]))["thread_id"] == thanks["thread_id"]
    assert (await mailroom.driver.message(known["id"]))["thread_id"] == thanks["thread_id"]
    await mailroom.driver.check()
    assert [one async for one in verify(mailroom.driver.url, "local")] == []


async def test_a_stranger_who_claimed_the_address_before_is_not_made_one_with_its_owner(
    mailroom: Mailroom, ben: str
) -> None:
    claimed = await mailroom.mail("I am Ana", sender=ANA, result="none")
    message = await forwarded(mailroom)
    answer = await mailroom.answer(message["thread_id"], "We send a new one.")
    thanks = await mailroom.mail("Thank you!", sender=ANA, **reply_to(answer))
    assert thanks["customer_id"] != claimed["customer_id"]
    assert thanks["thread_id"] != claimed["thread_id"]


def as_a_file(note: str, sender: str = BEN, inner_sender: str = ANA, **fields: str) -> bytes:
    """A forward as an attached mail, as Thunderbird and Outlook write it."""
    head = {
        "Authentication-Results": f"mx.desk.example; dmarc=pass header.from={sender.partition('@')[2].strip('>')}",
        "From": sender, "To": "support@desk.example", "Subject": "Fwd: Broken cup", "Message-ID": f"<{uuid4()}@x>",
        "Date": "Mon, 02 Nov 2026 11:00:00 +0000", "MIME-Version": "1.0", **fields,
        "Content-Type": 'multipart/mixed; boundary="m"',
    }  # fmt: skip
    inner = (
        f"From: {inner_sender}\r\nTo: Ben <ben@desk.example>\r\nSubject: Broken cup\r\n"
        "Message-ID: <cup@shop.example>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n\r\nMy cup came broken.\r\n\r\n"
        "On Sun, 1 Nov 2026, Shop wrote:\r\n> It is on its way.\r\n"
    )
    return (
        "".join(f"{name}: {value}\r\n" for name, value in head.items())
        + f"\r\n--m\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{note}\r\n\r\n--m\r\n"
        + 'Content-Type: message/rfc822; name="Broken cup.eml"\r\nContent-Disposition: attachment\r\n\r\n'
        + f"{inner}\r\n--m--\r\n"
    ).encode()


@pytest.mark.parametrize("note", ["Please help her.", ""])
async def test_a_forward_as_an_attached_mail_is_the_customers_thread_too(
    mailroom: Mailroom, ben: str, note: str
) -> None:
    message = await mailroom.take(as_a_file(note))
    assert (message["identity_value"], message["identity_trust"]) == ("ana@shop.example", "asserted")
    assert (message["author_name"], str(message["forwarded_by"])) == ("Ana Ruiz", ben)
    notes = [("teammate", note, True)] if note else []
    assert await said_by(mailroom, message["thread_id"]) == [("customer", "My cup came broken.", False), *notes]
    assert [one["name"] for one in message["attachments"]] == ["Broken cup.eml"]
    answer = await mailroom.answer(message["thread_id"], "We send a new one.")
    assert (answer["To"], answer["Subject"]) == ("ana@shop.example", "Broken cup")


async def test_a_mail_that_a_customer_attaches_stays_theirs_and_can_be_read(mailroom: Mailroom, ben: str) -> None:
    message = await mailroom.take(as_a_file("Your shop wrote me this.", sender="Cid <cid@shop.example>"))
    assert (message["identity_value"], message["forwarded_by"]) == ("cid@shop.example", None)
    assert message["text"] == "Your shop wrote me this."
    assert "Attached mail: Broken cup" in message["html"]
    assert "My cup came broken." in message["html"]


@pytest.mark.parametrize(
    "how",
    [
        {"Subject": "Re: The cup", "In-Reply-To": "<a@x>"},
        {"Subject": "The cup", "In-Reply-To": "<a@x>"},
        {"inner_sender": "support@desk.example"},
        {"inner_sender": "no-reply@shop.example"},
        {"inner_sender": "Ana <ana@shop.example>, Eve <eve@x.example>"},
    ],
    ids=["an answer", "an answer of another subject", "our own mail", "a machine's", "of two senders"],
)
async def test_what_a_teammate_attaches_otherwise_stays_theirs(
    mailroom: Mailroom, ben: str, how: dict[str, str]
) -> None:
    message = await mailroom.take(as_a_file("Look at this.", **how))
    assert message["identity_value"] == "ben@desk.example"


def several_in_one(**how: str) -> bytes:
    """Two mails as files of one."""
    one = as_a_file("Please help both.", **how)
    inner = one.split(b"--m\r\n")[2].removesuffix(b"\r\n--m--\r\n")
    other = inner.replace(b"<cup@", b"<pot@").replace(b"cup", b"pot").replace(ANA.encode(), b"Cid <cid@shop.example>")
    return one.removesuffix(b"--m--\r\n") + b"--m\r\n" + other + b"\r\n--m--\r\n"


async def test_of_several_mails_that_a_teammate_passes_on_in_one_the_thread_says_that_they_were_left(
    mailroom: Mailroom, ben: str
) -> None:
    message = await mailroom.take(several_in_one())
    assert message["identity_value"] == "ben@desk.example"
    assert [one["type"] for one in message["attachments"]] == ["message/rfc822"] * 2
    [remark] = message["remarks"]
    assert remark.startswith("Ben passed on 2 mails in one, and none of them became a conversation of who wrote it.")
    assert all(text in message["html"] for text in ("My cup came broken.", "My pot came broken."))


@pytest.mark.parametrize("how", [{"sender": "Cid <cid@shop.example>"}, {"Subject": "Re: x", "In-Reply-To": "<a@x>"}])
async def test_whoever_else_attaches_several_mails_or_answers_with_them_is_told_nothing_of_it(
    mailroom: Mailroom, ben: str, how: dict[str, str]
) -> None:
    message = await mailroom.take(several_in_one(**how))
    assert not any("passed on" in remark for remark in message["remarks"])


async def test_a_forward_without_a_note_adds_none(mailroom: Mailroom, ben: str) -> None:
    message = await forwarded(mailroom, note="")
    assert len(await said_by(mailroom, message["thread_id"])) == 1


@pytest.mark.parametrize("how", [{"result": "fail"}, {"result": "none"}, {"sender": "Cid <cid@shop.example>"}])
async def test_anybody_elses_forward_is_their_own_mail(mailroom: Mailroom, ben: str, how: dict[str, str]) -> None:
    """Nobody speaks in another's name by pretending to forward, nor as a teammate who is not proven."""
    message = await forwarded(mailroom, **how)
    assert message["identity_value"] != "ana@shop.example"
    assert message["forwarded_by"] is None
    assert "My cup came broken" in message["text"]


async def test_a_teammates_forward_of_a_colleagues_mail_stays_theirs(mailroom: Mailroom, ben: str) -> None:
    await mailroom.driver.post("teammates", email="ana@shop.example", name="Ana", password="pw-of-ana-1")
    assert (await forwarded(mailroom))["identity_value"] == "ben@desk.example"


async def test_a_teammate_who_left_forwards_as_anybody(mailroom: Mailroom, ben: str) -> None:
    await mailroom.driver.patch(f"teammates/{ben}", active=False)
    assert (await forwarded(mailroom))["identity_value"] == "ben@desk.example"


async def test_what_was_forwarded_twice_is_there_once(mailroom: Mailroom, ben: str) -> None:
    raw = mailroom.written(FORWARD.format(note="Help").replace("\n", "\r\n"), sender=BEN, Subject="Fwd: Broken cup")
    first, second = await mailroom.take(raw), await mailroom.take(raw)
    assert first["id"] == second["id"]
    assert len(await said_by(mailroom, first["thread_id"])) == 2


# Copies


BOB, EVE = "Bob <bob@shop.example>", "Eve <eve@evil.example>"


async def refused(mailroom: Mailroom, thread_id: Any, *cc: str) -> str:
    body = {"text": "hello", "cc": cc}
    answer = await mailroom.driver.api.post(f"/api/v1/threads/{thread_id}/messages", json=body)
    assert answer.status_code == 422
    return answer.json().get("title", "")


async def mail_channel(mailroom: Mailroom, thread_id: Any) -> dict[str, Any]:
    thread = (await mailroom.driver.api.get(f"/api/v1/threads/{thread_id}")).json()
    return next(one for one in thread["reply_channels"] if one["kind"] == "email")


async def test_a_reply_goes_to_all_whom_the_proven_customer_had_read_along(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("We both wait", sender=ANA, Cc=BOB)
    shown = await mail_channel(mailroom, asked["thread_id"])
    assert (shown["to"], shown["cc"]) == ("ana@shop.example", ["bob@shop.example"])
    answer = await mailroom.answer(asked["thread_id"])
    assert (answer["To"], answer["Cc"]) == ("ana@shop.example", "bob@shop.example")


@pytest.mark.parametrize("result", ["fail", "none"])
async def test_an_unproven_mail_adds_nobody(mailroom: Mailroom, result: str) -> None:
    asked = await mailroom.mail("We both wait", sender=ANA, Cc=EVE, result=result)
    assert (await mail_channel(mailroom, asked["thread_id"]))["cc"] == []
    assert (await mailroom.answer(asked["thread_id"]))["Cc"] is None


async def test_a_machine_and_our_own_addresses_are_no_readers(mailroom: Mailroom) -> None:
    copied = "noreply@shop.example, sales@desk.example, support+x@desk.example"
    asked = await mailroom.mail("hello", sender=ANA, Cc=copied)
    assert (await mailroom.answer(asked["thread_id"]))["Cc"] is None


async def test_whom_the_teammate_leaves_out_gets_nothing(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("We both wait", sender=ANA, Cc=BOB)
    answer = await mailroom.answer(asked["thread_id"], "For Ana alone", cc=[])
    assert answer["Cc"] is None
    message = (await mailroom.driver.rows("select shared, place_key from message where text = 'For Ana alone'"))[0]
    assert (message["shared"], message["place_key"]) == (False, "email:ana@shop.example")


async def test_whom_the_teammate_adds_sees_only_what_comes_after(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("My card is QZ-4929", sender=ANA, Subject="My secret illness")
    answer = await mailroom.answer(asked["thread_id"], "Bob joins us.", cc=["Bob@shop.example"])
    assert answer["Cc"] == "bob@shop.example"
    assert "QZ-4929" not in answer.as_string()
    assert "illness" not in answer.as_string()
    [place] = await mailroom.driver.rows("select * from place where shared")
    given = await mailroom.driver.history_at(asked["thread_id"], place["key"])
    assert "QZ-4929" not in given


async def test_who_was_added_answers_in_the_thread_and_the_customer_stays_who_they_are(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("My card is QZ-4929", sender=ANA)
    answer = await mailroom.answer(asked["thread_id"], "Bob joins us.", cc=["bob@shop.example"])
    joined = await mailroom.mail("I am here", sender=BOB, Cc="ana@shop.example", **reply_to(answer))
    assert joined["thread_id"] == asked["thread_id"]
    assert joined["may_belong_to"] is None
    assert (await mailroom.driver.thread(asked["thread_id"]))["customer_email"] == "ana@shop.example"
    back = await mailroom.answer(asked["thread_id"], "Thanks, Bob.")
    assert (back["To"], back["Cc"]) == ("bob@shop.example", "ana@shop.example")
    await mailroom.driver.check()


async def test_who_takes_part_and_writes_to_us_alone_is_given_nothing_of_the_customer(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("My card is QZ-4929", sender=ANA)
    answer = await mailroom.answer(asked["thread_id"], "Bob joins us.", cc=["bob@shop.example"])
    aside = await mailroom.mail("What is her card?", sender=BOB, In_Reply_To=answer["Message-ID"])
    assert aside["thread_id"] == asked["thread_id"]
    assert "QZ-4929" not in await mailroom.driver.history_at(aside["thread_id"], aside["place_key"])
    back = await mailroom.answer(asked["thread_id"], "We do not say.")
    assert (back["To"], back["Cc"]) == ("bob@shop.example", None)


async def test_who_was_only_named_by_the_customer_and_written_to_by_nobody_stays_out(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("We both wait", sender=ANA, Cc=BOB)
    joined = await mailroom.mail("Me too", sender=BOB, References=asked["client_id"].partition(":")[0])
    assert joined["thread_id"] != asked["thread_id"]
    assert joined["may_belong_to"] == asked["thread_id"]


async def test_a_copy_to_an_address_of_ours_or_to_what_is_none_is_refused_in_words(mailroom: Mailroom) -> None:
    made = {"kind": "email", "name": "Sales", "settings": {"address": "sales@desk.example"}}
    (await mailroom.driver.api.post("/api/v1/channels", json=made)).raise_for_status()
    asked = await mailroom.mail("hello", sender=ANA)
    assert await refused(mailroom, asked["thread_id"], "sales+x@desk.example") == (
        "sales+x@desk.example is an address of ours"
    )
    await refused(mailroom, asked["thread_id"], "nobody")
    await refused(mailroom, asked["thread_id"], *(f"p{n}@x.example" for n in range(11)))


async def test_a_reply_that_waits_goes_to_those_who_were_chosen(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("hello", sender=ANA)
    held = await mailroom.driver.post(
        f"threads/{asked['thread_id']}/messages", text="Soon", cc=["bob@shop.example"], undo_seconds=20
    )
    await mailroom.driver.rows("update pending_reply set send_at = now()")
    await mailroom.driver.send_due()
    assert (await mailroom.sent(held["id"]))["Cc"] == "bob@shop.example"


async def test_an_answer_of_the_agent_goes_to_the_customer_alone(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("How long?", sender=ANA, Cc=BOB)
    proposal = await mailroom.driver.propose(asked, "Three days.")
    answer = await mailroom.sent(str(proposal["reply_id"]))
    assert (answer["To"], answer["Cc"]) == ("ana@shop.example", None)


# Side mail


MAKER = "Max <max@maker.example>"


async def asked_aside(mailroom: Mailroom, thread_id: Any, to: str = "max@maker.example") -> tuple[dict[str, Any], Any]:
    made = await mailroom.driver.post(
        f"threads/{thread_id}/side", to=to, subject="Cup 12", text="Do you still make it?"
    )
    return made, await mailroom.sent(made["message_id"])


async def test_a_third_party_is_asked_by_a_mail_in_which_the_customer_is_not(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("My card is QZ-4929, my cup broke", sender=ANA, Subject="Ana's cup")
    made, mail = await asked_aside(mailroom, asked["thread_id"])
    assert (mail["To"], mail["Cc"], mail["Subject"]) == ("max@maker.example", None, "Cup 12")
    assert mail["In-Reply-To"] is None
    for secret in ("QZ-4929", "ana@shop.example", "Ana"):
        assert secret not in mail.as_string()
    side = await mailroom.driver.thread(made["thread_id"])
    assert (side["side_of_id"], side["agent"]) == (asked["thread_id"], "off")
    assert await said_by(mailroom, asked["thread_id"]) == [
        ("customer", "My card is QZ-4929, my cup broke", False),
        ("teammate", "**Side mail to max@maker.example**, “Cup 12”:\n\nDo you still make it?", True),
    ]


@pytest.mark.parametrize("result", ["pass", "none"])
async def test_the_answer_lands_there_and_is_told_in_the_customers_thread(mailroom: Mailroom, result: str) -> None:
    asked = await mailroom.mail("My cup broke", sender=ANA)
    made, mail = await asked_aside(mailroom, asked["thread_id"])
    answer = await mailroom.mail("Until May.", sender=MAKER, result=result, **reply_to(mail))
    assert str(answer["thread_id"]) == made["thread_id"]
    kind, text, note = (await said_by(mailroom, asked["thread_id"]))[-1]
    doubt = "" if result == "pass" else ", not proven"
    assert (kind, note) == ("system", True)
    assert text == f"max@maker.example answered the side mail “Cup 12”{doubt}: Until May."
    shown = (await mailroom.driver.api.get(f"/api/v1/threads/{asked['thread_id']}")).json()
    assert [(one["to"], one["subject"]) for one in shown["sides"]] == [("max@maker.example", "Cup 12")]
    await mailroom.driver.check()
    assert [one async for one in verify(mailroom.driver.url, "local")] == []


async def test_the_customer_and_the_agent_are_given_nothing_of_it(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("My cup broke", sender=ANA)
    _, mail = await asked_aside(mailroom, asked["thread_id"])
    await mailroom.mail("It costs us 40 cents.", sender=MAKER, **reply_to(mail))
    given = await mailroom.driver.history_at(asked["thread_id"], asked["place_key"])
    to_customer = (await mailroom.answer(asked["thread_id"], "We send a new one.")).as_string()
    for told in (given, to_customer):
        assert "40 cents" not in told
        assert "maker.example" not in told


async def test_the_customers_next_mail_and_the_third_partys_own_stay_out_of_it(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("My cup broke", sender=ANA)
    made, mail = await asked_aside(mailroom, asked["thread_id"])
    await mailroom.mail("Until May.", sender=MAKER, **reply_to(mail))
    more = await mailroom.mail("And the plate", sender=ANA)
    assert more["thread_id"] == asked["thread_id"]
    other = await mailroom.mail("Do you want our new list?", sender=MAKER, Subject="List")
    assert str(other["thread_id"]) not in (made["thread_id"], str(asked["thread_id"]))


async def test_whoever_else_answers_it_is_not_let_in(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("My cup broke", sender=ANA)
    made, mail = await asked_aside(mailroom, asked["thread_id"])
    attack = await mailroom.mail("Tell me more", sender=EVE, **reply_to(mail))
    assert str(attack["thread_id"]) != made["thread_id"]
    assert len(await said_by(mailroom, asked["thread_id"])) == 2


async def test_side_mail_to_the_customer_or_to_ourselves_is_refused_in_words(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("My cup broke", sender=ANA)
    body = {"to": "Ana@shop.example", "subject": "Cup", "text": "?"}
    path = f"/api/v1/threads/{asked['thread_id']}/side"
    answer = await mailroom.driver.api.post(path, json=body)
    assert (answer.status_code, answer.json()["title"]) == (422, "That is the customer's own address")
    made, _ = await asked_aside(mailroom, asked["thread_id"])
    answer = await mailroom.driver.api.post(f"/api/v1/threads/{made['thread_id']}/side", json=body)
    assert (answer.status_code, answer.json()["title"]) == (422, "This is side mail itself")


async def test_side_mail_that_is_posted_twice_is_sent_once(mailroom: Mailroom) -> None:
    asked = await mailroom.mail("My cup broke", sender=ANA)
    body = {"to": "max@maker.example", "subject": "Cup 12", "text": "?"}
    path, key = f"/api/v1/threads/{asked['thread_id']}/side", {"Idempotency-Key": "side-1"}
    first, second = [await mailroom.driver.api.post(path, json=body, headers=key) for _ in range(2)]
    assert first.json() == second.json()
    assert len(await mailroom.driver.rows("select id from thread where side_of_id is not null")) == 1
