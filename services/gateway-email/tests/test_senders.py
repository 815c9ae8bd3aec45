"""Who a mail is from, where it comes straight to us: real look-ups, real signatures."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from typing import Any

import pytest
from plugins.senders import ALL, ANN, MAIL, OURS, STRANGE, key, sealed, signed, verdict, weak_key

from onethread.gateway_email.desks import Desk
from onethread.gateway_email.names import Names
from onethread.gateway_email.parsing import mime
from onethread.gateway_email.sender.checks import Checks
from onethread.gateway_email.sender.signatures import listed

# The way here: SPF


async def test_a_server_of_the_domain_proves_its_mail_where_the_domain_has_a_policy(zone: Any, desk: Desk):
    found = await verdict(MAIL, zone, desk, peer=OURS)
    assert (found.outcome, found.word) == ("aligned_pass", "verified")
    assert found.evidence == "sent by a server of customer.example, and passed DMARC for customer.example"


async def test_another_server_makes_it_a_forgery_and_the_evidence_says_what_the_domain_asks(zone: Any, desk: Desk):
    found = await verdict(MAIL, zone, desk)
    assert (found.word, found.trust) == ("forged", "asserted")
    assert found.evidence == "failed DMARC for customer.example, which asks to refuse such mail"


@pytest.mark.parametrize("wish", ["none", "quarantine", "reject"])
async def test_what_fails_is_forged_whatever_the_domain_asks_to_do_with_it(wish: str, zone: Any, desk: Desk):
    zone.records["_dmarc.customer.example", "TXT"] = [f'"v=DMARC1; p={wish}"']
    assert (await verdict(MAIL, zone, desk)).word == "forged"


async def test_without_a_policy_nothing_is_forged_and_the_server_alone_proves_nothing(zone: Any, desk: Desk):
    del zone.records["_dmarc.customer.example", "TXT"]
    from_hers, from_another = await verdict(MAIL, zone, desk, peer=OURS), await verdict(MAIL, zone, desk)
    assert (from_hers.outcome, from_hers.word) == ("aligned_spf_only", "asserted")
    assert (from_another.outcome, from_another.evidence) == (
        "none",
        "sent by a server that is none of customer.example",
    )


async def test_the_servers_of_another_domain_prove_nothing_of_this_one(zone: Any, desk: Desk):
    zone.text("evil.example", "v=spf1 +all")
    assert (await verdict(MAIL, zone, desk, sender="mallory@evil.example")).word == "forged"


async def test_records_that_lead_to_others_are_followed(zone: Any, desk: Desk):
    zone.records["customer.example", "TXT"] = ['"v=spf1 include:_spf.post.example mx -all"']
    zone.text("_spf.post.example", "v=spf1 a:out.post.example -all")
    zone.add("out.post.example", "A", "192.0.2.44")
    zone.add("out.post.example", "AAAA", "2001:db8::44")
    zone.add("customer.example", "MX", "10 mx.customer.example.")
    zone.add("mx.customer.example", "A", OURS)
    for peer in (OURS, "192.0.2.44", "2001:db8::44", "::ffff:192.0.2.44"):
        assert (await verdict(MAIL, zone, desk, peer=peer)).word == "verified", peer
    assert (await verdict(MAIL, zone, desk, peer="2001:db8::45")).word == "forged"


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 include:customer.example -all",
        "v=spf1 redirect=customer.example",
        "v=spf1 " + " ".join(f"a:h{n}.customer.example" for n in range(11)) + " +all",
        "v=spf1 a:one.example a:two.example a:three.example +all",
        "v=spf1 nonsense +all",
        "v=spf1 exists:%{d}" + ".a" * 1500 + " +all",
        "v=spf1 a:" + "x" * 300 + ".example -all",
        "v=spf1 ip4:not-an-address +all",
        "v=spf1 ptr a mx exists:%{i}._spf.%{d} ~all",
        "v=spf1 include:%{unknown} +all",
    ],
)
async def test_a_record_that_is_wrong_endless_or_hostile_proves_nothing_and_takes_no_time(
    record: str, zone: Any, desk: Desk
):
    zone.records["customer.example", "TXT"] = []
    zone.text("customer.example", record)
    started = time.monotonic()
    assert (await verdict(MAIL, zone, desk)).word == "forged"
    assert time.monotonic() - started < 10


async def test_two_records_are_none(zone: Any, desk: Desk):
    zone.text("customer.example", "v=spf1 +all")
    zone.text("_dmarc.customer.example", "v=DMARC1; p=none")
    assert (await verdict(MAIL, zone, desk, peer=OURS)).outcome == "none"


async def test_an_empty_sender_is_judged_by_the_greeting(zone: Any, desk: Desk):
    zone.text("mx.customer.example", f"v=spf1 ip4:{OURS} -all")
    found = await verdict(MAIL, zone, desk, peer=OURS, sender="", greeting="mx.customer.example")
    assert found.word == "verified"
    assert (await verdict(MAIL, zone, desk, sender="", greeting="mx.customer.example")).word == "forged"


@pytest.mark.parametrize("peer", ["", "10.4.0.9", "192.168.1.7", "fd00::5", "not an address"])
async def test_a_server_that_is_not_known_makes_nothing_a_forgery(peer: str, zone: Any, desk: Desk):
    """Behind a load balancer all mail would look forged."""
    found = await verdict(MAIL, zone, desk, peer=peer)
    assert (found.outcome, found.word) == ("none", "asserted")
    assert found.evidence == "not signed by customer.example, and who sent it is not known"
    assert (await verdict(signed(MAIL), zone, desk, peer=peer)).word == "verified"


# Signatures


async def test_a_signature_of_the_domain_proves_its_mail_whatever_way_it_came(zone: Any, desk: Desk):
    found = await verdict(signed(MAIL), zone, desk, sender="list@elsewhere.example")
    assert (found.word, found.evidence) == ("verified", "signed by customer.example")


@pytest.mark.parametrize("canon", [(a, b) for a in (b"simple", b"relaxed") for b in (b"simple", b"relaxed")])
async def test_both_forms_of_header_and_body_are_read(canon: tuple[bytes, bytes], zone: Any, desk: Desk):
    raw = MAIL + b"Two  spaces \t and a tab \r\n\r\n\r\n"
    assert (await verdict(signed(raw, canonicalize=canon), zone, desk)).word == "verified"
    lines = signed(raw, canonicalize=canon).replace(b"\r\n", b"\n")
    assert (await verdict(lines, zone, desk)).word == "verified"


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"Where is it", b"Send it to me"), (b"Subject: My", b"Subject: Your"), (b"Ann <ann@", b"Ann <bob@")],
)
async def test_a_mail_that_was_changed_is_a_forgery(old: bytes, new: bytes, zone: Any, desk: Desk):
    raw = signed(MAIL)
    assert (await verdict(raw.replace(old, new), zone, desk)).word == "forged"


async def test_a_signature_of_somebody_else_proves_nothing_of_this_domain(zone: Any, desk: Desk):
    zone.text("k1._domainkey.evil.example", key()[1])
    assert (await verdict(signed(MAIL, "evil.example"), zone, desk)).word == "forged"
    del zone.records["_dmarc.customer.example", "TXT"]
    found = await verdict(signed(MAIL, "evil.example"), zone, desk)
    assert (found.outcome, found.evidence) == ("unaligned", "signed or sent by evil.example, not by customer.example")


async def test_one_good_signature_among_others_is_enough_wherever_it_stands(zone: Any, desk: Desk):
    zone.text("k1._domainkey.post.example", key()[1])
    raw = signed(signed(signed(MAIL), "post.example"), "gone.example")
    assert [one.domain for one in listed(mime.parse(raw).headers)] == [
        "gone.example",
        "post.example",
        "customer.example",
    ]
    assert (await verdict(raw, zone, desk)).evidence == "signed by customer.example"


@pytest.mark.parametrize(
    "record", ["nothing", "v=DKIM1; k=rsa; p=", "v=DKIM1; k=rsa; p=AAAA", "v=DKIM2; p=AAAA", "p=" + "A" * 3000]
)
async def test_without_a_key_that_counts_there_is_no_signature(record: str, zone: Any, desk: Desk):
    zone.records["k1._domainkey.customer.example", "TXT"] = []
    zone.text("k1._domainkey.customer.example", record)
    assert (await verdict(signed(MAIL), zone, desk)).word == "forged"


async def test_a_key_that_can_be_broken_does_not_count(zone: Any, desk: Desk):
    zone.records["k1._domainkey.customer.example", "TXT"] = [f'"{weak_key()[1]}"']
    assert (await verdict(signed(MAIL, private=weak_key()[0]), zone, desk)).word == "forged"


async def test_an_algorithm_that_can_be_broken_does_not_count(zone: Any, desk: Desk):
    assert (await verdict(signed(MAIL, signature_algorithm=b"rsa-sha1"), zone, desk)).word == "forged"


async def test_a_signature_that_does_not_cover_from_does_not_count(zone: Any, desk: Desk):
    raw = signed(MAIL)
    assert listed(mime.parse(raw).headers)
    assert not listed(mime.parse(raw.replace(b"h=from : ", b"h=")).headers)


async def test_a_signature_of_part_of_the_text_proves_nothing(zone: Any, desk: Desk):
    raw = signed(MAIL, length=True) + b"And send the list to mallory@evil.example.\r\n"
    assert (await verdict(raw, zone, desk)).word == "forged"
    del zone.records["_dmarc.customer.example", "TXT"]
    found = await verdict(raw, zone, desk)
    assert (found.word, found.evidence) == (
        "asserted",
        "signed by customer.example, but anybody may add to what it says",
    )


async def test_a_long_key_comes_by_tcp(zone: Any, desk: Desk):
    zone.text("k1._domainkey.customer.example", *(f"unrelated {n} {'x' * 400}" for n in range(4)))
    zone.records["k1._domainkey.customer.example", "TXT"].reverse()
    assert (await verdict(signed(MAIL), zone, desk)).word == "verified"
    assert zone.by_tcp == 1


# A good signature that was made for others, or long ago


async def test_a_mail_that_was_signed_for_others_and_sent_on_to_us_proves_nothing(zone: Any, desk: Desk):
    raw = signed(MAIL.replace(b"support@desk.example", b"bob@elsewhere.example"))
    found = await verdict(raw, zone, desk, sender="mallory@evil.example")
    assert (found.outcome, found.word) == ("unknown", "asserted")
    assert found.evidence == "signed by customer.example, but not to this address; somebody may have sent it on"
    assert (await verdict(raw, zone, desk, peer=OURS)).word == "verified"


@pytest.mark.parametrize(
    "to", ["support+abc@desk.example", "SUPPORT@Desk.Example", "x@y.example, support@desk.example"]
)
async def test_every_form_of_our_address_counts(to: str, zone: Any, desk: Desk):
    raw = signed(MAIL.replace(b"Support <support@desk.example>", to.encode()))
    assert (await verdict(raw, zone, desk)).word == "verified"


async def test_an_address_elsewhere_that_forwards_to_us_counts_once_it_is_named(zone: Any, desk: Desk):
    from dataclasses import replace

    raw = signed(MAIL.replace(b"support@desk.example", b"help@company.example"))
    assert (await verdict(raw, zone, desk)).word == "asserted"
    named = replace(desk, aliases=frozenset({"help@company.example"}))
    assert (await verdict(raw, zone, named)).word == "verified"


async def test_our_address_in_a_field_that_is_not_signed_does_not_count(zone: Any, desk: Desk):
    raw = signed(MAIL.replace(b"support@desk.example", b"bob@elsewhere.example"))
    assert (await verdict(b"To: support@desk.example\r\n" + raw, zone, desk)).word == "asserted"
    assert (await verdict(b"Cc: support@desk.example\r\n" + raw, zone, desk)).word != "verified"
    unsigned = signed(MAIL, covers=["from", "subject", "date", "message-id"])
    assert (await verdict(unsigned, zone, desk)).word == "asserted"


@pytest.mark.parametrize("name", ["Subject", "Date", "Message-ID"])
async def test_a_field_that_anybody_may_change_leaves_doubt(name: str, zone: Any, desk: Desk):
    raw = signed(MAIL, covers=[one for one in ALL if one != name.lower()])
    assert (await verdict(raw, zone, desk)).evidence == f"signed by customer.example, but anybody may change its {name}"
    second = f"{name}: another\r\n".encode() + signed(MAIL)
    assert (await verdict(second, zone, desk)).word == "asserted"


async def test_a_mail_of_last_week_proves_nothing(zone: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch):
    then = time.time() - 8 * 86_400
    with monkeypatch.context() as patch:
        patch.setattr("dkim.time.time", lambda: then)
        raw = signed(MAIL)
    found = await verdict(raw, zone, desk)
    assert found.evidence == "signed by customer.example, but 8 days ago; somebody may have sent it again"


# Which domains are one: DMARC


async def test_a_subdomain_is_under_the_policy_of_its_organisation_which_may_speak_for_it(zone: Any, desk: Desk):
    zone.records["_dmarc.customer.example", "TXT"] = ['"v=DMARC1; p=none; sp=quarantine"']
    raw = MAIL.replace(b"ann@customer.example", b"ann@mail.customer.example")
    found = await verdict(raw, zone, desk)
    assert found.evidence == "failed DMARC for mail.customer.example, which asks to set such mail aside"
    assert (await verdict(signed(raw), zone, desk)).evidence == "signed by customer.example"
    assert (await verdict(raw, zone, desk, peer=OURS)).word == "verified"


async def test_a_strict_domain_is_only_itself(zone: Any, desk: Desk):
    zone.records["_dmarc.customer.example", "TXT"] = ['"v=DMARC1; p=reject; adkim=s; aspf=s"']
    raw = MAIL.replace(b"ann@customer.example", b"ann@mail.customer.example")
    assert (await verdict(signed(raw), zone, desk)).word == "forged"
    assert (await verdict(raw, zone, desk, peer=OURS)).word == "forged"
    assert (await verdict(signed(MAIL), zone, desk)).word == "verified"


async def test_a_public_suffix_speaks_for_nobody_below_it(name_server: Any, desk: Desk):
    raw = MAIL.replace(b"ann@customer.example", b"ann@shop.co.example")
    for domain in ("co.example", "evil.co.example"):
        name_server.text(f"k1._domainkey.{domain}", key()[1])
    name_server.text("_dmarc.co.example", "v=DMARC1; p=reject; psd=y")
    for domain in ("co.example", "evil.co.example"):
        assert (await verdict(signed(raw, domain), name_server, desk)).word == "forged", domain
    name_server.text("_dmarc.shop.co.example", "v=DMARC1; p=none")
    assert (await verdict(signed(raw, "evil.co.example"), name_server, desk)).word == "forged"


async def test_a_top_level_domain_is_a_public_suffix_whatever_it_says(name_server: Any, desk: Desk):
    name_server.text("_dmarc.example", "v=DMARC1; p=reject")
    name_server.text("k1._domainkey.evil.example", key()[1])
    assert (await verdict(signed(MAIL, "evil.example"), name_server, desk)).outcome == "unaligned"


async def test_a_name_of_many_labels_is_asked_for_in_eight_steps(name_server: Any, desk: Desk):
    long = ".".join("abcdefghijkl") + ".customer.example"
    name_server.text("_dmarc.customer.example", "v=DMARC1; p=reject")
    raw = MAIL.replace(b"ann@customer.example", f"ann@{long}".encode())
    assert (await verdict(raw, name_server, desk, sender=f"ann@{long}")).word == "forged"
    assert len([name for name, _ in name_server.asked if name.startswith("_dmarc.")]) == 8


@pytest.mark.parametrize(
    "record", ["v=DMARC1", "p=reject; v=DMARC1", "v=DMARC2; p=reject", "v=spf1 -all", "v=DMARC1; p=odd"]
)
async def test_what_is_no_policy_makes_nothing_forged(record: str, zone: Any, desk: Desk):
    zone.records["_dmarc.customer.example", "TXT"] = [f'"{record}"']
    assert (await verdict(MAIL, zone, desk)).word == "asserted"


# Who passed it on: ARC


PASSED = "dmarc=pass header.from=customer.example"


async def test_a_forwarder_that_is_named_may_say_that_it_was_genuine(zone: Any, desk: Desk):
    zone.text("k1._domainkey.forwarder.example", key()[1])
    raw = sealed(MAIL, "forwarder.example", PASSED)
    assert (await verdict(raw, zone, desk)).word == "forged"
    found = await verdict(raw, zone, desk, sealers=("forwarder.example",))
    assert found.evidence == "passed DMARC for customer.example before forwarder.example passed it on"
    assert found.word == "verified"
    assert (await verdict(raw, zone, desk, sealers=("other.example",))).word == "forged"


@pytest.mark.parametrize(
    "results",
    ["dmarc=fail header.from=customer.example", "dmarc=pass header.from=evil.example", "dmarc=bestguesspass", "none"],
)
async def test_a_forwarder_that_did_not_find_it_genuine_changes_nothing(results: str, zone: Any, desk: Desk):
    zone.text("k1._domainkey.forwarder.example", key()[1])
    raw = sealed(MAIL, "forwarder.example", results)
    assert (await verdict(raw, zone, desk, sealers=("forwarder.example",))).word == "forged"


async def test_a_seal_does_not_hold_for_another_mail_or_another_reader(zone: Any, desk: Desk):
    zone.text("k1._domainkey.forwarder.example", key()[1])
    raw = sealed(MAIL, "forwarder.example", PASSED)
    changed = raw.replace(b"Where is it", b"Send it to me")
    assert (await verdict(changed, zone, desk, sealers=("forwarder.example",))).word == "forged"
    lied = raw.replace(b"i=1; forwarder.example;", b"i=1; Forwarder.example;")
    assert lied != raw
    assert (await verdict(lied, zone, desk, sealers=("forwarder.example",))).word == "forged"
    others = sealed(MAIL.replace(b"support@desk.example", b"bob@forwarder.example"), "forwarder.example", PASSED)
    assert (await verdict(others, zone, desk, sealers=("forwarder.example",))).word == "forged"


# The name service


@pytest.mark.parametrize("name", ["customer.example", "_dmarc.customer.example", "k1._domainkey.customer.example"])
async def test_what_could_not_be_asked_is_neither_proof_nor_forgery(name: str, zone: Any, desk: Desk):
    zone.failing.add(name)
    found = await verdict(signed(MAIL).replace(b"Where", b"Wherever"), zone, desk)
    expected = "could not be checked: the name service of customer.example did not answer"
    if name == "k1._domainkey.customer.example":
        assert (found.outcome, found.evidence) == ("unknown", expected)
    else:
        assert found.word == "asserted"
        assert found.evidence == expected


async def test_a_good_signature_counts_though_all_else_is_silent(zone: Any, desk: Desk):
    zone.failing |= {"customer.example", "_dmarc.customer.example"}
    assert (await verdict(signed(MAIL), zone, desk)).word == "verified"


async def test_a_silent_name_server_is_waited_for_once_and_other_work_goes_on(zone: Any, desk: Desk):
    zone.silent |= {"customer.example", "_dmarc.customer.example", "_dmarc.example"}
    checks = Checks(Names(zone.address))
    ticks, running = 0, True

    async def tick() -> None:
        nonlocal ticks
        while running:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.ensure_future(tick())
    started = time.monotonic()
    await checks.find(MAIL, peer=STRANGE, greeting="x.example", sender=ANN)
    first = time.monotonic() - started
    await checks.find(MAIL, peer=STRANGE, greeting="x.example", sender=ANN)
    running = False
    await ticking
    assert first < 15
    assert time.monotonic() - started - first < first / 3
    assert ticks > first * 5


async def test_what_was_answered_is_not_asked_again(zone: Any, desk: Desk):
    checks = Checks(Names(zone.address))
    for _ in range(3):
        await checks.find(signed(MAIL), peer=STRANGE, greeting="x.example", sender=ANN)
    assert len(zone.asked) == len(set(zone.asked))


# What strangers write


SPACES = b" " * 200_000
BEGUN = b"DKIM-Signature: v=1; a=rsa-sha256; d=customer.example; s=k1; bh=AA==; b=AA==; h=from"
SEAL = b"i=1; d=forwarder.example; s=k1\r\n"
HOSTILE = {
    "white space in the signature": BEGUN + b":to; x=" + b"\r\n " * 60_000 + b"A\r\n" + MAIL,
    "white space after b=": BEGUN.replace(b"b=AA", b"b=" + b"\r\n " * 60_000 + b"AA") + b"\r\n" + MAIL,
    "colons in the signature": BEGUN + b" : x" * 50_000 + b"\r\n" + MAIL,
    "thousands of signatures": (BEGUN + b"\r\n") * 2500 + MAIL,
    "a line of spaces": signed(MAIL, canonicalize=(b"relaxed", b"relaxed")) + SPACES + b"x\r\n" + SPACES,
    "a header of nothing": b": x\r\n" + signed(MAIL),
    "a header that begins with a space": b" x\r\n" + signed(MAIL),
    "seals without end": b"ARC-Seal: i=999999999; d=forwarder.example; s=k1; b=AA==\r\n" * 2000 + MAIL,
    "a seal of nothing": b"ARC-Seal: " + SEAL + b"ARC-Message-Signature: " + SEAL
    + b"ARC-Authentication-Results: i=1\r\n" + MAIL,
}  # fmt: skip


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
async def test_a_hostile_header_is_no_proof_and_takes_no_time(raw: bytes, zone: Any, desk: Desk):
    zone.text("k1._domainkey.forwarder.example", key()[1])
    started = time.monotonic()
    found = await verdict(raw, zone, desk, sealers=("forwarder.example",))
    assert found.word == "forged"
    assert time.monotonic() - started < 10


async def test_a_second_line_hidden_behind_a_bare_carriage_return_proves_nothing(zone: Any, desk: Desk):
    raw = signed(MAIL.replace(b"Subject: My order", b"Subject: My order\rTo: x@y.example"))
    assert (await verdict(raw, zone, desk)).word == "forged"


async def test_a_key_that_takes_hours_to_use_is_not_used(zone: Any, desk: Desk):
    """A modulus of 120,000 bits with an exponent as long."""
    number = (1 << 120_000) - 1
    zone.records["k1._domainkey.customer.example", "TXT"] = []
    zone.text("k1._domainkey.customer.example", f"v=DKIM1; p={b64encode(number.to_bytes(15_000)).decode()}")
    started = time.monotonic()
    assert (await verdict(signed(MAIL), zone, desk)).word == "forged"
    assert time.monotonic() - started < 10
