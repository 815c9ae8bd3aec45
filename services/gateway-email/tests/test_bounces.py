from __future__ import annotations

import json
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiosmtplib
import pytest

from onethread.contracts.envelope import now
from onethread.contracts.ids import derived_id
from onethread.contracts.replies import ReplyDelivered, ReplyFailed
from onethread.gateway_email.app import create_app
from onethread.gateway_email.convert import Arrival
from onethread.gateway_email.desks import Desk, own_desk
from onethread.gateway_email.parsing import mime
from onethread.gateway_email.pipeline import events_of
from onethread.gateway_email.reports import bounces
from onethread.gateway_email.reports.bounces import Bounce
from onethread.gateway_email.tokens import Signer

FOUND, RIGHT = 0.9, 0.9
NOT_OURS = "00000000-0000-4000-8000-000000000000"


def report(message_id: str, *, action: str = "failed", status: str = "5.1.1", said: str = "", **fields: str) -> bytes:
    """A bounce as Postfix writes it; `fields` of the outer header with underscores."""
    head = {"From": "MAILER-DAEMON@mx.customer.example (Mail Delivery System)", "To": "support@desk.example"}
    outer = {**head, "Subject": "Undelivered Mail Returned to Sender", "Message-ID": "<b1@mx.customer.example>"}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {**outer, **fields}.items()]
    diagnosis = f"Diagnostic-Code: smtp; {said}\r\n" if said else ""
    return "\r\n".join(
        [
            *lines, "MIME-Version: 1.0", 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
            "", "--b", "Content-Type: text/plain", "", "I'm sorry to have to inform you ...", "--b",
            "Content-Type: message/delivery-status", "", "Reporting-MTA: dns; mx.customer.example", "",
            "Final-Recipient: rfc822; ann@customer.example", f"Action: {action}", f"Status: {status}",
            f"{diagnosis}", "--b", "Content-Type: message/rfc822", "", "From: support@desk.example",
            f"Message-ID: {message_id}", "Subject: Re: My order", "", "It arrives today.", "", "--b--", "",
        ]
    ).encode()  # fmt: skip


def read(raw: bytes, desk: Desk, sender: str = "", to: str = "support@desk.example") -> list[Any]:
    return events_of(raw, Arrival("127.0.0.1", sender, (to,), now()), [desk])


def ours(desk: Desk, message: UUID) -> str:
    return desk.signer.message_id(message, "desk.example")


async def test_what_comes_back_to_a_domain_of_its_own_is_told_and_nothing_else_is_taken_there(
    settings, bus, memory_ledger, memory_lines
):
    bounces_at = settings.model_copy(update={"bounce_domains": "bounces.desk.example"})
    app = create_app(bounces_at, bus, memory_ledger, lines=memory_lines)
    message, own = uuid4(), own_desk(bounces_at)
    async with app.router.lifespan_context(app):
        to = own.bounce_address(message)
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=app.state.mail.port, start_tls=False) as peer:
            await peer.sendmail("", [to], report("<of-nobody@x.example>", to=to))
            for stranger in ("support@bounces.desk.example", "support+x@bounces.desk.example", f"x{to}"):
                with pytest.raises(aiosmtplib.SMTPRecipientsRefused):
                    await peer.sendmail("", [stranger], report("<x@x.example>"))
    [(event, _)] = bus.published
    assert (event.data.message_id, event.data.state, event.data.channel) == (message, "failed", own.channel)


def test_a_bounce_is_the_failure_of_the_message_that_it_returns(desk: Desk):
    message = uuid4()
    [event] = read(report(ours(desk, message)), desk)
    assert isinstance(event, ReplyFailed)
    assert (event.data.message_id, event.data.state) == (message, "failed")
    assert event.data.reason == "The mailbox does not exist (5.1.1)"
    assert (event.workspaceid, event.data.channel) == (desk.workspace, desk.channel)
    [again] = read(report(ours(desk, message)), desk)
    assert again.id == event.id != derived_id(message, "failed")


