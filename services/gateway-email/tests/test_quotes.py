from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from onethread.gateway_email.parsing import mime
from onethread.gateway_email.quoting.quotes import new_text


def words(text: str) -> list[str]:
    return text.split()


def test_no_word_of_an_author_is_lost_in_the_known_replies(email_fixtures: Path):
    for case in json.loads((email_fixtures / "reply" / "expected.json").read_text()):
        if not case.get("reply"):
            continue
        raw = (email_fixtures / "reply" / case["file"]).read_bytes()
        text = mime.parse(raw).text if case["file"].endswith(".eml") else raw.decode("utf-8", "replace")
        assert not set(words(case["reply"])) - set(words(new_text(text))), case["id"]


@pytest.mark.parametrize(
    "history",
    [
        "On Mon, 2 Nov 2026 at 09:00, Support\n<support@desk.example> wrote:\n> Hello\n> Ana",
        "Am 02.11.2026 um 09:00 schrieb Support:\n> Hallo",
        "Le lun. 2 nov. 2026 à 09:00, Support <s@desk.example> a écrit :\n\n> Bonjour",
        "-----Original Message-----\nFrom: Support\nSent: Monday\nTo: Ana\nSubject: Re: x\n\nHello",
        "________________________________\nFrom: Support <s@desk.example>\nSent: Monday\nTo: Ana\nSubject: x\n\nHello",
        "Von: Support\nGesendet: Montag\nAn: Ana\nBetreff: x\n\nHallo",
        "> only quoted\n> lines",
    ],
)
def test_the_history_under_the_new_words_is_cut(history: str):
    assert new_text(f"My new words.\nTwo lines.\n\n{history}\n") == "My new words.\nTwo lines."


@pytest.mark.parametrize(
    "text",
    [
        "On the other hand, I like it.\nThanks",
        "On 3 May I ordered:\n- a lamp\n- a chair",
        "On Mon, Ana 1 wrote:\n> Is it red?\nYes.\n> And big?\nNo.",
        "---------- Forwarded message ---------\nFrom: Ana\nDate: Mon\nSubject: x\nTo: b\n\nwords",
        "> all of it\n> is quoted",
        "from: ana@x.example I got this yesterday",
    ],
)
def test_what_only_looks_like_history_stays(text: str):
    assert words(new_text(text)) == words(text)


@pytest.mark.parametrize("text", ["Originalnachricht", "Hello\n\nOriginal Message"])
def test_the_name_of_a_history_in_the_last_line_has_none_below(text: str):
    assert new_text(text) == text


@pytest.mark.parametrize(
    "hostile",
    ["On " * 300_000, " " * 1_000_000, "\n" * 1_000_000, "From: a\n" * 100_000, "-" * 1_000_000, "On 1\n" * 200_000,
     ">" * 1_000_000, "> a\nb\n" * 100_000, "\n_\n" * 200_000],
)  # fmt: skip
def test_a_million_hostile_characters_come_to_an_end(hostile: str):
    started = time.process_time()
    new_text(hostile)
    assert time.process_time() - started < 10
