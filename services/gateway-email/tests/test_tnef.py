from __future__ import annotations

import json
import random
import struct
import time
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.gateway_email.parsing import mime, rtf, tnef


def attribute(level: int, name: int, value: bytes) -> bytes:
    return struct.pack("<BHHI", level, name, 6, len(value)) + value + b"\0\0"


def pack(*attributes: bytes) -> bytes:
    return tnef.SIGNATURE + b"\1\0" + b"".join(attributes)


def mail_of(content: bytes, text: str = "") -> mime.Mail:
    mail = EmailMessage()
    if text:
        mail.set_content(text)
    mail.add_attachment(content, "application", "ms-tnef", filename="winmail.dat")
    return mime.parse(mail.as_bytes())


def test_every_known_pack_gives_its_files_and_its_body(email_fixtures: Path):
    for name, expected in json.loads((email_fixtures / "tnef" / "expected.json").read_text()).items():
        mail = mail_of((email_fixtures / "tnef" / name).read_bytes())
        files = [file.name for file in mail.attachments]
        assert [want for want in expected if not want.startswith("body.") and want not in files] == [], name
        assert "winmail.dat" not in files, name
        if any(want.startswith("body.") for want in expected):
            assert mail.text.strip(), name


def test_the_body_in_the_pack_counts_only_where_the_mail_has_no_other(email_fixtures: Path):
    raw = (email_fixtures / "tnef" / "rtf.tnef").read_bytes()
    assert mail_of(raw).text.startswith("aafgag")
    assert mail_of(raw, "what was written").text == "what was written"


def test_pictures_in_the_pack_are_known_to_stand_in_the_text(email_fixtures: Path):
    mail = mail_of((email_fixtures / "tnef" / "unicode-mapi-attr-name.tnef").read_bytes())
    assert [file.name for file in mail.inline] == ["image001.png", "image002.png", "image003.png"]


def test_a_pack_that_is_none_stays_an_attachment():
    assert [file.name for file in mail_of(b"not what it says").attachments] == ["winmail.dat"]


def test_names_in_the_pack_are_as_harmless_as_others():
    raw = pack(attribute(2, 0x9002, b""), attribute(2, 0x8010, b"..\\..\\run\r\n.exe\0"), attribute(2, 0x800F, b"x"))
    assert [file.name for file in mail_of(raw).attachments] == ["run  .exe"]


def test_a_file_name_is_read_in_the_code_page_of_the_pack():
    title = "Счёт.txt".encode("cp1251") + b"\0"
    raw = pack(attribute(1, 0x9007, b"\xe3\4\0\0\0\0\0\0"), attribute(2, 0x9002, b""), attribute(2, 0x8010, title))
    assert [file.name for file in tnef.read(raw).files] == ["Счёт.txt"]  # type: ignore[union-attr]


@pytest.mark.parametrize("length", [0, 1, 5, 6, 14, 15, 100, 1000, 7000])
def test_a_pack_that_is_cut_off_gives_what_was_before(email_fixtures: Path, length: int):
    assert mail_of((email_fixtures / "tnef" / "data-before-name.tnef").read_bytes()[:length]).attachments is not None


@given(st.binary(max_size=400))
def test_no_bytes_make_the_readers_raise(noise: bytes):
    tnef.read(tnef.SIGNATURE + noise)
    tnef.read(pack(attribute(1, 0x9003, noise), attribute(2, 0x9002, b""), attribute(2, 0x9005, noise)))
    rtf.read(rtf.unpacked(b"\0" * 8 + rtf.PACKED + noise))
    rtf.read(noise)


def test_damaged_packs_do_not_raise(email_fixtures: Path):
    chance = random.Random(5)
    for file in sorted((email_fixtures / "tnef").glob("*.tnef")):
        raw = bytearray(file.read_bytes())
        for _ in range(40):
            damaged = raw[:]
            for _ in range(5):
                damaged[chance.randrange(6, len(raw))] = chance.randrange(256)
            tnef.read(bytes(damaged))


@pytest.mark.parametrize(
    "raw",
    [
        b"\0" * 8 + rtf.PACKED + b"\0\0\0\0" + b"\xff\x00\x1f" * 400_000,
        pack(*[attribute(2, 0x9002, b"")] * 100_000),
        pack(attribute(1, 0x9003, struct.pack("<I", 2**32 - 1) + struct.pack("<HHI", 0x101E, 1, 2**32 - 1) * 100_000)),
    ],
)
def test_a_bomb_comes_to_an_end(raw: bytes):
    started = time.process_time()
    tnef.read(raw)
    rtf.read(rtf.unpacked(raw))
    assert time.process_time() - started < 10


def test_deep_groups_of_rich_text_come_to_an_end():
    started = time.process_time()
    assert rtf.read(b"{\\rtf1 " + b"{" * 300_000 + b"deep" + b"}" * 300_000).plain == "deep"
    assert time.process_time() - started < 10


def test_rich_text_is_read_without_its_fonts_and_with_its_letters():
    raw = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator Riched20;}\f0 Gr\'fc\'dfe,\par "
        rb"\u8364?5 \{net\}\line\ldblquote yes\rdblquote\'85}"
    )
    assert rtf.read(raw).plain == "Grüße,\n€5 {net}\n“yes”…"


def test_rich_text_made_of_html_gives_that_html_again():
    raw = (
        rb"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0 Arial;}}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 "
        rb"Caf\'e9 {\*\htmltag84 <b>}\htmlrtf \b \htmlrtf0 now{\*\htmltag92 </b>}\htmlrtf\par}\htmlrtf0"
        rb"{\*\htmltag72 </p>}}"
    )
    assert rtf.read(raw).html == "<p>Café <b>now</b></p>"
