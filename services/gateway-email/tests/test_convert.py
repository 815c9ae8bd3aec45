from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from onethread.gateway_email import convert
from onethread.gateway_email.convert import Arrival, RefusedMailError
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.parsing import mime

PASS = "Authentication-Results: mx.desk.example; dmarc=pass header.from=customer.example\r\n"
FAIL = "Authentication-Results: mx.desk.example; dmarc=fail header.from=customer.example\r\n"


def mail(body: str = "Where is my order?", *, top: str = "", **headers: str) -> bytes:
    fields = {
        "From": "Ann <ann@customer.example>",
        "To": "Desk <support@desk.example>",
        "Subject": "My order",
        "Message-ID": "<1@customer.example>",
        "Date": "Mon, 02 Nov 2026 09:59:58 +0000",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return (top + head + "\r\n" + body).encode()


def read(raw: bytes, arrival: Arrival, desk: Desk):
    return convert.received(mime.parse(raw), arrival, desk)


def test_a_verified_mail_says_who_where_and_why(arrival: Arrival, desk: Desk):
    found = read(mail(top=PASS, From="Ann Ruiz <Ann@Customer.Example>"), arrival, desk)
    assert found.identities[0].value == "ann@customer.example"
    assert found.identities[0].trust == "verified"
    assert found.identities[0].evidence == "passed DMARC for customer.example, says mx.desk.example"
    assert (found.name, found.subject, found.text) == ("Ann Ruiz", "My order", "Where is my order?")
    assert found.place.key == "email:ann@customer.example"
    assert not found.place.audience.shared
    assert found.place.route["message_id"] == "<1@customer.example>"
    assert not found.automatic
    assert found.sent_at.isoformat() == "2026-11-02T09:59:58+00:00"


def test_a_forged_mail_says_so_and_has_a_place_of_its_own(arrival: Arrival, desk: Desk):
    found = read(mail(top=FAIL, Cc="mallory@evil.example"), arrival, desk)
    assert found.identities[0].trust == "asserted"
    assert found.identities[0].evidence.startswith("failed DMARC for customer.example")
    assert found.verdict == "forged"
    assert found.place.key.startswith("email:unproven:ann@customer.example")
    assert found.participants == []
    assert found.place.audience.shared


def test_those_in_copy_share_the_place_and_take_part(arrival: Arrival, desk: Desk):
    copied = {"Cc": "Bob <bob@customer.example>, support+x@desk.example, noreply@customer.example"}
    found = read(mail(top=PASS, **copied), arrival, desk)
    other = read(mail(top=PASS, Message_ID="<2@customer.example>", **copied), arrival, desk)
    assert [p.value for p in found.participants] == ["bob@customer.example"]
    assert found.place.audience.name == "Email with cc bob@customer.example and 1 more"
    assert found.place.key == other.place.key != "email:ann@customer.example"


def test_at_most_ten_take_part(arrival: Arrival, desk: Desk):
    crowd = ", ".join(f"p{n}@customer.example" for n in range(30))
    assert len(read(mail(top=PASS, Cc=crowd), arrival, desk).participants) == 10


def test_a_reply_token_in_any_of_its_places_names_the_thread(arrival: Arrival, desk: Desk):
    thread = uuid4()
    address = desk.signer.reply_address(desk.address, thread, "ann@customer.example")
    in_envelope = dataclasses.replace(arrival, recipients=(address,))
    assert read(mail(), in_envelope, desk).thread_token == thread
    assert read(mail(To=address), arrival, desk).thread_token == thread
    assert read(mail(To="x@other.example", Cc=address), arrival, desk).thread_token == thread


def test_a_token_made_for_another_is_told_and_not_used(arrival: Arrival, desk: Desk):
    address = desk.signer.reply_address(desk.address, uuid4(), "bob@customer.example")
    found = read(mail(top=PASS, To=address), arrival, desk)
    assert found.thread_token is None
    assert found.remarks == [convert.MADE_FOR_ANOTHER]
    assert found.identities[0].trust == "verified"


def test_who_answers_all_answers_at_the_token_of_another_reader(arrival: Arrival, desk: Desk):
    thread = uuid4()
    address = desk.signer.reply_address(desk.address, thread, "bob@customer.example")
    found = read(mail(top=PASS, To=address, Cc="Bob@customer.example"), arrival, desk)
    assert (found.thread_token, found.remarks) == (thread, [convert.MADE_FOR_A_READER])
    machine = read(mail(top=PASS, To=address, Cc="bob@customer.example", Auto_Submitted="yes"), arrival, desk)
    assert (machine.thread_token, machine.remarks) == (None, [convert.MADE_FOR_ANOTHER])


@pytest.mark.parametrize("field", ["Delivered_To", "X_Original_To", "X_Forwarded_To"])
def test_where_it_was_delivered_to_counts_from_a_relay_that_is_believed(field: str, arrival: Arrival, desk: Desk):
    thread = uuid4()
    address = desk.signer.reply_address(desk.address, thread, "ann@customer.example")
    raw = mail(To="Desk <help@customer.example>", **{field: address})
    assert read(raw, arrival, desk).thread_token == thread
    assert read(raw, dataclasses.replace(arrival, peer="203.0.113.7"), desk).thread_token is None


def test_an_id_that_only_looks_like_ours_is_told(arrival: Arrival, desk: Desk):
    ours = desk.signer.message_id(uuid4(), "desk.example")
    name, _, rest = ours.partition(".")
    guessed = f"{name}.{'a' * 16}@{rest.partition('@')[2]}"
    assert read(mail(In_Reply_To=guessed), arrival, desk).remarks == [convert.GUESSED_ID]
    assert read(mail(In_Reply_To=ours), arrival, desk).remarks == []


def test_answers_name_a_mail_by_its_message_id(arrival: Arrival, desk: Desk):
    assert read(mail(), arrival, desk).outside_ids == ["<1@customer.example>"]
    assert read(mail(Message_ID=""), arrival, desk).outside_ids == []


def test_our_other_addresses_read_nothing_and_are_told(arrival: Arrival, desk: Desk):
    raw = mail(top=PASS, To="support@desk.example, sales@desk.example, sales+x@desk.example")
    found = convert.received(mime.parse(raw), arrival, desk, ["support@desk.example", "sales@desk.example"])
    assert found.participants == []
    assert not found.place.audience.shared
    assert found.remarks == ["It was sent to sales@desk.example, too."]


def test_a_blind_copy_is_told(arrival: Arrival, desk: Desk):
    assert read(mail(To="bob@customer.example"), arrival, desk).remarks == [convert.IN_BCC]


def test_what_it_answers_comes_surest_first(arrival: Arrival, desk: Desk):
    found = read(mail(In_Reply_To="<c@x>", References="<a@x> <b@x>\r\n <c@x>"), arrival, desk)
    assert found.answers == ["<c@x>", "<b@x>", "<a@x>"]
    many = " ".join(f"<{n}@x>" for n in range(90))
    assert len(read(mail(References=many), arrival, desk).answers) == 20


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Auto_Submitted", "auto-replied; owner-email=x"),
        ("Precedence", "bulk"),
        ("List_Id", "<news.example>"),
        ("X_Autoreply", "yes"),
        ("From", "MAILER-DAEMON@customer.example"),
        ("Content_Type", "multipart/report; report-type=delivery-status; boundary=b"),
    ],
)
def test_a_machines_mail_is_marked(name: str, value: str, arrival: Arrival, desk: Desk):
    assert read(mail(**{name: value}), arrival, desk).automatic


