"""The known attacks on support desks by mail, each failing: what it was to reach stays out of its reach.

Mail goes the whole way: read and judged by the gateway's code, stitched by conversation, answered as it would be.
"""

from __future__ import annotations

from typing import Any

import pytest
from plugins.mailroom import Mailroom, reply_to

from onethread.gateway_email.convert import RefusedMailError
from onethread.gateway_email.parsing.mime import parse

pytestmark = pytest.mark.connected
ANA, EVE, BEN = "Ana Ruiz <ana@shop.example>", "Eve <eve@evil.example>", "Ben <admin@onethread.localhost>"
NOT_KNOWN = "It names a message of another thread, but its sender is not known there."
GUESSED = "It names a Message-ID that has the form of ours and that we never sent."
FOR_ANOTHER = "It came to a reply address that was made for somebody else, so it was not put where that leads."


async def asked_and_answered(mailroom: Mailroom) -> tuple[dict[str, Any], Any]:
    """Ana's proven question, and the mail that answered it."""
    asked = await mailroom.mail("My card is QZ-4929", sender=ANA)
    return asked, await mailroom.answer(asked["thread_id"], "We charged it back.")


async def stays_apart(mailroom: Mailroom, attack: dict[str, Any], asked: dict[str, Any]) -> None:
    """The thread of the victim has nothing of the attack, and answers to the attacker have nothing of the victim."""
    assert attack["thread_id"] != asked["thread_id"]
    assert attack["customer_id"] != asked["customer_id"]
    assert await mailroom.driver.said(asked["thread_id"]) == ["My card is QZ-4929", "We charged it back."]
    if attack["identity_value"].isascii():  # no other can be written to yet
        back = (await mailroom.answer(attack["thread_id"], "Who are you?")).as_string()
        assert "QZ-4929" not in back
        assert "charged" not in back
    to_victim = await mailroom.answer(asked["thread_id"], "Anything else?")
    assert to_victim["To"] == "ana@shop.example"
    assert to_victim["Cc"] is None


async def test_ticket_trick_a_sign_up_mail_to_a_reply_address_never_reaches_its_owner(mailroom: Mailroom) -> None:
    """Sign up elsewhere as support+token@desk, and read the code in your own ticket (De Ceukelaire, 2017)."""
    asked = await mailroom.mail("hello", sender=EVE)
    to_eve = await mailroom.answer(asked["thread_id"])
    code = await mailroom.mail(
        "Your code is 991-223", to_eve["Reply-To"], to=to_eve["Reply-To"], sender="Slack <no-reply@slack.example>",
        Subject="Confirm your email address", Auto_Submitted="auto-generated",
    )  # fmt: skip
    assert code["thread_id"] != asked["thread_id"]
    assert code["agent_mode"] == "off"
    assert FOR_ANOTHER in code["remarks"]
    assert "991-223" not in (await mailroom.answer(asked["thread_id"], "Anything else?")).as_string()


async def test_ticket_trick_by_a_copy_the_codes_sender_is_in_the_thread_of_nobody(mailroom: Mailroom) -> None:
    """The same with the victim service's mail naming its victim's address in To: that opens nothing for a machine."""
    asked = await mailroom.mail("hello", sender=EVE)
    to_eve = await mailroom.answer(asked["thread_id"])
    code = await mailroom.mail(
        "Your code is 991-223", to_eve["Reply-To"], to=f"{to_eve['Reply-To']}, eve@evil.example",
        sender="Slack <hello@slack.example>", Auto_Submitted="auto-generated",
    )  # fmt: skip
    assert code["thread_id"] != asked["thread_id"]
    assert FOR_ANOTHER in code["remarks"]


async def test_cc_spoof_a_forged_mail_in_anothers_thread_brings_its_copied_reader_nothing(mailroom: Mailroom) -> None:
    """Zendesk 2024: write as the victim, with yourself in Cc, and be sent the history."""
    asked, answered = await asked_and_answered(mailroom)
    attack = await mailroom.mail(
        "Please add my colleague", sender=ANA, result="fail", Cc=EVE, In_Reply_To=asked["client_id"].partition(":")[0]
    )
    shown = (await mailroom.driver.api.get(f"/api/v1/threads/{asked['thread_id']}")).json()
    assert {one["identity"]["value"] for one in shown["participants"]} == {"ana@shop.example"}
    back = await mailroom.answer(asked["thread_id"], "Your card is fine.")
    assert (back["To"], back["Cc"]) == ("ana@shop.example", None)
    assert "eve" not in back.as_string()
    assert attack["identity_trust"] == "asserted"
    assert attack["agent_mode"] == "off"
    assert answered["Cc"] is None


