"""Reports, forwards and parts as servers and mail programs write them that are in no fixture, each with what is right.

They were written from knowledge of the programs, and what is right beside them, before they were first read.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from onethread.gateway_email.inspect import inspected
from onethread.gateway_email.parsing import mime, uuencoded
from onethread.gateway_email.quoting.forwards import Forward, forward
from onethread.gateway_email.quoting.people import Person
from onethread.gateway_email.reports import bounces, machines

FOLDER = Path(__file__).parent / "many_mails"
ESCAPED = re.compile(rb"\\x([0-9a-f]{2})")
ANY = "*"
CASE = re.compile(r"^=== (?=.* \|)", re.MULTILINE)
NONE = "-"
WHY = {
    "auth": "The receiving server could not make sure who sent it",
    "blocked": "The receiving server refuses mail from here",
    "closed": "The mailbox is closed at present",
    "full": "The mailbox is full",
    "late": "It could not be delivered in time",
    "moved": "The mailbox has moved",
    "nodomain": "The domain of the address does not exist",
    "policy": "The receiving server refused it by its rules",
    "rate": "The receiving server was sent too much at once",
    "spam": "The receiving server takes it for spam",
    "unknown": "The mailbox does not exist",
    "unreachable": "The receiving server could not be reached",
}


def cases(file: str) -> Iterator[tuple[list[str], str]]:
    """(what stands in its first line, its text)."""
    for case in CASE.split((FOLDER / file).read_text())[1:]:
        head, _, text = case.partition("\n")
        yield [one.strip() for one in head.split(" |")], text


REPORTS = [pytest.param(text, kind, rows, id=name) for (name, kind, *rows), text in cases("reports.txt")]


@pytest.mark.parametrize(("text", "kind", "rows"), REPORTS)
def test_what_a_mail_reports_and_of_whom_is_read(text: str, kind: str, rows: list[str]):
    """A row is address, status, code, whether the address is dead, and maybe why. Of complaints it does not matter."""
    mail = mime.parse(text.encode())
    assert machines.kind_of(mail) == kind
    report = bounces.report(mail)
    if rows:
        assert report is not None
        wanted = [one.split() for one in rows]
        assert [row(one) for one in report.recipients] == [told[:4] for told in wanted]
        for one, told in zip(report.recipients, wanted, strict=True):
            assert one.reason.startswith(WHY[told[4]] if len(told) > 4 else "")


def row(one: bounces.Recipient) -> list[str]:
    told = [one.address or NONE, one.status or NONE, one.smtp_code or NONE]
    return [*told, "dead" if one.hard else "lives"]


FORWARDS = [
    pytest.param(subject, text, id=name)
    for file in ("forwards.txt", "whole_forwards.txt", "forwards_of_languages.txt", "third_forwards.txt")
    for (name, subject), text in cases(file)
]


@pytest.mark.parametrize(("subject", "text"), FORWARDS)
def test_what_a_mail_forwards_is_read(subject: str, text: str):
    """`@name` lines say what is right, `@none` that it is no forward, `@undated` that it tells no date."""
    wanted: dict[str, str] = {"cc": "", "message": ""}
    while text.startswith("@"):
        line, _, text = text.partition("\n")
        name, _, value = line[1:].partition(" ")
        wanted[name] = value.strip()
    if text.startswith("<html"):
        text = mime.parse(b"Content-Type: text/html; charset=utf-8\n\n" + text.encode()).text
    found = forward(text, subject)
    if "none" in wanted:
        assert found is None
        return
    assert found is not None
    assert bool(found.date) != ("undated" in wanted)
    wanted.pop("undated", None)
    assert {name: value for name, value in told(found).items() if name in wanted} == wanted


def told(found: Forward) -> dict[str, str]:
    people = {"from": [found.from_] if found.from_ else [], "to": found.to, "cc": found.cc}
    words = {"subject": found.subject, "message": found.message, "body": found.body}
    return {
        **{name: " ; ".join(map(shown, some)) for name, some in people.items()},
        **{name: " ".join((text or "").split()) for name, text in words.items()},
    }


def shown(person: Person) -> str:
    return (
        f"{person.name} <{person.address}>" if person.name and person.address else person.name or person.address or ""
    )


PARTS = [pytest.param(text, id=head[0]) for head, text in cases("parts.txt")]


@pytest.mark.parametrize("text", PARTS)
def test_the_parts_of_a_mail_are_read_however_it_is_made(text: str):
    """`@file` is name, type, whether it stands in the text, and what is in it; `\\x..` a byte that is no letter."""
    wanted: dict[str, str] = {}
    files: list[list[str]] = []
    while text.startswith("@"):
        line, _, text = text.partition("\n")
        name, _, value = line[1:].partition(" ")
        if name == "file":
            files.append([one.strip() for one in value.split(" | ")])
        else:
            wanted[name] = value.strip()
    raw = ESCAPED.sub(lambda byte: bytes([int(byte[1], 16)]), text.encode())
    found = inspected(raw)
    assert {name: value for name, value in seen(found).items() if name in wanted} == wanted
    whole = [[one["name"], one["type"], "yes" if one["inline"] else "no"] for one in found["attachments"]]
    assert whole == [file[:3] for file in files]
    for one, (*_, content) in zip(found["attachments"], files, strict=True):
        assert content == ANY or one["sha256"] in {sha256(content), sha256(content + "\n")}


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def seen(found: dict) -> dict[str, str]:
    people = {
        name: " ; ".join(shown(Person(one["name"] or None, one["address"])) for one in some)
        for name, some in {"from": [found["from"]] if found["from"] else [], "to": found["to"]}.items()
    }
    words = {"text": found["text"], "html": found["html"], "reply": found["reply_text"], "subject": found["subject"]}
    told = {name: " ".join(text.split()) for name, text in words.items() if name != "subject"}
    return {**people, **told, "subject": found["subject"].strip(), "date": found["date"] or ""}


@pytest.mark.parametrize("line", (FOLDER / "charsets.txt").read_text().splitlines())
def test_a_charset_is_known_by_any_of_its_names(line: str):
    """The name, the codec that the words are really in, the words."""
    name, codec, words = line.split(" ", 2)
    head = f'Content-Type: text/plain; charset="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    assert mime.parse(head.encode() + base64.b64encode(words.encode(codec))).plain == words


def test_a_text_that_was_cut_within_a_letter_is_read_in_its_charset():
    words = "ご注文の品がまだ届きません。よろしく"
    assert (
        words[:-1] in mime.parse(b"Content-Type: text/plain; charset=shift_jis\n\n" + words.encode("cp932")[:-1]).text
    )


@pytest.mark.parametrize("line", ["begin 644 a", "begin 644 a\nM", "begin 644 a\nMMMM\n\n", "`", "begin 644 a\n`\nend"])
def test_a_text_made_to_look_like_many_files_takes_no_time(line: str):
    text = f"{line}\n" * (1_000_000 // len(line))
    started = time.process_time()
    assert len(uuencoded.unpack(text)[1]) <= uuencoded.FILES
    assert time.process_time() - started < 2
