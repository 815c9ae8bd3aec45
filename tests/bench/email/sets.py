"""Mails with what is right about each, and which of them are read so."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from onethread.gateway_email.inspect import inspected, inspected_text
from onethread.gateway_email.parsing import tnef

SECONDS = 2
OWN_VERDICTS = {"aligned_pass": "verified", "fail": "forged", "invalid_from": "forged"}
ARGUED = {"dkim_pass_unaligned.eml": "fail"}
"""Said to be `unaligned`, which is mail of a domain without a policy. The relay in this one says `dmarc=fail`, so there
is a policy. Were it less than a failure, any forger could have it by a signature of his own.
"""
OWN_KINDS = {"loop": "own", "calendar_response": "auto_reply"}
Found = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    wrong: dict[str, object]
    """What was read otherwise than expected: (found, expected) of each field; empty where all is right."""
    lost: bool = False
    """Words of the author are not in what a reader sees first."""


def words(text: object) -> str:
    return " ".join(str(text or "").split())


def _differing(found: Found, expected: Found) -> dict[str, object]:
    return {name: (found.get(name), want) for name, want in expected.items() if found.get(name) != want}


def replies(folder: Path) -> Iterator[Case]:
    for one in _json(folder / "expected.json"):
        raw = (folder / one["file"]).read_bytes()
        is_mail = one["file"].endswith(".eml")
        found = inspected(raw) if is_mail else inspected_text(raw.decode("utf-8", "replace"))
        said, whole = words(found["reply_text"]), words(found["reply_text"] + "\n" + found["signature"])
        right = {words(text) for text in _accepted(one)}
        parts = {text: words(text) in said for text in one.get("must_contain", [])}
        gone = {text: words(text) not in said for text in one.get("must_not_contain", [])}
        is_right = (not right or bool({said, whole} & right)) and all(parts.values()) and all(gone.values())
        wanted = (one.get("reply") or " ".join(parts)).split()
        lost = bool({*wanted} - {*whole.split()})
        yield Case(one["id"], {} if is_right else {"reply_text": (said, one.get("reply") or parts | gone)}, lost)


def _accepted(one: Found) -> Iterator[str]:
    for text in [one["reply"], *one.get("also_accepted", [])] if "reply" in one else []:
        yield text
        for signature in one.get("optional_signature", []):
            yield text + "\n" + signature
            if text.rstrip().endswith(signature):
                yield text.rstrip().removesuffix(signature)


def replies_in_html(folder: Path) -> Iterator[Case]:
    for one in _json(folder / "expected.json"):
        if "visible_text" not in one:
            continue
        mail = EmailMessage()
        mail.set_content((folder / one["file"]).read_text(errors="replace"), subtype="html")
        said = "".join(str(inspected(mail.as_bytes())["reply_text"]).split())
        wanted = "".join(one["visible_text"].split())
        yield Case(one["file"], {} if said == wanted else {"reply_text": (said, wanted)}, wanted not in said)


def forwards(folder: Path) -> Iterator[Case]:
    for one in _json(folder / "expected.json"):
        subject = (folder / one["subject_file"]).read_text() if one["subject_file"] else ""
        found = inspected_text((folder / one["body_file"]).read_text(), subject.strip())
        yield Case(one["id"], _of_forward(json.loads(json.dumps(found["forward"])), one["expect"]))


def _of_forward(found: Found | None, expected: Found) -> dict[str, object]:
    if not expected["forwarded"] or not found:
        return {} if bool(found) == expected["forwarded"] else {"forwarded": (bool(found), expected["forwarded"])}
    addresses = [person["address"] for person in found["to"]]
    seen: Found = {**found, "date_present": bool(found["date"]), "to_addresses": addresses}
    for name in ("message", "body", "subject"):
        seen[name] = words(found[name]) or None
    wanted = {name: words(want) or None if isinstance(want, str) else want for name, want in expected.items()}
    return _differing(seen, {name: want for name, want in wanted.items() if name != "forwarded"})


def bounces(folder: Path) -> Iterator[Case]:
    for name, one in _json(folder / "expected.json").items():
        found = inspected((folder / name).read_bytes())
        wanted = {"message"} if one["kind"] == "not_a_bounce" else {one["kind"]}
        wrong: dict[str, object] = {} if found["kind"] in wanted else {"kind": (found["kind"], one["kind"])}
        dead = any(row["hard"] for row in found["bounce"])
        if one["kind"] == "bounce" and dead != any(row["hard"] for row in one["recipients"]):
            wrong["hard"] = (found["bounce"], one["recipients"])
        yield Case(name, wrong)


def parts(folder: Path) -> Iterator[Case]:
    for name, one in _json(folder / "expected.json").items():
        found = inspected((folder / name).read_bytes())
        yield Case(name, _differing(_comparable(found, "address"), _expected_parts(one)))


def _comparable(found: Found, address: str) -> Found:
    """Texts by words, addresses by letters, files by what is in them."""
    people = {
        name: [(words(p["name"]), words(p[address]).lower()) for p in found[name]] for name in ("to", "cc", "bcc")
    }
    sender = found["from"]
    return {
        **people,
        "from": (words(sender["name"]), words(sender[address]).lower()) if sender else None,
        **{name: words(found[name]) for name in ("subject", "text", "html")},
        "date": _moment(found["date"]),
        "files": sorted((a["sha256"], a["size"]) for a in found["attachments"]),
    }


def _expected_parts(one: Found) -> Found:
    expected = _comparable(one, "email")
    is_made_up = str(one["date"]).startswith("1900-01-01")  # what that library says where there is no date
    return {**expected, "date": None if is_made_up else expected["date"]}


def _moment(date: str | None) -> str | None:
    return datetime.fromisoformat(date).replace(tzinfo=None).isoformat() if date else None


def packs(folder: Path) -> Iterator[Case]:
    for name, one in _json(folder / "expected.json").items():
        pack = tnef.read((folder / name).read_bytes())
        mail = EmailMessage()
        mail.add_attachment((folder / name).read_bytes(), "application", "ms-tnef", filename="winmail.dat")
        found = inspected(mail.as_bytes())
        names = [file["name"] for file in found["attachments"]]
        missing = [want for want in one if not want.startswith("body.") and want not in names]
        has_body = not any(want.startswith("body.") for want in one) or bool(words(found["reply_text"]))
        yield Case(name, {} if pack and not missing and has_body else {"files": (names, one)})


def own(folder: Path) -> Iterator[Case]:
    for name, one in _json(folder / "expected.json").items():
        found = inspected((folder / name).read_bytes(), "mx.desk.example")
        right = one | ({"verdict": ARGUED[name]} if name in ARGUED else {})
        yield Case(name, _differing(_judged(found, one), _expected_of_own(right)))


def _judged(found: Found, one: Found) -> Found:
    sender = found["from"]
    calendar = found["calendar"] or {}
    names = " ".join(file["name"] for file in found["attachments"])
    shown = found["shown_html"] or ""
    return {
        "kind": found["kind"],
        "sender": sender and sender["address"],
        "verdict": found["authenticity"]["verdict"],
        "calendar": {key: calendar.get(key) for key in one.get("calendar", {})} or None,
        "subject": "\n" in found["subject"] or "\r" in found["subject"],
        "kept_out": [
            text
            for text in one.get("must_not_contain", []) + one.get("rendered_html_must_not_contain", [])
            if text in names or text in shown
        ],
    }


def _expected_of_own(one: Found) -> Found:
    expected: Found = {"subject": False, "kept_out": []}
    if "kind" in one:
        expected["kind"] = OWN_KINDS.get(one["kind"], one["kind"])
    if "verdict" in one:
        expected["verdict"] = OWN_VERDICTS.get(one["verdict"], "asserted")
    if "sender" in one:
        expected["sender"] = one["sender"]
    if "calendar" in one:
        expected["calendar"] = one["calendar"]
    return expected


def damaged(folder: Path) -> Iterator[Case]:
    for name in _json(folder / "files.json"):
        started = time.process_time()
        try:
            found = inspected((folder / name).read_bytes())
        except Exception as error:
            yield Case(name, {"raised": repr(error)})
            continue
        took = time.process_time() - started
        is_read = words(found["reply_text"]) or found["attachments"] or found["subject"]
        yield Case(name, {} if took < SECONDS and is_read else {"seconds": took, "read": bool(is_read)})


def _json(file: Path) -> Any:
    return json.loads(file.read_text())


SETS: dict[str, Callable[[Path], Iterator[Case]]] = {
    "reply": replies,
    "reply_html": replies_in_html,
    "forward": forwards,
    "bounces": bounces,
    "mime": parts,
    "tnef": packs,
    "own": own,
    "robust": damaged,
}