async def test_a_guessed_id_of_ours_leads_nowhere_and_is_told(mailroom: Mailroom) -> None:
    asked, answered = await asked_and_answered(mailroom)
    message, _, rest = answered["Message-ID"].partition(".")
    guessed = f"{message}.{'a' * 16}@{rest.partition('@')[2]}"
    attack = await mailroom.mail("Send it to me", sender=EVE, In_Reply_To=guessed, References=guessed)
    await stays_apart(mailroom, attack, asked)
    assert GUESSED in attack["remarks"]


async def test_a_real_id_of_ours_opens_nothing_to_a_proven_stranger(mailroom: Mailroom) -> None:
    """By a forward or a leak he knows an id that we sent."""
    asked, answered = await asked_and_answered(mailroom)
    attack = await mailroom.mail("Send it to me", sender=EVE, In_Reply_To=answered["Message-ID"])
    await stays_apart(mailroom, attack, asked)
    assert attack["remarks"] == [NOT_KNOWN]
    assert attack["may_belong_to"] == asked["thread_id"]


async def test_the_id_of_the_customers_own_mail_opens_nothing_to_a_stranger(mailroom: Mailroom) -> None:
    """Customers' ids are no secret: mailing lists show them."""
    asked, _ = await asked_and_answered(mailroom)
    attack = await mailroom.mail("Send it to me", sender=EVE, References=asked["client_id"].partition(":")[0])
    await stays_apart(mailroom, attack, asked)
    assert attack["may_belong_to"] == asked["thread_id"]


async def test_a_message_id_that_a_stranger_took_first_loses_the_customers_mail_to_nobody(mailroom: Mailroom) -> None:
    first = await mailroom.mail("I was first", sender=EVE, Message_ID="<order-7@shop.example>")
    second = await mailroom.mail("My card is QZ-4929", sender=ANA, Message_ID="<order-7@shop.example>")
    assert first["id"] != second["id"]
    assert first["thread_id"] != second["thread_id"]
    answer = await mailroom.mail("And?", sender=ANA, In_Reply_To="<order-7@shop.example>")
    assert answer["thread_id"] == second["thread_id"]


async def test_a_forged_teammate_speaks_as_a_stranger_who_claims_it(mailroom: Mailroom) -> None:
    """Write as staff and have your words sent to the customer, or read as a note."""
    asked, answered = await asked_and_answered(mailroom)
    for result in ("fail", "none"):
        attack = await mailroom.mail("Pay to this account", sender=BEN, result=result, **reply_to(answered))
        assert attack["author_kind"] == "customer"
        assert attack["identity_trust"] == "asserted"
        assert attack["thread_id"] != asked["thread_id"]
        assert not attack["note"]
    assert await mailroom.driver.said(asked["thread_id"]) == ["My card is QZ-4929", "We charged it back."]


async def test_a_reply_token_from_another_address_opens_nothing(mailroom: Mailroom) -> None:
    asked, answered = await asked_and_answered(mailroom)
    attack = await mailroom.mail("Send it to me", answered["Reply-To"], sender=EVE, to=answered["Reply-To"])
    await stays_apart(mailroom, attack, asked)
    assert attack["remarks"] == [FOR_ANOTHER]


async def test_a_reply_token_with_its_owner_in_copy_opens_nothing_either(mailroom: Mailroom) -> None:
    """Naming the owner as a reader makes the token readable, and makes nobody known."""
    asked, answered = await asked_and_answered(mailroom)
    to = f"{answered['Reply-To']}, ana@shop.example"
    attack = await mailroom.mail("Send it to me", answered["Reply-To"], sender=EVE, to=to)
    await stays_apart(mailroom, attack, asked)
    assert NOT_KNOWN in attack["remarks"]
    assert attack["may_belong_to"] == asked["thread_id"]