@pytest.mark.parametrize("sender", ["<>", "System Administrator <>", '"Courier mail server at mx.example" <@>'])
def test_a_bounce_of_a_server_that_names_no_sender_is_taken(desk: Desk, sender: str):
    message = uuid4()
    [event] = read(report(ours(desk, message), From=sender), desk)
    assert isinstance(event, ReplyFailed)
    assert event.data.message_id == message


@pytest.mark.parametrize("forged", ["<1@elsewhere.example>", f"<{NOT_OURS}.aaaaaaaaaaaaaaaa@desk.example>", ""])
def test_a_bounce_of_what_we_did_not_send_stays_a_mail_like_any_other(desk: Desk, forged: str):
    [event] = read(report(forged), desk)
    assert event.type == "onethread.message.received.v1"
    assert event.data.automatic


@pytest.mark.parametrize(
    ("status", "severity"), [("5.1.1", "hard"), ("5.2.2", "soft"), ("5.7.1", "soft"), ("4.4.7", "soft")]
)
def test_whether_the_address_is_dead_is_told_and_which_it_is(desk: Desk, status: str, severity: str):
    [event] = read(report(ours(desk, uuid4()), status=status), desk)
    assert (event.data.report, event.data.address) == (severity, "ann@customer.example")


def test_a_bounce_that_returns_nothing_of_ours_is_known_by_the_address_that_it_comes_to(desk: Desk):
    message = uuid4()
    to = desk.signer.bounce_address(desk.address, message)
    [event] = read(report("<1@elsewhere.example>"), desk, to=to)
    assert isinstance(event, ReplyFailed)
    assert (event.data.message_id, event.data.report) == (message, "hard")
    forged = desk.signer.bounce_address(desk.address, message).replace("+", "+a", 1)[:-1]
    for nobodys in (forged, Signer(("another secret here",), "local").bounce_address(desk.address, message)):
        assert read(report("<1@elsewhere.example>"), desk, to=nobodys)[0].type == "onethread.message.received.v1"


def test_an_automatic_reply_to_the_envelopes_sender_answers_the_message_and_is_no_bounce(desk: Desk):
    """RFC 3834 sends it there. It names nothing in its header."""
    message = uuid4()
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Auto-Submitted"] = "ann@customer.example", "support@desk.example", "auto-replied"
    mail.set_content("I am away.")
    [event] = read(mail.as_bytes(), desk, to=desk.signer.bounce_address(desk.address, message))
    assert event.type == "onethread.message.received.v1"
    assert event.data.answers == [ours(desk, message)]
    assert (event.data.automatic, event.data.machine, event.data.thread_token) == (True, "auto_reply", None)
    assert "reply address" not in event.data.identities[0].evidence


def complaint(about: str, kind: str = "abuse") -> bytes:
    """As a mailbox provider writes it (RFC 5965)."""
    return "\r\n".join(
        [
            "From: feedback@mailbox.example", "To: support@desk.example", "Subject: FW: Re: My order",
            "Message-ID: <c1@mailbox.example>", "MIME-Version: 1.0",
            'Content-Type: multipart/report; report-type=feedback-report; boundary="b"', "", "--b",
            "Content-Type: text/plain", "", "This is a report.", "--b", "Content-Type: message/feedback-report", "",
            f"Feedback-Type: {kind}", "User-Agent: SomeFeedback/1.0", "Version: 1",
            "Original-Rcpt-To: ann@customer.example", "", "--b", "Content-Type: message/rfc822", "",
            "From: support@desk.example", f"Message-ID: {about}", "To: ann@customer.example", "", "It arrives today.",
            "", "--b--", "",
        ]
    ).encode()  # fmt: skip


def test_a_complaint_is_told_of_the_message_and_names_whoever_complained(desk: Desk):
    message = uuid4()
    [event] = read(complaint(ours(desk, message)), desk, "feedback@mailbox.example")
    assert isinstance(event, ReplyDelivered)
    assert (event.data.message_id, event.data.state, event.data.report) == (message, "delivered", "complaint")
    assert (event.data.reason, event.data.address) == (
        "The recipient reported the mail as spam", "ann@customer.example"
    )  # fmt: skip
    [forged] = read(complaint("<1@elsewhere.example>"), desk, "feedback@mailbox.example")
    assert (forged.type, forged.data.machine) == ("onethread.message.received.v1", "complaint")


