"""Forgers with domains, name servers and mailboxes of their own: none makes a mail look more like its victim's.

The victim is Ann, whose domain asks to refuse what it has not sent. What a test says is `forged` was less than that, or
more than `asserted`, before it was written, or is a known attack.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from plugins.senders import ALL, ANN, MAIL, OURS, STRANGE, key, sealed, signed, verdict

from onethread.gateway_email.convert import Arrival, RefusedMailError, external_id, received
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.parsing import addresses, mime
from onethread.gateway_email.sender import deceptions

EVE = "eve@evil.example"
FORGED = "failed DMARC for customer.example, which asks to refuse such mail"


# A forger's own name servers are slow, silent or lead nowhere


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 include:silent.evil.example -all",
        "v=spf1 redirect=silent.evil.example",
        "v=spf1 a:silent.evil.example mx:silent.evil.example ?all",
        "v=spf1 exists:%{i}.silent.evil.example -all",
        "v=spf1 exists:%{l}.%{d}.%{h}.silent.evil.example -all",
    ],
)
async def test_a_silent_name_of_the_forger_is_no_excuse(record: str, zone: Any, desk: Desk):
    zone.text("evil.example", record)
    zone.failing |= {
        "silent.evil.example", f"{STRANGE}.silent.evil.example",
        "eve.evil.example.mx.elsewhere.example.silent.evil.example",
    }  # fmt: skip
    assert (await verdict(MAIL, zone, desk, sender=EVE)).evidence == FORGED


async def test_a_chain_of_slow_names_does_not_use_up_the_time_for_the_victims_policy(
    zone: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("onethread.gateway_email.sender.spf.SECONDS", 0.5)
    zone.text("evil.example", "v=spf1 include:s0.evil.example -all")
    for number in range(9):
        zone.text(f"s{number}.evil.example", f"v=spf1 include:s{number + 1}.evil.example -all")
        zone.slow[f"s{number}.evil.example"] = 0.4
    assert (await verdict(MAIL, zone, desk, sender=EVE)).evidence == FORGED


async def test_a_silent_key_of_a_neighbour_under_one_public_suffix_is_no_excuse(name_server: Any, desk: Desk):
    raw = MAIL.replace(b"ann@customer.example", b"ann@customer.co.example")
    name_server.text("_dmarc.customer.co.example", "v=DMARC1; p=reject")
    name_server.failing |= {"k1._domainkey.evil.co.example", "_dmarc.evil.co.example"}
    found = await verdict(signed(raw, "evil.co.example"), name_server, desk, sender="eve@evil.co.example")
    assert found.word == "forged"


async def test_the_victims_own_silence_is_still_no_forgery(zone: Any, desk: Desk):
    zone.failing.add("customer.example")
    assert (await verdict(MAIL, zone, desk)).outcome == "unknown"
    zone.failing = {"k1._domainkey.mail.customer.example"}
    assert (await verdict(signed(MAIL, "mail.customer.example"), zone, desk)).outcome == "unknown"


async def test_aliases_are_followed_and_those_in_a_circle_prove_nothing(zone: Any, desk: Desk):
    for name in ("k1._domainkey.customer.example", "_dmarc.customer.example", "customer.example"):
        zone.records[f"real.{name}", "TXT"] = zone.records.pop((name, "TXT"))
        zone.add(name, "CNAME", f"middle.{name}.")
        zone.add(f"middle.{name}", "CNAME", f"real.{name}.")
    assert (await verdict(signed(MAIL), zone, desk)).word == "verified"
    assert (await verdict(MAIL, zone, desk, peer=OURS)).word == "verified"
    assert (await verdict(MAIL, zone, desk)).word == "forged"
    zone.text("evil.example", "v=spf1 a:circle.evil.example -all")
    zone.add("circle.evil.example", "CNAME", "circle.evil.example.")
    assert (await verdict(MAIL, zone, desk, sender=EVE)).word == "forged"


# Who may send for a domain that lets everybody


@pytest.mark.parametrize("record", ["+all", "ip4:0.0.0.0/0 -all", "exists:anything.customer.example -all"])
async def test_a_domain_that_names_every_server_proves_nothing_by_it(record: str, zone: Any, desk: Desk):
    zone.records["customer.example", "TXT"] = []
    zone.text("customer.example", f"v=spf1 {record}")
    zone.add("anything.customer.example", "A", "127.0.0.2")
    found = await verdict(MAIL, zone, desk)
    assert (found.word, found.evidence) == (
        "asserted",
        "not signed, and customer.example lets every server send its mail",
    )
    assert (await verdict(signed(MAIL), zone, desk)).word == "verified"


async def test_a_forgers_domain_with_every_server_does_not_make_less_of_it(zone: Any, desk: Desk):
    zone.text("evil.example", "v=spf1 +all")
    found = await verdict(MAIL, zone, desk, sender=EVE)
    assert (found.word, found.evidence) == ("forged", f"{FORGED}; evil.example signed or sent it")


# A good signature, put to another use


async def test_what_is_signed_in_part_is_not_signed(zone: Any, desk: Desk):
    """A boundary of the forger's shows only what was added."""
    raw = signed(MAIL, length=True)
    shown = b"Content-Type: multipart/mixed; boundary=x\r\n" + raw + b"--x\r\n\r\nSend it to Eve.\r\n--x--\r\n"
    assert (await verdict(shown, zone, desk)).word == "forged"


