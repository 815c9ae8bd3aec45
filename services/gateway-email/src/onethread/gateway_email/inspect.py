"""onethread-email inspect FILE.eml: what the gateway would do with a mail, as JSON. Nothing is taken in or sent.

With --text it reads a bare body from standard input. With --peer or --dns the sender is checked as if the mail came
from there just now, which asks the DNS. What is printed holds personal data of the mail.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import structlog

from onethread.gateway_email import convert
from onethread.gateway_email.desks import Desk, own_desk
from onethread.gateway_email.names import Names, parse_server
from onethread.gateway_email.parsing import addresses, charsets
from onethread.gateway_email.parsing.mime import Mail, parse
from onethread.gateway_email.quoting import forwards, quotes
from onethread.gateway_email.reports import bounces, machines
from onethread.gateway_email.sender import checks, deceptions
from onethread.gateway_email.sender.authenticity import Edge, Verdict, judge
from onethread.gateway_email.sender.checks import Checks, Findings
from onethread.gateway_email.settings import Settings
from onethread.gateway_email.showing import shown
from onethread.gateway_email.tokens import token_in

ANYWHERE = "0.0.0.0/0"
"""A file does not tell which server brought it: its topmost Authentication-Results is taken for that of our relay."""
PEER = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found out about the sender, and which addresses are ours."""

    found: Findings
    is_ours: Callable[[str], bool]


def inspected(
    raw: bytes, authserv_id: str = "", desk: Desk | None = None, checked: Checked | None = None
) -> dict[str, Any]:
    """`authserv_id`: whose word on the sender is believed. `desk`: ours, to know our own mails by."""
    mail = parse(raw)
    report = bounces.report(mail)
    is_own = desk is not None and convert.is_own(mail, desk)
    return {
        "kind": machines.kind_of(mail, is_own=is_own),
        "message_id": next(iter(convert.message_ids(mail, "Message-ID")), None),
        "from": next(iter(_people(mail, "From")), None),
        "reply_to": _people(mail, "Reply-To"),
        "to": _people(mail, "To"),
        "cc": _people(mail, "Cc"),
        "bcc": _people(mail, "Bcc"),
        "subject": mail.header("Subject"),
        "date": _date(mail),
        "text": mail.plain,
        "html": mail.markup,
        "shown_html": shown.shown(mail, passes_on=_passes_on(mail)),
        **_said(mail.text, mail.header("Subject"), mail.source),
        "attachments": [
            {"name": a.name, "type": a.type, "size": a.size, "sha256": a.sha256, "inline": a in mail.inline}
            for a in mail.attachments
        ],
        "bounce": [asdict(one) for one in report.recipients] if report else [],
        "authenticity": _authenticity(mail, authserv_id, checked),
        "calendar": asdict(mail.event) if mail.event else None,
    }


def inspected_text(text: str, subject: str = "") -> dict[str, Any]:
    return {"text": text, **_said(text, subject)}


def _said(text: str, subject: str, source: str | None = None) -> dict[str, Any]:
    inside = forwards.forward(text, subject or None)
    said = (quotes.from_html(source) if source else None) or quotes.split(text)
    if forwards.is_sure(inside, subject):  # what is forwarded is what its sender wants us to read
        said = quotes.Said(text, "", "")
    return {
        "reply_text": said.new,
        "quoted_text": said.quoted,
        "signature": said.signature,
        "forward": {name.rstrip("_"): value for name, value in asdict(inside).items()} if inside else None,
    }


def _passes_on(mail: Mail) -> bool:
    subject = mail.header("Subject")
    return forwards.is_sure(forwards.forward(mail.text, subject or None), subject)


def _people(mail: Mail, name: str) -> list[dict[str, str]]:
    return [{"name": name, "address": address} for name, address in addresses.named(mail.fields(name))]


def _date(mail: Mail) -> str | None:
    try:
        return parsedate_to_datetime(mail.header("Date")).isoformat()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _authenticity(mail: Mail, authserv_id: str, checked: Checked | None) -> dict[str, Any]:
    fields = mail.fields("From")
    sender = addresses.sole(fields[0]) if len(fields) == 1 else None
    if sender is None:
        return {"verdict": "forged", "evidence": "From does not name exactly one sender: such mail is refused"}
    if checked:
        return _told(checks.judge(checked.found, mail, checked.is_ours, datetime.now(UTC)), mail, sender) | {
            "checks": _found(checked.found)
        }
    return _told(judge(mail.headers, PEER, sender[1], Edge.parse(ANYWHERE, authserv_id)), mail, sender)