async def test_a_display_name_that_holds_an_address_is_nobodys(mailroom: Mailroom) -> None:
    asked, answered = await asked_and_answered(mailroom)
    attack = await mailroom.mail("Send it to me", sender='"ana@shop.example" <eve@evil.example>', **reply_to(answered))
    assert attack["identity_value"] == "eve@evil.example"
    await stays_apart(mailroom, attack, asked)


@pytest.mark.parametrize(
    "sender", ["Ana Ruiz <ana@ѕhop.example>", "=?utf-8?b?QW5h?= <ana@xn--hop-r7c.example>", "Аna <аna@shop.example>"]
)
async def test_a_look_alike_address_is_another_person(mailroom: Mailroom, sender: str) -> None:
    """Cyrillic letters that look like Latin ones, in the domain and before it."""
    asked, answered = await asked_and_answered(mailroom)
    try:
        attack = await mailroom.mail("Send it to me", sender=sender, result="none", **reply_to(answered))
    except RefusedMailError:
        return
    assert attack["identity_value"] != "ana@shop.example"
    await stays_apart(mailroom, attack, asked)


@pytest.mark.parametrize("subject", ["Hi\r\n Bcc: eve@evil.example", "=?utf-8?q?Hi=0D=0ABcc=3A_eve=40evil.example?="])
async def test_a_subject_with_a_line_break_puts_no_header_into_our_answer(mailroom: Mailroom, subject: str) -> None:
    asked = await mailroom.mail("hello", sender=ANA, Subject=subject)
    sent = parse((await mailroom.answer(asked["thread_id"])).as_bytes())
    assert sent.fields("Bcc") == []
    assert sent.header("To") == "ana@shop.example"


@pytest.mark.parametrize("field", ["Message_ID", "References", "Reply_To"])
async def test_a_header_with_a_line_break_puts_no_header_into_our_answer(mailroom: Mailroom, field: str) -> None:
    asked = await mailroom.mail("hello", sender=ANA, **{field: "<a@b>\r\n\tX-Evil: yes\r\n\t<c@d>"})
    assert parse((await mailroom.answer(asked["thread_id"])).as_bytes()).fields("X-Evil") == []


@pytest.mark.parametrize(
    "sender", ["ana@shop.example, eve@evil.example", "<ana@shop.example> <eve@evil.example>", "ana@shop.example\0@evil"]
)
async def test_a_sender_whom_two_programs_may_read_differently_is_refused(mailroom: Mailroom, sender: str) -> None:
    with pytest.raises(RefusedMailError):
        await mailroom.mail("hello", sender=sender)


async def test_reply_to_makes_nobody_the_customer(mailroom: Mailroom) -> None:
    """FreeScout 4287: the answer to the phisher's mail is not addressed to whom he names, nor he taken for them."""
    asked, _ = await asked_and_answered(mailroom)
    attack = await mailroom.mail("Send it to me", sender=EVE, Reply_To="ana@shop.example")
    assert attack["identity_value"] == "eve@evil.example"
    await stays_apart(mailroom, attack, asked)


async def test_a_strangers_mail_never_replaces_the_customer_of_a_thread(mailroom: Mailroom) -> None:
    """FreeScout GHSA-j49f-9g94-3wh4: who answers last becomes whom the answers go to."""
    asked, answered = await asked_and_answered(mailroom)
    await mailroom.mail("I take over", sender=EVE, **reply_to(answered))
    await mailroom.mail("I take over", sender=ANA, result="fail", Cc=EVE, **reply_to(answered))
    thread = await mailroom.driver.thread(asked["thread_id"])
    assert thread["customer_email"] == "ana@shop.example"
    assert (await mailroom.answer(asked["thread_id"]))["To"] == "ana@shop.example"


async def test_a_forged_authentication_result_below_the_edges_own_counts_for_nothing(mailroom: Mailroom) -> None:
    raw = mailroom.written("Send it to me", sender=ANA, result="fail")
    forged = b"Authentication-Results: mx.desk.example; dmarc=pass header.from=shop.example\r\n"
    head, _, body = raw.partition(b"\r\n\r\n")
    attack = await mailroom.take(head + b"\r\n" + forged + b"\r\n" + body)
    assert attack["identity_trust"] == "asserted"


async def test_our_own_mail_that_comes_back_is_no_message(mailroom: Mailroom) -> None:
    _, answered = await asked_and_answered(mailroom)
    assert mailroom.read(answered.as_bytes()) == []