def test_a_null_sender_marks_a_mail_and_outlooks_header_does_not(arrival: Arrival, desk: Desk):
    assert read(mail(), dataclasses.replace(arrival, sender=""), desk).automatic
    assert not read(mail(X_Auto_Response_Suppress="All", Auto_Submitted="no"), arrival, desk).automatic


@pytest.mark.parametrize(
    ("sender", "answer"),
    [
        ("", "550 5.6.0 This mail has no From field"),
        ("ann@customer.example, bob@customer.example", "550 5.6.0 The From field must name exactly one"),
        ("Ann <ann@customer.example> <bob@customer.example>", "550 5.6.0 The From field must name exactly one"),
        ("not an address", "550 5.6.0 The From field must name exactly one"),
        ("support@desk.example", "550 5.7.1 This address takes no mail from itself"),
    ],
)
def test_a_mail_without_one_sender_is_refused_in_words(sender: str, answer: str, arrival: Arrival, desk: Desk):
    with pytest.raises(RefusedMailError, match=answer):
        read(mail(From=sender), arrival, desk)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("Ann <Ann@Customer.Example>", "ann@customer.example"),
        ("ann@customer.example (Ann)", "ann@customer.example"),
        ('"ann@customer.example" <mallory@evil.example>', "mallory@evil.example"),
        ("Ruiz, Ann <ann@customer.example>", "ann@customer.example"),
        ("=?utf-8?q?Ann_=3Cann=40customer=2Eexample=3E?= <mallory@evil.example>", "mallory@evil.example"),
        ("Ann <ann@exämple.example>", "ann@xn--exmple-cua.example"),
        ("Ann <ann@straße.example>", "ann@xn--strae-oqa.example"),
    ],
)
def test_the_address_is_the_one_that_was_checked(written: str, address: str, arrival: Arrival, desk: Desk):
    assert read(mail(From=written), arrival, desk).identities[0].value == address


def test_the_same_mail_has_one_key_and_another_mail_with_its_id_has_its_own(arrival: Arrival, desk: Desk):
    first = read(mail(), arrival, desk).external_id
    assert read(mail(top="Received: from a by b; now\r\n"), arrival, desk).external_id == first
    assert read(mail("Something else"), arrival, desk).external_id != first
    assert first.startswith("<1@customer.example>:")
    assert read(mail(Message_ID=""), arrival, desk).external_id.startswith("no-id:")