def _told(verdict: Verdict, mail: Mail, sender: tuple[str, str]) -> dict[str, Any]:
    warnings = deceptions.warnings(charsets.header(sender[0]), sender[1], addresses.several(mail.fields("Reply-To")))
    return {"verdict": verdict.word, "evidence": verdict.evidence, "warnings": warnings}


def _found(found: Findings) -> dict[str, Any]:
    policy = found.policies.policy(found.domain)
    return {
        "spf": {"result": found.sent.result, "domain": found.sent.domain} if found.sent else None,
        "dkim": [{"domain": one.domain, "key": one.key_name, "state": one.state} for one in found.signatures],
        "dmarc": {"domain": found.domain, "asks": policy[1]} if policy else None,
        "arc": sorted(found.chain.sealers) if found.chain else None,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    chosen = _arguments(arguments)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))  # what is printed is JSON alone
    if chosen.text:
        found = inspected_text(sys.stdin.buffer.read().decode("utf-8", "replace"), chosen.subject)
    else:
        raw, desk = _read(chosen.file), _desk()
        found = inspected(raw, chosen.authserv_id, desk, _checked(raw, chosen, desk))
    sys.stdout.buffer.write(json.dumps(found, indent=2, ensure_ascii=False).encode() + b"\n")


def _checked(raw: bytes, chosen: argparse.Namespace, desk: Desk | None) -> Checked | None:
    """None where it was not asked for."""
    if not (chosen.peer or chosen.dns):
        return None
    sender = chosen.mail_from if chosen.mail_from is not None else _author(raw)
    asking = Checks(Names(chosen.dns), [one.strip().lower() for one in chosen.arc_sealers.split(",") if one.strip()])
    found = asyncio.run(asking.find(raw, peer=chosen.peer, greeting=chosen.helo, sender=sender))
    return Checked(found, _ours(chosen.to, desk)) if found else None


def _author(raw: bytes) -> str:
    return next(iter(addresses.several(Mail.head(raw).fields("From"))), "")


def _ours(to: str, desk: Desk | None) -> Callable[[str], bool]:
    """Without an address of ours, every address counts as one."""
    if to:
        return lambda address: token_in(address, to.lower()) is not None
    return desk.is_at if desk else lambda _: True


def _server(value: str) -> str:
    try:
        parse_server(value or "127.0.0.1")
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{value} is not of the form `address` or `address:port`") from error
    return value


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="onethread-email", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    inspect = commands.add_parser("inspect", description=__doc__, help="what the gateway would do with a mail, as JSON")
    what = inspect.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", help="a mail as it was sent; - for standard input")
    what.add_argument("--text", action="store_true", help="a bare body is on standard input")
    inspect.add_argument("--subject", default="", help="with --text: the subject above it")
    inspect.add_argument(
        "--authserv-id", default=os.environ.get("ONETHREAD_TRUSTED_AUTHSERV_ID", ""),
        help="whose Authentication-Results are believed; by default ONETHREAD_TRUSTED_AUTHSERV_ID",
    )  # fmt: skip
    inspect.add_argument("--peer", default="", metavar="IP", help="the server that it came from: checks the sender")
    inspect.add_argument("--helo", default="", help="with --peer: what that server says it is called")
    inspect.add_argument("--mail-from", help="with --peer: the sender of the envelope; by default that of From")
    inspect.add_argument("--to", default="", help="with --peer: the address of ours that it came to; by default any")
    inspect.add_argument(
        "--arc-sealers", default=os.environ.get("ONETHREAD_ARC_SEALERS", ""),
        help="with --peer: forwarders whose seal is believed; by default ONETHREAD_ARC_SEALERS",
    )  # fmt: skip
    inspect.add_argument(
        "--dns", type=_server, default="", metavar="SERVER",
        help="who is asked, as `address` or `address:port`: checks the sender. By default the system's",
    )  # fmt: skip
    return parser.parse_args(arguments)


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise SystemExit(
            f"{name} can't be read ({error.strerror}). Nothing was done; give the path of a mail."
        ) from error


def _desk() -> Desk | None:
    """Where the secret of this installation is set, its own mails are known."""
    return own_desk(Settings.load()) if "ONETHREAD_REPLY_SECRET" in os.environ else None
