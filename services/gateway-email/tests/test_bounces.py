from __future__ import annotations

import json
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from onethread.contracts.envelope import now
from onethread.contracts.ids import derived_id
from onethread.contracts.replies import ReplyDelivered, ReplyFailed
from onethread.gateway_email import bounces, mime
from onethread.gateway_email.bounces import Bounce
from onethread.gateway_email.convert import Arrival
from onethread.gateway_email.desks import Desk
from onethread.gateway_email.inbound import _read
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


def read(raw: bytes, desk: Desk, sender: str = "") -> list[Any]:
    return _read(raw, Arrival("127.0.0.1", sender, ("support@desk.example",), now()), [desk])


def ours(desk: Desk, message: UUID) -> str:
    return desk.signer.message_id(message, "desk.example")


def test_a_bounce_is_the_failure_of_the_message_that_it_returns(desk: Desk):
    message = uuid4()
    [event] = read(report(ours(desk, message)), desk)
    assert isinstance(event, ReplyFailed)
    assert (event.data.message_id, event.data.state) == (message, "failed")
    assert event.data.reason == "The mailbox does not exist (5.1.1)"
    assert (event.workspaceid, event.data.channel) == (desk.workspace, desk.channel)
    [again] = read(report(ours(desk, message)), desk)
    assert again.id == event.id != derived_id(message, "failed")


@pytest.mark.parametrize("forged", ["<1@elsewhere.example>", f"<{NOT_OURS}.aaaaaaaaaaaaaaaa@desk.example>", ""])
def test_a_bounce_of_what_we_did_not_send_stays_a_mail_like_any_other(desk: Desk, forged: str):
    [event] = read(report(forged), desk)
    assert event.type == "onethread.message.received.v1"
    assert event.data.automatic


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
        ("", "550 no such user, says 10.5.1.1", "The receiving server sent it back"),
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