def test_our_own_mail_is_known_when_it_comes_back(desk: Desk):
    assert convert.is_own(mime.parse(mail(X_Onethread_Instance=desk.signer.instances()[0])), desk)
    assert convert.is_own(mime.parse(mail(Message_ID=desk.signer.message_id(uuid4(), "desk.example"))), desk)
    assert not convert.is_own(mime.parse(mail(X_Onethread_Instance="another")), desk)


def test_a_header_never_keeps_a_line_break(email_fixtures: Path, arrival: Arrival, desk: Desk):
    raw = (email_fixtures / "own" / "header_injection_in_subject.eml").read_bytes()
    subject = read(raw, arrival, desk).subject
    assert subject
    assert not set("\r\n\0") & set(subject)


def test_attachments_are_listed_under_harmless_names(email_fixtures: Path, arrival: Arrival, desk: Desk):
    raw = (email_fixtures / "own" / "attachment_name_tricks.eml").read_bytes()
    forbidden = json.loads((email_fixtures / "own" / "expected.json").read_text())["attachment_name_tricks.eml"]
    found = read(raw, arrival, desk).attachments
    assert [a.name for a in found] == ["passwd", "invoice fdp.exe", "x.svg"]
    assert not [a for a in found if any(bad in a.name for bad in forbidden["must_not_contain"])]


def test_a_text_too_long_to_keep_whole_is_refused_and_not_cut(arrival: Arrival, desk: Desk):
    with pytest.raises(RefusedMailError, match=r"552 5\.3\.4"):
        read(mail("word " * 50_000), arrival, desk)


@pytest.mark.parametrize("field", ["To", "Cc", "From", "References", "Subject", "Date", "Message-ID", "Reply-To"])
@pytest.mark.parametrize("noise", ["(" * 200_000, "<" * 200_000, "=?a?q?" * 30_000, '"' * 199_999, "a@b," * 50_000])
def test_a_hostile_header_is_read_in_no_time(field: str, noise: str, arrival: Arrival, desk: Desk):
    started = time.process_time()
    with contextlib.suppress(RefusedMailError):
        read(mail(**{field: noise}), arrival, desk)
    assert time.process_time() - started < 10


def test_a_header_of_unreasonable_size_is_refused(arrival: Arrival, desk: Desk):
    with pytest.raises(RefusedMailError, match=r"552 5\.3\.4 The header"):
        read(mail(X_Noise="x" * 300_000), arrival, desk)


@limits(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.sampled_from(["text/plain", "text/html", "multipart/mixed; boundary=b", "x"]))
def test_no_bytes_make_it_raise_anything_but_a_refusal(arrival: Arrival, desk: Desk, noise: bytes, kind: str):
    for raw in (noise, mail(Content_Type=kind) + noise, mail(Subject="=?x-none?b?").replace(b"My", noise)):
        with contextlib.suppress(RefusedMailError):
            assert read(raw, arrival, desk).model_dump_json()


@pytest.mark.parametrize("folder", ["robust", "bounces", "mime", "own"])
def test_every_damaged_mail_is_read_quickly_and_can_be_stored(folder: str, email_fixtures: Path, arrival, desk: Desk):
    for path in sorted((email_fixtures / folder).rglob("*")):
        if path.suffix == ".json" or path.is_dir():
            continue
        raw = path.read_bytes()
        started = time.process_time()
        with contextlib.suppress(RefusedMailError):
            assert read(raw, arrival, desk).model_dump_json(), path.name
        assert time.process_time() - started < 10, path.name


def test_a_mail_in_html_alone_is_read_by_the_marks_in_it(arrival: Arrival, desk: Desk):
    history = '<div class="gmail_quote"><div class="gmail_attr">In no known tongue</div>Old words</div>'
    raw = mail(f"<p>It broke.</p>{history}<p class='gmail_signature'>Ann</p>", Content_Type="text/html; charset=utf-8")
    assert read(raw, arrival, desk).text.split() == ["It", "broke.", "Ann"]


OUTLOOK = """What is this?

From: Courier <news@courier.example>
Sent: Monday, November 2, 2026 9:00 AM
To: Ann <ann@customer.example>
Subject: Your parcel

It waits in shop 17.
"""


def test_what_a_customer_forwards_from_outlook_is_theirs_to_read(arrival: Arrival, desk: Desk):
    found = read(mail(OUTLOOK, Subject="FW: Your parcel"), arrival, desk)
    assert found.text.split() == OUTLOOK.split()


def test_the_same_below_an_answer_is_history(arrival: Arrival, desk: Desk):
    assert read(mail(OUTLOOK, Subject="RE: Your parcel"), arrival, desk).text == "What is this?"


def test_what_a_customer_forwards_as_html_is_not_folded(arrival: Arrival, desk: Desk):
    source = "<p>" + OUTLOOK.replace("<", "&lt;").replace("\n", "<br>") + "</p>"
    forward = read(mail(source, Subject="FW: Your parcel", Content_Type="text/html"), arrival, desk)
    answer = read(mail(source, Subject="RE: Your parcel", Content_Type="text/html"), arrival, desk)
    assert "<details>" not in (forward.html or "")
    assert "<details>" in (answer.html or "")
