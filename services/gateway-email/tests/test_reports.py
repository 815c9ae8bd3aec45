"""What reports of other servers say: who was not reached, why, and whether the address is dead."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.gateway_email.parsing import mime
from onethread.gateway_email.reports import bounces, machines
from onethread.gateway_email.reports.bounces import Recipient
from onethread.gateway_email.reports.failures import failure

KINDS, HARD = 0.95, 0.95
DISPUTED = {
    # All three say "no such user" and nothing of content. Of the first two the set knows the product to be a filter; in
    # the third, prose says that a disk is full while the diagnosis says 5.1.1.
    "lhost-receivingses-01.eml",
    "lhost-x1-01.eml",
    "rfc3464-01.eml",
}


def mail(text: str, **fields: str) -> mime.Mail:
    head = {"From": "MAILER-DAEMON@mx.example", "To": "support@desk.example", "Subject": "failure notice", **fields}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in head.items()]
    return mime.parse("\n".join([*lines, "Content-Type: text/plain; charset=utf-8", "", text]).encode())


def dsn(block: str, text: str = "", **fields: str) -> mime.Mail:
    head = {"From": "postmaster@mx.example", "To": "support@desk.example", "Subject": "Delivery report", **fields}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in head.items()]
    parts = [
        *lines, 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"', "", "--b",
        "Content-Type: text/plain", "", text, "--b", "Content-Type: message/delivery-status", "",
        "Reporting-MTA: dns; mx.example", "", block, "", "--b--", "",
    ]  # fmt: skip
    return mime.parse("\n".join(parts).encode())


def only(read: mime.Mail) -> Recipient:
    report = bounces.report(read, "")
    assert report is not None
    [recipient] = report.recipients
    return recipient


def test_real_reports_are_told_apart_with_what_became_of_each_recipient(email_fixtures: Path):
    folder = email_fixtures / "bounces"
    expected = json.loads((folder / "expected.json").read_text())
    kinds, hard, recipients = 0, 0, 0
    for name, one in expected.items():
        read = mime.parse((folder / name).read_bytes())
        kinds += machines.kind_of(read) == {"not_a_bounce": "message"}.get(one["kind"], one["kind"])
        found = bounces.report(read)
        if one["kind"] == "bounce" and name not in DISPUTED:
            told = [recipient.hard for recipient in found.recipients] if found else []
            recipients += len(one["recipients"])
            hard += sum(a == b["hard"] for a, b in zip(told, one["recipients"], strict=False))
    assert kinds >= KINDS * len(expected)
    assert hard >= HARD * recipients


def test_real_reports_state_codes_and_statuses_as_they_were_written(email_fixtures: Path):
    folder = email_fixtures / "bounces"
    for name, one in json.loads((folder / "expected.json").read_text()).items():
        found = bounces.report(mime.parse((folder / name).read_bytes()))
        for recipient, wanted in zip(found.recipients if found else (), one["recipients"], strict=False):
            if wanted["status"] and ".0.9" not in wanted["status"]:
                assert recipient.status == wanted["status"], name
            if wanted["reply_code"]:
                assert recipient.smtp_code == wanted["reply_code"], name


def test_automatic_mails_of_our_own_set_are_told_apart(email_fixtures: Path):
    expected = json.loads((email_fixtures / "own" / "expected.json").read_text())
    ours = {"loop": "own", "calendar_response": "auto_reply"}
    for name, one in expected.items():
        if kind := one.get("kind"):
            found = machines.kind_of(mime.parse((email_fixtures / "own" / name).read_bytes()))
            assert found == ours.get(kind, kind), name


@pytest.mark.parametrize("folder", ["reply", "reply/eml", "forward", "mime", "tnef"])
def test_no_mail_of_a_person_is_taken_for_a_report(email_fixtures: Path, folder: str):
    for file in sorted((email_fixtures / folder).iterdir()):
        if file.is_file() and file.suffix != ".json":
            assert machines.kind_of(mime.parse(file.read_bytes())) in ("message", "list"), file.name


@pytest.mark.parametrize(
    ("diagnosis", "hard", "reason"),
    [
        ("smtp; 550-5.1.1 The account does not exist.", True, "The mailbox does not exist (5.1.1)"),
        (
            "smtp; 550 5.4.1 Recipient address rejected: Access denied. AS(201806281)",
            True,
            "The mailbox does not exist (5.4.1)",
        ),
        (
            "smtp; 554 5.7.1 <ann@x.example>: Recipient address rejected: Access denied",
            False,
            "The receiving server refuses mail from here (5.7.1)",
        ),
        ("smtp; 552-5.2.2 The account is over quota", False, "The mailbox is full (5.2.2)"),
        ("smtp; 550 5.1.1 Mailbox full, message refused", False, "The mailbox is full (5.1.1)"),
        ("smtp; 556 5.1.10 Domain has a null MX", True, "The domain of the address takes no mail (5.1.10)"),
        (
            "smtp; 550 5.7.1 We do not accept mail from your network: spamhaus",
            False,
            "The receiving server refuses mail from here (5.7.1)",
        ),
        (
            "smtp; 550-5.7.26 This mail has been blocked because the sender is unauthenticated",
            False,
            "The receiving server could not make sure who sent it (5.7.26)",
        ),
        (
            "X-Postfix; Host or domain name not found. Name service error: Host not found",
            True,
            "The domain of the address does not exist",
        ),
        (
            "smtp; 450 4.1.1 <ann@x.example>: Recipient address rejected: User unknown",
            False,
            "The mailbox does not exist (4.1.1)",
        ),
        ("X-Unix; procmail: no such user", False, "The mailbox does not exist"),
        ("smtp; 550 5.1.1 <ann@x.example>: Benutzer unbekannt", True, "The mailbox does not exist (5.1.1)"),
        ("smtp; 550 5.2.1 The account is disabled", False, "The mailbox is closed at present (5.2.1)"),
        ("smtp; 550-<ann@x.example> is not a known user on this system", False, "The mailbox does not exist"),
        ("smtp; 550 BAD_RECIPIENT - see http://x.example/?r=BAD_RECIPIENT", False, "The mailbox does not exist"),
        ("smtp; 550 ** No mail box available for this user **", False, "The mailbox does not exist"),
        ("smtp; 554 Rcpt <ann@x.example> does not exist", False, "The mailbox does not exist"),
        ("smtp; 511 sorry, no mailbox here by that name (chkuser)", False, "The mailbox does not exist"),
        ("smtp; 551 <ann@x.example> is a deactivated mailbox", False, "The mailbox is closed at present"),
        ("X-Postfix; [x.example]: Name or service not known", True, "The domain of the address does not exist"),
        (
            "smtp; 550 Benutzer hat zuviele Mails / User has too many messages on the server",
            False,
            "The mailbox is full",
        ),
        ("smtp; 550 The group may not exist, or you may not post to it", False, "The receiving server sent it back"),
    ],
)
def test_a_dead_address_is_told_from_a_mail_that_was_refused(diagnosis: str, hard: bool, reason: str):
    found = only(dsn(f"Final-Recipient: rfc822; ann@x.example\nAction: failed\nDiagnostic-Code: {diagnosis}"))
    assert (found.hard, found.reason) == (hard, reason)


def test_no_such_user_in_answer_to_the_content_is_a_filter_and_no_dead_address():
    said = "550 no such user here"
    assert failure(said, around="SMTP error from remote mail server after RCPT TO:<a@b.example>").hard
    assert not failure(said, around="SMTP error from remote mail server after end of data").hard
    assert not failure(said, around="-------SMTP command\nDATA").hard
    assert not failure(said).hard, "behind a bare code it may be either"


def test_the_address_is_the_one_we_wrote_to_and_each_has_its_own_reason():
    report = bounces.report(
        dsn(
            "Original-Recipient: rfc822;info@x.example\nFinal-Recipient: rfc822; ann@inner.x.example\nAction: failed\n"
            "Status: 5.1.1\n\nFinal-Recipient: rfc822; ben@x.example\nAction: delayed\nStatus: 4.4.1"
        )
    )
    assert report is not None
    assert [(one.address, one.action, one.hard) for one in report.recipients] == [
        ("info@x.example", "failed", True),
        ("ben@x.example", "delayed", False),
    ]


def test_each_address_of_a_report_in_prose_has_the_lines_below_it():
    read = mail(
        "Hi. I wasn't able to deliver your message.\n\n<ann@x.example>:\nRemote host said: 550 5.1.1 unknown user\n\n"
        "<ben@y.example>:\nRemote host said: 552 5.2.2 over quota\n\n--- Below this line is a copy of the message.\n\n"
        "Return-Path: <support@desk.example>\nReceived: from desk.example\nSubject: 550 5.7.1\nTo: eve@z.example\n"
    )
    report = bounces.report(read, "")
    assert report is not None
    assert [(one.address, one.status, one.hard) for one in report.recipients] == [
        ("ann@x.example", "5.1.1", True),
        ("ben@y.example", "5.2.2", False),
    ]


def test_a_notice_of_a_delay_is_no_dead_address():
    found = only(
        mail(
            "A message that you sent has not yet been delivered to ann@x.example after 24 hours.\n"
            "No action is required on your part. Delivery attempts will continue.\n550 5.1.1 unknown user",
            Subject="Warning: message 1abc delayed 24 hours",
        )
    )
    assert (found.address, found.action, found.hard) == ("ann@x.example", "delayed", False)


@pytest.mark.parametrize(
    ("subject", "said", "why"),
    [
        ("Unzustellbar: Ihre Bestellung", "Ihre Nachricht konnte nicht zugestellt werden.", "Empfänger unbekannt"),
        ("Недоставленное сообщение", "Письмо не может быть доставлено", "ящик не найден"),
        ("配信エラー", "送信できませんでした", "ユーザが見つかりません"),
        ("Non remis : Votre commande", "Votre message n'a pas pu être remis", "destinataire inconnu"),
    ],
)
def test_reports_in_other_languages_are_reports(subject: str, said: str, why: str):
    found = only(mail(f"{said}\n\nann@x.example\n550 5.1.1 {why}", Subject=subject))
    assert (found.address, found.hard) == ("ann@x.example", True)


@pytest.mark.parametrize(
    ("said", "hard", "reason"),
    [
        ("<ann@x.example>: host mx said: 550 User unknown (in reply\n    to RCPT TO command)", True, "does not exist"),
        (
            "<ann@x.example>: host mx said: 550 User unknown (in reply\n    to end of DATA command)",
            False,
            "does not exist",
        ),
        ("  ann@x.example\n    Unrouteable address", True, "does not exist"),
        (
            "  ann@x.example\n    all relevant MX records point to non-existent hosts",
            True,
            "domain of the address does not",
        ),
        ("<ann@x.example>:\nConnected to 192.0.2.1 but sender was rejected.", False, "refuses mail from here"),
        ("<ann@x.example>:\n550 mailbox size limit exceeded", False, "mailbox is full"),
        ("<ann@x.example>:\n552 message size 99 exceeds size limit 10 of server", False, "too large"),
        ("<ann@x.example>:\nSorry, no mailbox here by that name. (#5.1.1)", True, "does not exist"),
        ("<ann@x.example>:\n550 5.1.6 recipient no longer on server", True, "has moved"),
        ("  ann@x.example\n    retry timeout exceeded", False, "in time"),
        ("Remote Server returned to ann@x.example: '554 5.2.2 mailbox full; STOREDRV.Deliver'", False, "is full"),
        ("Gmail will retry for 46 more hours to deliver to ann@x.example.", False, "not be delivered yet"),
    ],
)
def test_servers_that_write_prose_are_understood(said: str, hard: bool, reason: str):
    found = only(mail(f"Your message could not be delivered.\n\n{said}\n"))
    assert (found.address, found.hard) == ("ann@x.example", hard)
    assert reason in found.reason


def test_a_parcel_that_could_not_be_delivered_is_no_mail_that_could_not():
    read = mail("Your parcel could not be delivered.", From="noreply@parcels.example", Subject="Delivery failed")
    assert bounces.report(read, "") is None


def test_a_customer_who_forwards_a_bounce_has_not_bounced():
    outer = {"From": "Ann <ann@x.example>", "Subject": "Undelivered mail, what does it mean?"}
    inner = dsn("Final-Recipient: rfc822; ben@y.example\nAction: failed\nStatus: 5.1.1").raw.decode()
    head = "\n".join(f"{name}: {value}" for name, value in outer.items())
    raw = (
        f'{head}\nTo: support@desk.example\nContent-Type: multipart/mixed; boundary="o"\n\n'
        "--o\nContent-Type: text/plain\n\n"
        f"My mail could not be delivered.\n--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n"
    )
    assert machines.kind_of(mime.parse(raw.encode()), "ann@x.example") == "message"


@pytest.mark.parametrize(
    "fields",
    [
        {"From": "ann@x.example", "Subject": "Re: Undeliverable: your order"},
        {"From": "ann@x.example", "Subject": "Undelivered package"},
        {"From": "postmaster@x.example", "Subject": "Our mail server moves on Friday"},
        {"From": "ann@x.example", "Subject": "Auto insurance question"},
        {"From": "ann@x.example", "Subject": "Out of office chairs?", "X_Auto_Response_Suppress": "All"},
    ],
)
def test_people_who_write_of_bounces_are_people(fields: dict[str, str]):
    read = mail("My parcel could not be delivered. It says 550 5.1.1, user unknown.", **fields)
    assert machines.kind_of(read, "ann@x.example") == "message"


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"Auto_Submitted": "auto-replied"}, "auto_reply"),
        ({"Auto_Submitted": "auto-generated", "List_Id": "<news.x.example>"}, "list"),
        ({"Auto_Submitted": "no"}, "message"),
        ({"Precedence": "bulk", "X_Autoreply": "yes"}, "auto_reply"),
        ({"Precedence": "bulk"}, "list"),
        ({"X_Failed_Recipients": "ben@y.example"}, "bounce"),
        ({"X_Autogenerated": "Reply"}, "auto_reply"),
        ({"X_Autogenerated": "Redirect", "X_Autoreply": "no"}, "message"),
        ({"Subject": "Report Domain: desk.example Submitter: mx.example"}, "auto_reply"),
        ({"Subject": "Automatische Antwort: Ihre Anfrage"}, "auto_reply"),
        ({"Subject": "Automatic reply: Delivery failed", "Return_Path": "<>"}, "auto_reply"),
        ({"Subject": "自動応答: お問い合わせ"}, "auto_reply"),
        ({"Subject": "Re: Automatic reply: Your order"}, "message"),
        ({"Content_Type": "text/calendar; method=REPLY"}, "auto_reply"),
        ({"From": "support@desk.example", "Auto_Submitted": "auto-generated"}, "own"),
        ({"From": "noreply@shop.example", "Subject": "Contact form: Ann asks"}, "message"),
    ],
)
def test_the_kind_of_a_mail_is_told_by_its_header(fields: dict[str, str], kind: str):
    head = {"From": "ann@x.example", "To": "support@desk.example", "Subject": "My order", **fields}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in head.items()]
    assert machines.kind_of(mime.parse("\n".join([*lines, "", "I can not be reached."]).encode())) == kind


def test_a_notice_of_arrival_is_neither_failure_nor_message():
    read = dsn("Final-Recipient: rfc822; ann@x.example\nAction: delivered\nStatus: 2.0.0")
    assert machines.kind_of(read, "") == "auto_reply"


def test_who_reports_our_mail_as_spam_is_named():
    raw = (
        "From: fbl@x.example\nTo: support@desk.example\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\n\n'
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
        "Original-Rcpt-To: <ann@x.example>\n\n--b--\n"
    )
    read = mime.parse(raw.encode())
    assert machines.kind_of(read) == "complaint"
    assert only(read) == Recipient("ann@x.example", "abuse", "", "", False, "The recipient reported the mail as spam")


@pytest.mark.parametrize(
    "text",
    [
        "deliver" * 30_000,
        "a" * 200_000,
        "<a@b.example>:\n550 user unknown\n" * 5_000,
        "From: a\n" * 20_000,
        "exceed" * 30_000,
        "\n" * 200_000,
        ">>> " * 50_000,
        "x@" * 80_000,
        "user " * 40_000,
        "5.1.1 " * 30_000,
        "To:" + " " * 150_000,
    ],
)
def test_hostile_reports_are_read_at_once(text: str):
    read = mail(text)
    begun = time.process_time()
    assert bounces.report(read, "")
    assert time.process_time() - begun < 10


def test_mails_in_one_another_and_damaged_fields_are_read():
    nested = b"Content-Type: message/rfc822\n\n" * 900
    damaged = b'Content-Type: multipart/report; report-type*%s="x"; charset*9*=x\n\n' % (b"9" * 5000)
    for raw in (nested, b"Auto-Submitted: no\n" + damaged, b"From: mailer-daemon@x.example\n" + nested + damaged):
        machines.kind_of(mime.parse(raw), "")
        bounces.read(mime.parse(raw), "")


@given(st.text(), st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"])), st.text())
def test_whatever_stands_in_a_report_nothing_raises(text: str, subject: str, block: str):
    for read in (mail(text, Subject=subject), dsn(block, text), mail(text, X_Failed_Recipients=subject)):
        assert machines.kind_of(read, "") in ("bounce", "auto_reply", "list", "complaint")