async def test_a_line_that_hides_the_rest_of_a_signed_field_breaks_the_signature(zone: Any, desk: Desk):
    raw = signed(MAIL.replace(b"Subject: My order", b"Subject: Refund\r\n to nobody"))
    assert (await verdict(raw, zone, desk)).word == "verified"
    for hidden in (b"From x\r\n to nobody", b"From : eve@evil.example\r\n to nobody"):
        cut = raw.replace(b"\r\n to nobody", b"\r\n" + hidden)
        assert mime.parse(cut).header("Subject") == "Refund"
        assert (await verdict(cut, zone, desk)).word == "forged"


async def test_text_that_begins_as_such_a_line_does_not(zone: Any, desk: Desk):
    assert (await verdict(signed(MAIL + b"\r\nFrom there\r\n we walked.\r\n"), zone, desk)).word == "verified"


@pytest.mark.parametrize(
    "date", [None, "yesterday", "Mon, 99 Nov 2026 09:59:58 +0000", "Mon, 02 Nov 2046 09:59:58 +0000"]
)
async def test_a_mail_that_does_not_say_when_it_was_made_may_be_sent_on_for_ever(
    date: str | None, zone: Any, desk: Desk
):
    dated = b"" if date is None else f"Date: {date}\r\n".encode()
    raw = signed_without_time(MAIL.replace(b"Date: Mon, 02 Nov 2026 09:59:58 +0000\r\n", dated))
    found = await verdict(raw, zone, desk)
    assert (found.outcome, found.word) == ("unknown", "asserted")
    assert "nobody knows when" in found.evidence


@pytest.mark.parametrize(("days", "word"), [(0, "verified"), (6, "verified"), (8, "asserted")])
async def test_without_a_time_in_the_signature_the_date_of_the_mail_counts(days: int, word: str, zone: Any, desk: Desk):
    then = format_datetime(datetime.now(UTC) - timedelta(days=days))
    raw = signed_without_time(MAIL.replace(b"Mon, 02 Nov 2026 09:59:58 +0000", then.encode()))
    assert (await verdict(raw, zone, desk)).word == word


def signed_without_time(raw: bytes) -> bytes:
    """As a third of all servers sign."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dkim.time.time", lambda: 0)
        return signed(raw)


@pytest.mark.parametrize("ahead", [11 * 3600, 400 * 86_400])
async def test_a_signature_of_tomorrow_does_not_count(ahead: int, zone: Any, desk: Desk):
    now = time.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dkim.time.time", lambda: now + ahead)
        raw = signed(MAIL)
    assert (await verdict(raw, zone, desk)).word == "forged"


@pytest.mark.parametrize("name", ["From", "Subject", "To", "Date", "Message-ID", "Cc"])
@pytest.mark.parametrize("on_top", [True, False])
async def test_a_second_field_of_a_kind_is_no_way_round_its_signature(name: str, on_top: bool, zone: Any, desk: Desk):
    raw, second = signed(MAIL), f"{name}: support@desk.example\r\n".encode()
    doubled = second + raw if on_top else raw.replace(b"\r\n\r\n", b"\r\n" + second + b"\r\n", 1)
    try:
        found = await verdict(doubled, zone, desk)
    except AssertionError:  # no sender, so nothing was found out
        assert name == "From"
        return
    assert found.word != "verified"


@pytest.mark.parametrize("domain", ["example", "evil.example", "xcustomer.example", "customer.example.evil.example"])
async def test_neighbours_parents_and_children_of_the_name_do_not_speak_for_it(domain: str, zone: Any, desk: Desk):
    zone.text(f"k1._domainkey.{domain}", key()[1])
    assert (await verdict(signed(MAIL, domain), zone, desk)).word == "forged"


async def test_a_signers_own_name_for_the_person_says_nothing(zone: Any, desk: Desk):
    """i= names Ann; d= is the forger's."""
    zone.text("k1._domainkey.evil.example", key()[1])
    raw = signed(MAIL, "evil.example", identity=b"ann@evil.example")
    assert (await verdict(raw, zone, desk)).word == "forged"
    lied = raw.replace(b"i=ann@evil.example", b"i=ann@customer.example")
    assert (await verdict(lied, zone, desk)).word == "forged"


