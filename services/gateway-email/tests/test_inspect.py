from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.gateway_email.desks import Desk
from onethread.gateway_email.inspect import inspected, inspected_text

KEYS = {
    "kind", "message_id", "from", "to", "cc", "subject", "date", "text", "html", "reply_text", "quoted_text",
    "signature", "attachments", "bounce", "forward", "authenticity", "calendar",
}  # fmt: skip
MAIL = (
    b"From: =?utf-8?q?J=C3=B6rg?= <Joerg@Customer.example>\r\nTo: Desk <support@desk.example>\r\nSubject: Lamp\r\n"
    b"Message-ID: <1@customer.example>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0100\r\n"
)


def run(*arguments: str, said: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ONETHREAD_")}
    command = [sys.executable, "-m", "onethread.gateway_email", "inspect", *arguments]
    return subprocess.run(command, input=said, capture_output=True, timeout=60, env=environment, check=False)


def test_a_mail_is_told_as_json_on_the_command_line(tmp_path: Path):
    (tmp_path / "a.eml").write_bytes(MAIL + b"\r\nIt is broken.\r\n")
    found: dict[str, Any] = json.loads(run(str(tmp_path / "a.eml")).stdout)
    assert found.keys() >= KEYS
    assert found["from"] == {"name": "Jörg", "address": "Joerg@Customer.example"}
    assert (found["kind"], found["message_id"]) == ("message", "<1@customer.example>")
    assert found["date"] == "2026-11-02T10:00:00+01:00"
    assert found["reply_text"] == "It is broken."
    assert json.loads(run("-", said=(tmp_path / "a.eml").read_bytes()).stdout) == found


def test_a_damaged_mail_is_told_as_json_too():
    done = run("-", said=b"Content-Type: message/rfc822\r\n\r\n" * 20_000)
    assert json.loads(done.stdout)["kind"] == "message"
    assert b"mail.damaged" in done.stderr


def test_a_bare_body_is_read_from_standard_input():
    found = json.loads(
        run("--text", said="Ça va.\n\nLe lun. 2 nov. 2026, Ann <a@b.c> a écrit :\n> Bonjour\n".encode()).stdout
    )
    assert found["reply_text"].strip() == "Ça va."
    assert "Bonjour" in found["quoted_text"]


def test_a_file_that_is_not_there_is_said_so_in_words():
    done = run("nowhere.eml")
    assert done.returncode == 1
    assert b"nowhere.eml can't be read" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_sender_is_verified_only_by_the_named_relay():
    vouched = b"Authentication-Results: mx.desk.example; dmarc=pass header.from=customer.example\r\n" + MAIL + b"\r\nHi"
    forged = vouched.replace(b"dmarc=pass", b"dmarc=fail")
    assert inspected(vouched)["authenticity"]["verdict"] == "asserted"
    assert inspected(vouched, "mx.desk.example")["authenticity"]["verdict"] == "verified"
    assert inspected(forged, "mx.desk.example")["authenticity"]["verdict"] == "forged"
    assert inspected(b"From: a@b.example, c@d.example\r\n\r\nHi")["authenticity"]["verdict"] == "forged"


async def test_a_sender_is_checked_as_if_the_mail_came_from_there(tmp_path: Path, name_server: Any):
    name_server.text("customer.example", "v=spf1 ip4:198.51.100.7 -all")
    name_server.text("_dmarc.customer.example", "v=DMARC1; p=reject")
    (tmp_path / "a.eml").write_bytes(MAIL + b"\r\nHi")
    asking = (str(tmp_path / "a.eml"), "--dns", name_server.address, "--helo", "mx.customer.example", "--peer")
    genuine = json.loads((await asyncio.to_thread(run, *asking, "198.51.100.7")).stdout)["authenticity"]
    forged = json.loads((await asyncio.to_thread(run, *asking, "203.0.113.66")).stdout)["authenticity"]
    assert (genuine["verdict"], forged["verdict"]) == ("verified", "forged")
    assert forged["evidence"] == "failed DMARC for customer.example, which asks to refuse such mail"
    assert genuine["checks"] == {
        "spf": {"result": "pass", "domain": "customer.example"},
        "dkim": [],
        "dmarc": {"domain": "customer.example", "asks": "reject"},
        "arc": None,
    }
    assert b"Traceback" not in (await asyncio.to_thread(run, "a.eml", "--dns", "no-address")).stderr


def test_our_own_mail_is_known_where_our_secret_is(desk: Desk):
    own = MAIL.replace(b"<1@customer.example>", desk.signer.message_id(uuid4(), "desk.example").encode()) + b"\r\nHi"
    assert inspected(own, desk=desk)["kind"] == "own"
    assert inspected(own)["kind"] == "message"


def test_pictures_that_the_text_shows_are_inline_and_others_are_not():
    picture = (
        b"--b\r\nContent-Type: image/png\r\nContent-Disposition: inline; filename=%s.png\r\n"
        b"Content-ID: <%s>\r\n\r\nx\r\n"
    )
    raw = (
        MAIL + b"Content-Type: multipart/related; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n"
        b"<p>See <img src='cid:one%40x'></p>\r\n"
        + picture % (b"one", b"one@x")
        + picture % (b"two", b"two@x")
        + b"--b--"
    )
    assert [(a["name"], a["inline"]) for a in inspected(raw)["attachments"]] == [("one.png", True), ("two.png", False)]


def test_a_mail_that_only_holds_another_mail_says_what_that_one_says():
    inner = b"From: x@y.example\r\nSubject: inner\r\n\r\nThe words within."
    raw = (
        MAIL
        + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + inner
        + b"\r\n--b--"
    )
    found = inspected(raw)
    assert "The words within." in found["reply_text"]
    assert [a["name"] for a in found["attachments"]] == ["message.eml"]
    own = raw.replace(b"--b\r\nContent-Type: message", b"--b\r\n\r\nSee below\r\n--b\r\nContent-Type: message")
    assert inspected(own)["reply_text"] == "See below"


def test_damaged_mails_neither_raise_nor_take_long(email_fixtures: Path):
    for file in sorted((email_fixtures / "robust").iterdir()):
        started = time.process_time()
        json.dumps(inspected(file.read_bytes()))
        assert time.process_time() - started < 10, file.name


@given(st.binary(max_size=600), st.text(max_size=300))
def test_no_mail_and_no_text_make_it_raise(noise: bytes, text: str):
    json.dumps(inspected(noise))
    json.dumps(inspected(MAIL + noise))
    json.dumps(inspected(MAIL + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + noise))
    json.dumps(inspected_text(text))


HOSTILE = {
    "long": MAIL + b"\r\n" + b"A line of a long mail.\r\n" * 45_000,
    "long html": MAIL + b"Content-Type: text/html\r\n\r\n" + b"<p>A <b>long</b> mail.</p>\r\n" * 35_000,
    "mails in one another": b"Content-Type: message/rfc822\r\n\r\n" * 90 + b"hello " * 1_000_000,
    "more of them than there is room": b"Content-Type: message/rfc822\r\n\r\n" * 20_000,
    "a bomb in Base64": b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + base64.b64encode(
        b"".join(b"Content-Type: multipart/mixed; boundary=n%d\n\n--n%d\n" % (n, n) for n in range(9000))
    ),
    "half-open elements": MAIL + b"Content-Type: text/html\r\n\r\n" + b"<meta charset " * 70_000 + b"cid:" * 50_000,
    "brackets": MAIL.replace(b"Desk", b"<" * 100_000) + b"\r\nHi",
}


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_large_and_hostile_mails_are_read_in_time(raw: bytes):
    started = time.process_time()
    inspected(raw)
    assert time.process_time() - started < 10