def test_that_a_mail_is_no_spam_is_no_complaint(desk: Desk):
    [event] = read(complaint(ours(desk, uuid4()), "not-spam"), desk, "feedback@mailbox.example")
    assert event.type == "onethread.message.received.v1"


def test_another_workspaces_message_is_not_failed_from_here(desk: Desk):
    other = Signer(("a secret of a test",), "other").message_id(uuid4(), "desk.example")
    assert read(report(other), desk)[0].type == "onethread.message.received.v1"


def test_a_delay_is_no_failure_and_an_arrival_is_told(desk: Desk):
    message = uuid4()
    [late] = read(report(ours(desk, message), action="delayed", status="4.4.1"), desk)
    assert isinstance(late, ReplyDelivered)
    assert (late.data.state, late.data.reason) == ("retrying", "The receiving server did not answer (4.4.1)")
    [there] = read(report(ours(desk, message), action="delivered", status="2.0.0"), desk)
    assert (there.data.state, there.data.reason) == ("delivered", None)


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        ("5.0.0", "550 5.2.2 Quota exceeded", "The mailbox is full (5.2.2)"),
        ("5.7.1", "", "The receiving server refuses mail from here (5.7.1)"),
        ("5.4.99", "", "The receiving server could not be reached (5.4.99)"),
        ("4.4.7", "", "It could not be delivered in time (4.4.7)"),
        ("", "550 no such user, says 10.5.1.1", "The mailbox does not exist"),
        ("", "550 see 10.5.1.1", "The receiving server sent it back"),
    ],
)
def test_the_reason_is_told_in_words(desk: Desk, status: str, said: str, reason: str):
    [event] = read(report(ours(desk, uuid4()), status=status, said=said), desk)
    assert event.data.reason == reason


def test_a_server_that_writes_reports_its_own_way_is_understood_by_what_it_quotes(desk: Desk):
    message = uuid4()
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "postmaster@mx.example", "support@desk.example", "failure notice"
    quoted = f"Message-ID: {ours(desk, message)}\nSubject: Re: My order"
    mail.set_content(f"<ann@customer.example>: 550 5.1.1 user unknown\n\n--- Your mail:\n\n{quoted}\n")
    [event] = read(mail.as_bytes(), desk)
    assert (event.data.message_id, event.data.reason) == (message, "The mailbox does not exist (5.1.1)")


def test_somebody_who_quotes_our_mail_or_is_away_has_not_bounced_it(desk: Desk):
    about = ours(desk, uuid4())
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["In-Reply-To"] = "ann@customer.example", "support@desk.example", about
    mail["Auto-Submitted"] = "auto-replied"
    mail.set_content(f"I am away. 5.1.1\n\nMessage-ID: {about}\n")
    [event] = read(mail.as_bytes(), desk)
    assert event.type == "onethread.message.received.v1"


def test_real_bounces_are_found_with_their_status_and_nothing_else_is(email_fixtures: Path):
    folder = email_fixtures / "bounces"
    expected = json.loads((folder / "expected.json").read_text())
    found, right, stated = 0, 0, 0
    real = {name: one for name, one in expected.items() if one["kind"] == "bounce"}
    for name, one in real.items():
        bounce = bounces.read(mime.parse((folder / name).read_bytes()), "")
        found += bounce is not None
        wanted = {recipient["status"] for recipient in one["recipients"] if not is_sisimais(recipient["status"])}
        stated += bool(wanted)
        right += bool(wanted) and bounce is not None and bounce.status in wanted
    for name in expected.keys() - real.keys():
        if expected[name]["kind"] != "complaint":
            bounce = bounces.read(mime.parse((folder / name).read_bytes()), "ann@customer.example")
            assert not isinstance(bounce, Bounce) or bounce.state != "failed", name
    assert found >= FOUND * len(real)
    assert right >= RIGHT * stated


def is_sisimais(status: str) -> bool:
    """Codes of its own, for mails that state none."""
    return not status or ".0.9" in status