# What forwarders say


PASSED = "dmarc=pass header.from=customer.example"
SEALERS = ("forwarder.example",)


async def test_a_seal_holds_only_for_what_a_signature_would(zone: Any, desk: Desk):
    zone.text("k1._domainkey.forwarder.example", key()[1])
    opened = sealed(MAIL, "forwarder.example", PASSED, covers=[one for one in ALL if one != "subject"])
    assert (await verdict(sealed(MAIL, "forwarder.example", PASSED), zone, desk, sealers=SEALERS)).word == "verified"
    assert (await verdict(opened, zone, desk, sealers=SEALERS)).word == "forged"


async def test_a_sealed_mail_of_last_week_proves_nothing(zone: Any, desk: Desk):
    zone.text("k1._domainkey.forwarder.example", key()[1])
    then = time.time() - 8 * 86_400
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dkim.time.time", lambda: then)
        raw = sealed(MAIL, "forwarder.example", PASSED)
    assert (await verdict(raw, zone, desk, sealers=SEALERS)).word == "forged"


@pytest.mark.parametrize("kind", ["ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"])
async def test_a_chain_with_a_gap_is_none(kind: str, zone: Any, desk: Desk):
    zone.text("k1._domainkey.forwarder.example", key()[1])
    twice = sealed(sealed(MAIL, "forwarder.example", PASSED), "forwarder.example", "arc=pass")
    assert (await verdict(twice, zone, desk, sealers=SEALERS)).word == "verified"
    lines = twice.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").split(b"\r\n")
    without = [line for line in lines if not (line.startswith(f"{kind}:".encode()) and b"i=1;" in line)]
    assert len(without) == len(lines) - 1
    assert (await verdict(b"\r\n".join(without), zone, desk, sealers=SEALERS)).word == "forged"


async def test_a_chain_that_the_forger_begins_and_a_forwarder_goes_on_is_not_believed(zone: Any, desk: Desk):
    for domain in ("forwarder.example", "evil.example"):
        zone.text(f"k1._domainkey.{domain}", key()[1])
    raw = sealed(sealed(MAIL, "evil.example", PASSED), "forwarder.example", "arc=pass")
    assert (await verdict(raw, zone, desk, sealers=SEALERS)).word == "forged"


# Mailing lists


async def test_a_lists_changes_make_a_forgery_and_the_reader_is_told_why_that_may_be(zone: Any, desk: Desk):
    zone.text("list.example", f"v=spf1 ip4:{STRANGE} -all")
    raw = b"List-Id: Users <users.list.example>\r\n" + signed(MAIL) + b"-- \r\nTo unsubscribe ...\r\n"
    found = await verdict(raw, zone, desk, sender="users-bounces@list.example")
    assert (found.word, found.evidence) == (
        "forged",
        f"{FORGED}; the mailing list users.list.example passed it on, and lists often change what they pass on",
    )


@pytest.mark.parametrize("list_id", ["<users.list.example>", "Users <x.evil.example.list.example>", "<>", "<" * 5000])
async def test_a_list_that_did_not_send_it_is_no_excuse(list_id: str, zone: Any, desk: Desk):
    zone.text("evil.example", "v=spf1 +all")
    raw = f"List-Id: {list_id}\r\n".encode() + MAIL
    assert "mailing list" not in (await verdict(raw, zone, desk, sender=EVE)).evidence


# The name and the address that are shown


