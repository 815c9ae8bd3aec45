from __future__ import annotations

import json
from pathlib import Path

import pytest

from onethread.gateway_email.parsing import addresses, mime
from onethread.gateway_email.sender.authenticity import Edge, judge

EDGE = Edge.parse("127.0.0.0/8, ::1/128", "mx.desk.example")
PASS = "mx.desk.example; dmarc=pass header.from=customer.example"
NEEDS_ORGANISATIONAL_DOMAIN = {"no dmarc, dkim aligned by parent domain", "no dmarc, dkim of a public suffix"}


def verdict_of(*fields: str, peer: str = "127.0.0.1", sender: str = "ann@customer.example", edge: Edge = EDGE):
    return judge([("Authentication-Results", field) for field in fields], peer, sender, edge)


def test_every_authentication_results_case_gets_its_verdict(email_fixtures: Path):
    cases = json.loads((email_fixtures / "own" / "authentication_results.json").read_text())
    wrong = []
    for case in cases:
        if case["name"] in NEEDS_ORGANISATIONAL_DOMAIN:
            continue
        edge = Edge.parse("127.0.0.0/8", case["trusted_authserv_ids"][0])
        found = verdict_of(*case["fields_top_down"], sender=case["from_address"], edge=edge)
        if found.outcome != case["verdict"]:
            wrong.append((case["name"], found.outcome, case["verdict"]))
    assert not wrong


def test_a_parent_domain_is_not_taken_as_proof_without_dmarc(email_fixtures: Path):
    cases = json.loads((email_fixtures / "own" / "authentication_results.json").read_text())
    for case in (c for c in cases if c["name"] in NEEDS_ORGANISATIONAL_DOMAIN):
        assert verdict_of(*case["fields_top_down"], sender=case["from_address"]).trust == "asserted"


def test_only_the_proven_mails_are_verified(email_fixtures: Path):
    expected = json.loads((email_fixtures / "own" / "expected.json").read_text())
    for name, what in expected.items():
        mail = mime.parse((email_fixtures / "own" / name).read_bytes())
        sender = addresses.sole(mail.fields("From")[0]) if len(mail.fields("From")) == 1 else None
        if what.get("verdict") == "invalid_from":
            assert sender is None, name
        elif "verdict" in what:
            assert sender
            found = judge(mail.headers, "127.0.0.1", sender[1], EDGE)
            assert (found.trust == "verified") == (what["verdict"] == "aligned_pass"), name
            assert sender[1] == what.get("sender", sender[1])


def test_a_relay_that_nobody_named_is_not_believed():
    assert verdict_of(PASS, peer="192.0.2.1").trust == "asserted"
    assert verdict_of(PASS, peer="").trust == "asserted"


def test_nobody_is_believed_where_no_relay_is_configured():
    assert verdict_of(PASS, edge=Edge.parse("127.0.0.0/8", "")).trust == "asserted"
    assert verdict_of(PASS, edge=Edge.parse("", "mx.desk.example")).trust == "asserted"


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_the_named_relay_is_believed_on_every_form_of_its_address(peer: str):
    found = verdict_of(PASS, peer=peer)
    assert found.trust == "verified"
    assert found.evidence == "passed DMARC for customer.example, says mx.desk.example"


RSPAMD = Edge.parse("127.0.0.0/8", "mx.desk.example", below=True)
OWN, OTHERS = ("Received", "from x by mx.desk.example (Postfix)"), ("Received", "from y by x")
RESULTS = ("Authentication-Results", PASS)


@pytest.mark.parametrize(
    ("headers", "edge", "trust"),
    [
        ([RESULTS, OWN, OTHERS], EDGE, "verified"),
        ([OWN, RESULTS, OTHERS], EDGE, "asserted"),
        ([OWN, RESULTS, OTHERS], RSPAMD, "verified"),
        ([OWN, RESULTS], RSPAMD, "verified"),
        ([OWN, OTHERS, RESULTS], RSPAMD, "asserted"),
        ([("X-Spam", "no"), ("From", "ann@customer.example")], RSPAMD, "asserted"),
        ([OWN, ("Authentication-Results", "mx.desk.example; none"), RESULTS, OTHERS], RSPAMD, "asserted"),
    ],
)
def test_results_count_where_the_relay_writes_them_and_nowhere_else(headers, edge: Edge, trust: str):
    assert judge(headers, "127.0.0.1", "ann@customer.example", edge).trust == trust


def test_a_second_field_never_overrides_the_first():
    assert verdict_of("mx.desk.example; dmarc=fail header.from=customer.example", PASS).outcome == "fail"


def test_two_dmarc_results_in_one_field_are_no_pass():
    assert verdict_of(f"{PASS}; dmarc=fail header.from=customer.example").trust == "asserted"


def test_an_endless_comment_is_read_in_no_time_and_proves_nothing():
    assert verdict_of("mx.desk.example; " + "(" * 100_000).trust == "asserted"


def test_comments_and_blanks_may_stand_between_all_the_words_of_a_field():
    said = " (a) mx.desk.example (b) 1 ; (c) dmarc (d(e)) = (f) pass header (g) . (h) from (i) = (j) customer.example"
    assert verdict_of(said) == verdict_of(PASS)


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ("Ann@Shop.example", ["ann@shop.example"]),
        ("<ann@shop.example>", ["ann@shop.example"]),
        ("Ann O'Neil <ann.o-neil+1@shop.example>", ["ann.o-neil+1@shop.example"]),
        ('"Neil, Ann" <ann@shop.example>', ["ann@shop.example"]),
        ('"bo@shop.example" <ann@shop.example>', ["ann@shop.example"]),
        ("Ann <ann@shop.example>, bo@shop.example", ["ann@shop.example", "bo@shop.example"]),
        ("Ann <ann@shop.example", ["ann@shop.example"]),
        ("Neil, Ann <ann@shop.example>", ["ann@shop.example"]),
        ("ann..neil@shop.example", ["ann..neil@shop.example"]),
    ],
)
def test_the_addresses_of_a_field_are_the_same_whether_it_is_plain_or_not(field: str, found: list[str]):
    assert addresses.several([field]) == found
    assert addresses.several([field, "(a comment) cy@shop.example"]) == [*found, "cy@shop.example"]
