"""What the relay writes on top of a mail, and what it keeps intact below."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from onethread.playground.relay import Letter, MailRefusedError, seal, verdict, write

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LETTER = Letter(
    sender="Ana Ruiz <ana@pineandpaper.example>", to="support@onethread.localhost", subject="Ink", text="Hi"
)


def sealed(letter: Letter) -> bytes:
    return seal(write(letter, message_id="<1@x>", now=NOW), letter, authserv_id="onethread.localhost", now=NOW)


def test_an_honest_mail_passes_aligned_with_its_sender():
    assert verdict(LETTER, "onethread.localhost") == (
        "onethread.localhost; spf=pass smtp.mailfrom=ana@pineandpaper.example; "
        "dkim=pass header.d=pineandpaper.example; dmarc=pass header.from=pineandpaper.example"
    )


def test_a_forged_mail_fails_dmarc_for_the_domain_it_claims():
    forged = replace(LETTER, forged=True)
    assert verdict(forged, "onethread.localhost") == (
        "onethread.localhost; dkim=none; spf=fail smtp.mailfrom=ana@pineandpaper.example; "
        "dmarc=fail header.from=pineandpaper.example"
    )


def test_the_verdict_stands_above_the_relays_received_line():
    names = [line.split(b":")[0] for line in sealed(LETTER).split(b"\r\n\r\n")[0].split(b"\r\n") if line[:1] != b" "]
    assert names[:3] == [b"Authentication-Results", b"Received", b"From"]


def test_long_ids_in_references_are_folded_but_never_encoded():
    ids = [f"<{'a' * 90}.{n}@reply.onethread.localhost>" for n in range(20)]
    letter = replace(LETTER, references=" ".join(ids), in_reply_to=ids[-1])
    raw = sealed(letter)
    assert b"=?" not in raw
    assert max(map(len, raw.split(b"\r\n"))) < 998
    message = message_from_bytes(raw, policy=policy.default)
    assert message["References"].split() == ids
    assert message["In-Reply-To"] == ids[-1]


def test_text_with_accents_and_long_lines_arrives_unchanged():
    text = "Olá, ação — ✓\n" + "palavra " * 300 + "\n.\nfim\n"
    letter = replace(LETTER, text=text, subject="Olá ✓")
    raw = sealed(letter)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = message_from_bytes(raw, policy=policy.default)
    assert message.get_content().replace("\r\n", "\n") == text
    assert message["Subject"] == "Olá ✓"


def test_a_line_break_in_the_subject_is_refused():
    letter = replace(LETTER, subject="a\r\nBcc: x@y.example")
    with pytest.raises(ValueError, match="linefeed"):
        write(letter, message_id="<1@x>", now=NOW)


@pytest.mark.parametrize(("code", "words"), [(550, "change what it names"), (451, "in a moment"), (0, "in a moment")])
def test_a_refusal_says_what_happened_and_what_was_kept(code, words):
    sentence = str(MailRefusedError(code, "5.1.1 No such address."))
    assert "Your text is kept" in sentence
    assert words in sentence
    assert ".." not in sentence
