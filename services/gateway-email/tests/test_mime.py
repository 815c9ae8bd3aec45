from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from onethread.gateway_email import addresses, charsets, mime

ARGUED = {
    "attachment_2_base64.eml": "text: the part says that it is base64 twice; it is decoded once",
    "attachment_emails/attachment_message_rfc822.eml": "a forwarded mail is one attachment, not opened",
    "forwarded_message.eml": "a forwarded mail is one attachment, not opened",
    "attachment_7bit.eml": "a forwarded mail is one attachment, not opened",
    "text_with_content_id.eml": "a text part with a Content-ID is text",
}


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_parts_of_known_mails_are_read_as_expected(email_fixtures: Path):
    expected = json.loads((email_fixtures / "mime" / "expected.json").read_text())
    right = dict.fromkeys(("subject", "to", "text", "attachments"), 0)
    for name in (name for name in expected if name not in ARGUED):
        mail, want = mime.parse((email_fixtures / "mime" / name).read_bytes()), expected[name]
        right["subject"] += words(mail.header("Subject")) == words(want["subject"])
        right["to"] += addresses.several(mail.fields("To")) == list(
            dict.fromkeys(a["email"].lower() for a in want["to"])
        )
        right["text"] += words(mail.text) == words(want["text"]) or not want["text"].strip()
        right["attachments"] += sorted(a.sha256 for a in mail.attachments) == sorted(
            a["sha256"] for a in want["attachments"]
        )
    total = len(expected) - len(ARGUED)
    assert right["subject"] == total
    assert right["attachments"] >= total - 1
    assert right["to"] >= total - 1
    assert right["text"] >= total - 4  # 8-bit mails whose declared charset is wrong, where ours reads more


@pytest.mark.parametrize(
    ("raw", "charset", "text"),
    [
        ("Grüße".encode(), "iso-8859-1", "Grüße"),
        ("Grüße".encode("cp1252"), "us-ascii", "Grüße"),
        ("“quoted”".encode("cp1252"), "iso-8859-1", "“quoted”"),
        ("日本".encode("cp932"), "shift_jis", "日本"),
        ("中文".encode("gb18030"), "gb2312", "中文"),
        ("한국".encode("cp949"), "ks_c_5601-1987", "한국"),
        ("Grüße".encode(), "x-unknown", "Grüße"),
        ("Grüße".encode(), "hex", "Grüße"),
        (b"a\x00b", "utf-8", "ab"),
        (b"\xff\xfe\x9d", None, "ÿþ\ufffd"),
    ],
)
def test_text_is_decoded_whatever_its_charset_is_called(raw: bytes, charset: str | None, text: str):
    assert charsets.decode(raw, charset) == text


def test_a_letter_split_over_two_encoded_words_is_whole():
    assert charsets.header("=?utf-8?b?R3LDvMOf?= =?utf-8?q?_=C3?= =?utf-8?q?=A9?= end") == "Grüß é end"


def test_html_alone_gives_text_and_a_plain_part_is_preferred():
    both = (
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>rich</p>\r\n--b--\r\n"
    )
    assert (mime.parse(both).text, (mime.parse(both).html or "").strip()) == ("plain", "<p>rich</p>")
    only = b"Content-Type: text/html\r\n\r\n<style>x{}</style><p>Hello</p><p>you</p>"
    assert words(mime.parse(only).text) == "Hello you"
    stub = both.replace(b"\r\n\r\nplain", b"\r\n\r\n  ")
    assert mime.parse(stub).text == "rich"


def test_text_on_both_sides_of_an_attachment_is_kept():
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nbefore\r\n--b\r\nContent-Type: image/png\r\n"
        b"Content-Disposition: inline\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>after</p>\r\n--b--\r\n"
    )
    assert mime.parse(raw).text == "before\n\nafter"
    assert len(mime.parse(raw).attachments) == 1


def test_flowed_lines_are_joined_within_their_quote():
    raw = b"Content-Type: text/plain; format=flowed\r\n\r\n> one \r\n> two\r\nthree \r\nfour\r\n"
    assert mime.parse(raw).text == "> one two\nthree four"


def test_a_mail_of_hostile_depth_is_kept_as_text_in_no_time():
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=n%d\r\n\r\n--n%d\r\n" % (n, n) for n in range(5000))
    started = time.process_time()
    assert "n4999" in mime.parse(deep + b"the words").text
    assert time.process_time() - started < 1
