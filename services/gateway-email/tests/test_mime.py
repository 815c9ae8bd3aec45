from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest

from onethread.gateway_email.inspect import inspected
from onethread.gateway_email.parsing import charsets, mime

ARGUED = {
    "attachment_2_base64.eml": "a mail within that was sent in Base64 is decoded before it is read",
    "text_with_content_id.eml": "a text part with a Content-ID is text",
    "error_emails/content_transfer_encoding_7-bit.eml": "8-bit letters that are UTF-8 are read as that",
    "error_emails/content_transfer_encoding_plain.eml": "8-bit letters in a mail that promised none are kept",
    "plain_emails/raw_email6.eml": "the same",
    "error_emails/missing_body.eml": "an address without an address is shown in lower case",
    "attachment_8bit.eml": "a second charset in the head of an HTML part stays as it is",
}


def words(text: str) -> str:
    return " ".join(text.split())


def people(found: list[dict], address: str) -> list[tuple[str, str]]:
    return [(words(one["name"]), one[address].lower()) for one in found]


def test_every_part_of_the_known_mails_is_read_as_expected(email_fixtures: Path):
    expected = json.loads((email_fixtures / "mime" / "expected.json").read_text())
    for name, want in expected.items():
        if name in ARGUED:
            continue
        found = inspected((email_fixtures / "mime" / name).read_bytes())
        assert people([found["from"] or {"name": "", "address": ""}], "address") == people(
            [want["from"] or {"name": "", "email": ""}], "email"
        ), name
        for field in ("to", "cc", "bcc"):
            assert people(found[field], "address") == people(want[field], "email"), name
        for field in ("subject", "text", "html"):
            assert words(found[field]) == words(want[field]), name
        if want["date"] and not want["date"].startswith("1900"):  # what that library says where there is none
            assert (found["date"] or "")[:19] == want["date"][:19], name
        files = sorted((one["sha256"], one["size"]) for one in found["attachments"])
        assert files == sorted((one["sha256"], one["size"]) for one in want["attachments"]), name


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
        (b"\x1b$B-!-jF|\x1b(B", "iso-2022-jp", "①㈱日"),
        (b"\x1b$B-!\x1b(I1\x1b(B!", "iso-2022-jp", "①ｱ!"),
        ("————————————————————".encode("cp1252"), "iso-8859-1", "————————————————————"),
        ("ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ".encode("cp1252"), "utf-8", "ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ"),
        ("Smørrebrød på øen, æbler og ål".encode("cp1252"), None, "Smørrebrød på øen, æbler og ål"),
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
    assert time.process_time() - started < 10


def test_a_mail_sent_in_base64_within_another_is_decoded():
    inner = base64.b64encode(b"Subject: inner\r\n\r\nThe words within.")
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822; name=a.eml\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + inner + b"\r\n--b--\r\n"
    )
    assert mime.parse(raw).text == "The words within."
    assert mime.parse(raw).attachments[0].size == 35


def test_html_no_longer_names_the_charset_it_was_sent_in():
    raw = b'Content-Type: text/html; charset=koi8-r\r\n\r\n<meta content="text/html; charset=koi8-r">\xc4\xc1'
    assert mime.parse(raw).markup == '<meta content="text/html; charset=utf-8">да'