@pytest.mark.parametrize(
    "field",
    [
        "=?utf-8?q?ann=40customer.example=3E?=@evil.example",
        "Ann <=?utf-8?q?ann=40customer.example=20?=@evil.example>",
        "Ann <=?utf-8?q?ann?=@customer.example>",
        "Ann <=?x?q?=41=42=00?=ann@customer.example>",
        "\u212aate@customer.example",
        "Ann <\uff41nn@customer.example>",
        "Ann <\ufb01nn@customer.example>",
        "Friends: ann@customer.example, eve@evil.example;",
        "Friends: Ann <ann@customer.example>;",
        "<@evil.example:ann@customer.example>",
        '"ann@customer.example"@evil.example',
        "Ann <ann@customer.example>, Eve <eve@evil.example>",
        "<ann@customer.example> <eve@evil.example>",
        "ann@customer.example, <eve@evil.example>",
        "ann@customer.example <>",
        "<<ann@customer.example>>",
        "ann@customer.example\0",
        "ann@customer.example\0@evil.example",
        "ann@[198.51.100.7]",
        "ann@customer.example@evil.example",
        "ann@customer.example%evil.example@",
    ],
)
def test_a_from_that_programs_may_read_differently_names_nobody(field: str):
    assert addresses.sole(field) is None


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("ann@customer.example (eve@evil.example)", "ann@customer.example"),
        ("(ann@customer.example) eve@evil.example", "eve@evil.example"),
        ('"ann@customer.example" <eve@evil.example>', "eve@evil.example"),
        ('"Ann <ann@customer.example>" <eve@evil.example>', "eve@evil.example"),
        ("=?utf-8?q?ann=40customer.example?= <eve@evil.example>", "eve@evil.example"),
        ("ann@customer.example <eve@evil.example>", "eve@evil.example"),
        (r"\"ann@customer.example\" <eve@evil.example>", "eve@evil.example"),
        ("Ann (<ann@customer.example>) <eve@evil.example>", "eve@evil.example"),
        ("Ann <eve@evil.example> (via ann@customer.example)", "eve@evil.example"),
        ("ANN@Customer.Example", "ann@customer.example"),
        ("ann@\uff43ustomer.example", "ann@customer.example"),
        ("J\u00fcrgen <j\u00fcrgen@customer.example>", "j\u00fcrgen@customer.example"),
    ],
)
def test_a_from_is_the_address_that_was_checked_whatever_stands_around_it(field: str, address: str):
    found = addresses.sole(field)
    assert found
    assert found[1] == address


@pytest.mark.parametrize("games", [
    b"Sender: ann@customer.example\r\n",
    b"Resent-From: ann@customer.example\r\nResent-Sender: ann@customer.example\r\n",
    b"Reply-To: ann@customer.example\r\n",
    b"Return-Path: <ann@customer.example>\r\n",
    b"X-Original-From: ann@customer.example\r\nX-Google-Original-From: ann@customer.example\r\n",
    b"From : ann@customer.example\r\n",
    b">From: ann@customer.example\r\n",
    b"From ann@customer.example\r\n",
    b"X-From: x\x0b\x0cFrom: ann@customer.example\r\n",
])  # fmt: skip
async def test_no_other_field_makes_a_mail_the_victims(games: bytes, zone: Any, desk: Desk):
    zone.text("k1._domainkey.evil.example", key()[1])
    raw = games + signed(MAIL.replace(b"Ann <ann@customer.example>", b"Eve <eve@evil.example>"), "evil.example")
    arrival = Arrival(STRANGE, ANN, ("support@desk.example",), datetime.now(UTC))
    [who] = received(mime.parse(raw), arrival, desk).identities
    assert who.value == EVE


@pytest.mark.parametrize("name", [
    "ann\uff20customer.example", "ann\ufe6bcustomer.example", "ann@\u200bcustomer.example",
    "ann\u00ad@customer.example", "ann@customer\u3002example", "\uff41nn@customer.example", "ann@customer\uff0eexample",
])  # fmt: skip
def test_a_name_that_only_looks_like_another_address_is_told(name: str):
    [told] = deceptions.warnings(name, EVE, [])
    assert "ann@customer.example" in told


@pytest.mark.parametrize("local", ["\u0430nn", "a\u0578n", "\u0430\u0440\u0440l\u0435"])
def test_look_alike_letters_before_the_at_sign_are_told(local: str):
    [told] = deceptions.warnings("Ann", f"{local}@customer.example", [])
    assert told.endswith(f"and is another: {local}@customer.example.")


# What relays, mailboxes and providers say, who do not know for whom a mail was written


def told(raw: bytes, results: str, desk: Desk, *, days: int = 0, authserv_id: str = "") -> tuple[str, str]:
    """(verdict, evidence) of a mail that a relay has checked, or that a mailbox or provider brought."""
    field = f"Authentication-Results: {authserv_id or 'mx.desk.example'}; {results}\r\n".encode()
    peer, at = "" if authserv_id else "127.0.0.1", datetime.now(UTC) + timedelta(days=days)
    arrival = Arrival(peer, EVE, ("support@desk.example",), at, authserv_id)
    message = received(mime.parse(field + raw), arrival, desk)
    return message.verdict, message.identities[0].evidence


RESENT = "spf=pass smtp.mailfrom=eve@evil.example; dkim=pass header.d=customer.example"


