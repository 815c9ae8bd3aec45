"""Mail by real SMTP, both ways."""

from __future__ import annotations

import smtplib
from email import message_from_bytes, policy
from email.message import EmailMessage

import httpx
import pytest

ANA = "ana@pineandpaper.example"


def send(playground, **letter) -> httpx.Response:
    return httpx.post(
        f"{playground.url}/api/mail/send", json={"from": "ana", "subject": "Ink", "text": "Hello", **letter}
    )


def answer(html: str = "<p>Two days.</p>") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Pine & Paper Support <support@onethread.localhost>"
    message["To"] = ANA
    message["Reply-To"] = "support+k3t@onethread.localhost"
    message["Subject"] = "Re: Ink"
    message["Message-ID"] = "<t1.m2.tag@onethread.localhost>"
    message["In-Reply-To"] = "<q1@pineandpaper.example>"
    message["Auto-Submitted"] = "auto-replied"
    message.set_content("Two days.")
    message.add_alternative(html, subtype="html")
    return message


def post(playground, message, to=ANA):
    with smtplib.SMTP("127.0.0.1", playground.smtp_port, timeout=30) as server:
        return server.send_message(message, to_addrs=[to])


def test_a_customers_mail_reaches_the_support_address_with_a_verdict(playground, mail_server):
    sent = send(playground, in_reply_to="<a@b>", references="<z@b> <a@b>")
    assert sent.status_code == 201
    [(sender, recipients, raw)] = mail_server.taken
    message = message_from_bytes(raw, policy=policy.default)
    assert (sender, recipients) == (ANA, ["support@onethread.localhost"])
    assert message["From"] == f"Ana Ruiz <{ANA}>"
    assert message["Message-ID"] == sent.json()["message_id"]
    assert "dmarc=pass header.from=pineandpaper.example" in message["Authentication-Results"]
    assert message["References"] == "<z@b> <a@b>"


def test_a_forged_mail_is_marked_as_failed_and_remembered_as_forged(playground, mail_server):
    send(playground, forge=True)
    assert b"dmarc=fail" in mail_server.taken[0][2]
    [kept] = httpx.get(f"{playground.url}/api/mail/{ANA}", params={"folder": "sent"}).json()["items"]
    assert kept["forged"] is True


@pytest.mark.parametrize(("refusal", "status"), [("550 5.1.1 No such address", 422), ("451 4.3.0 Try later", 503)])
def test_what_the_server_refuses_is_said_in_words(playground, mail_server, refusal, status):
    mail_server.refusal = refusal
    refused = send(playground)
    assert refused.status_code == status
    problem = refused.json()
    assert problem["code"] == int(refusal[:3])
    assert refusal[4:] in problem["detail"]
    assert httpx.get(f"{playground.url}/api/mail/{ANA}", params={"folder": "all"}).json()["items"] == []


def test_a_missing_mail_server_is_said_in_words(settings, start):
    with start(settings.model_copy(update={"playground_mail_server": "127.0.0.1:9"})) as playground:
        refused = send(playground)
    assert refused.status_code == 503
    assert "could not be reached" in refused.json()["detail"]


def test_a_header_with_a_line_break_is_refused(playground, mail_server):
    assert send(playground, subject="a\nBcc: b@c.example").status_code == 422
    assert mail_server.taken == []


def test_an_answer_by_smtp_is_listed_with_its_headers_and_both_parts(playground):
    assert post(playground, answer()) == {}
    [mail] = httpx.get(f"{playground.url}/api/mail/{ANA.upper()}").json()["items"]
    assert mail["text"].strip() == "Two days."
    assert mail["html"].strip() == "<p>Two days.</p>"
    assert mail["headers"]["Reply-To"] == "support+k3t@onethread.localhost"
    assert mail["headers"]["Auto-Submitted"] == "auto-replied"
    assert "In-Reply-To: <q1@pineandpaper.example>" in mail["raw_headers"]


def test_mails_after_a_number_are_only_the_newer_ones(playground):
    post(playground, answer())
    [first] = httpx.get(f"{playground.url}/api/mail/{ANA}").json()["items"]
    post(playground, answer())
    newer = httpx.get(f"{playground.url}/api/mail/{ANA}", params={"after": first["id"]}).json()["items"]
    assert [mail["id"] > first["id"] for mail in newer] == [True]


def test_the_support_address_and_nobody_have_no_mailbox_here(playground):
    for address, code in (("support@onethread.localhost", 550), ("nobody@x.example", 550), ("busy@x.example", 451)):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
            post(playground, answer(), address)
        assert refused.value.recipients[address][0] == code


def test_a_damaged_mail_is_kept_and_shown(playground):
    headers = b"From: =?x-no-such?q?=FF?= <a@\r\nSubject: =?utf-8?b?!!?=\r\nDate: x\r\n"
    raw = headers + b"Content-Type: text/plain; charset=nope\r\n\r\n\xff\r\n"
    with smtplib.SMTP("127.0.0.1", playground.smtp_port, timeout=30) as server:
        server.sendmail("x@y.example", [ANA], raw)
    [mail] = httpx.get(f"{playground.url}/api/mail/{ANA}").json()["items"]
    assert mail["text"].startswith("\N{REPLACEMENT CHARACTER}")


def test_mails_outlive_a_restart(settings, start):
    with start(settings) as playground:
        post(playground, answer())
    with start(settings) as playground:
        assert len(httpx.get(f"{playground.url}/api/mail/{ANA}").json()["items"]) == 1