@pytest.mark.parametrize("results", [RESENT, f"{RESENT}; dmarc=pass header.from=customer.example"])
@pytest.mark.parametrize("brought_by", ["", "mx.google.com", "sendgrid"])
def test_a_mail_that_was_sent_on_proves_nothing_whoever_checked_its_signature(
    results: str, brought_by: str, desk: Desk
):
    covers = [one for one in ALL if one != "cc"]
    theirs = signed(MAIL.replace(b"support@desk.example", b"bob@elsewhere.example"), covers=covers)
    for raw in (theirs, b"To: support@desk.example\r\n" + theirs, b"Cc: support@desk.example\r\n" + theirs):
        verdict, evidence = told(raw, results, desk, authserv_id=brought_by)
        assert verdict == "asserted"
        assert evidence.endswith("not to this address; somebody may have sent it on")
    assert told(signed(MAIL), results, desk, authserv_id=brought_by)[0] == "verified"
    assert told(signed(MAIL), results, desk, authserv_id=brought_by, days=8)[0] == "asserted"
    assert told(signed(MAIL, length=True), results, desk, authserv_id=brought_by)[0] == "asserted"
    added = b"DKIM-Signature: v=1; a=rsa-sha256; d=customer.example; s=x; h=from:to; bh=AA==; b=AA==\r\n"
    assert told(added + theirs, results, desk, authserv_id=brought_by)[0] == "asserted"


@pytest.mark.parametrize("sender", ["ann@customer.example", "bounce@mail.customer.example"])
def test_a_mail_that_came_by_its_own_domains_server_may_be_written_to_anybody(sender: str, desk: Desk):
    raw = signed(MAIL.replace(b"support@desk.example", b"list@elsewhere.example"))
    results = (
        f"spf=pass smtp.mailfrom={sender}; dkim=pass header.d=customer.example; dmarc=pass header.from=customer.example"
    )
    assert told(raw, results, desk)[0] == "verified"


@pytest.mark.parametrize(
    "results",
    [
        "dmarc=fail header.from=customer.example; dmarc=pass header.from=customer.example",
        "dmarc=pass header.from=customer.example.evil.example",
        "dmarc=pass header.from=evil.example; dkim=pass header.d=customer.example",
        "dmarc=pass",
        "DMARC=FAIL header.from=customer.example (dmarc=pass header.from=customer.example)",
        "x-dmarc=pass header.from=customer.example",
        "dkim=pass header.d=customer.example.evil.example",
        "dkim=pass header.i=@customer.example header.d=evil.example",
        'dkim=pass reason="header.d=customer.example" header.d=evil.example',
        "spf=pass smtp.helo=customer.example",
        "arc=pass header.d=customer.example",
        "auth=pass smtp.auth=ann@customer.example",
        "iprev=pass policy.iprev=198.51.100.7; none",
    ],
)
def test_no_wording_of_results_is_a_pass_but_the_plain_one(results: str, desk: Desk):
    assert told(MAIL, results, desk)[0] != "verified"
    assert told(MAIL, results, desk, authserv_id="mx.google.com")[0] != "verified"


# Who came first


def test_a_forged_copy_does_not_take_the_place_of_the_mail_that_it_copies(desk: Desk):
    said = "Authentication-Results: mx.desk.example; dmarc={} header.from=customer.example\r\n"
    arrival = Arrival("127.0.0.1", ANN, ("support@desk.example",), datetime.now(UTC))
    forged, genuine, again = (
        received(mime.parse(said.format(word).encode() + MAIL), arrival, desk) for word in ("fail", "pass", "pass")
    )
    assert forged.external_id != genuine.external_id == again.external_id
    assert (forged.verdict, genuine.verdict) == ("forged", "verified")


def test_an_id_that_was_taken_before_holds_up_nobodys_mail(desk: Desk):
    taken = MAIL.replace(b"Where is it?", b"I was first.").replace(b"ann@", b"eve@")
    assert external_id(mime.parse(taken)) != external_id(mime.parse(MAIL))


@pytest.mark.parametrize(
    "sender", [b"ann@customer.example\x00", b"\xffann@customer.example", b"ann@customer.example\x80"]
)
def test_bytes_that_are_no_letters_name_nobody_or_somebody_else(sender: bytes, desk: Desk):
    arrival = Arrival(STRANGE, ANN, ("support@desk.example",), datetime.now(UTC))
    try:
        found = received(mime.parse(MAIL.replace(b"Ann <ann@customer.example>", sender)), arrival, desk)
    except RefusedMailError:
        return
    assert found.identities[0].value != ANN
    found.model_dump_json().encode()
