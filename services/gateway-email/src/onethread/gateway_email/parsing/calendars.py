"""What an invitation says (RFC 5545, RFC 5546): pure, and never raises."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from onethread.gateway_email.parsing import addresses

LARGEST = 500_000
VALUE_CHARACTERS = 2000
_FOLD = re.compile(r"\r?\n[ \t]")
_NAME = re.compile(r"[A-Za-z0-9-]{1,50}")
_PARAMETER = re.compile(r";([A-Za-z0-9-]{1,50})=(\"[^\"\n]{0,500}\"|[^\";:,\n]{0,500})(?:,[^;:\n]{0,500})?")
_ESCAPED = re.compile(r"\\([\\;,nN])")
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z?))?")
_LENGTH = re.compile(r"\+?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,6})S)?)?")


@dataclass(frozen=True, slots=True)
class Event:
    method: str
    """REQUEST, REPLY, CANCEL and so on; empty where it is not stated."""
    uid: str
    summary: str
    start: str
    """ISO 8601. Without an offset where the zone is one that only the sender knows; a day where it lasts whole days."""
    end: str
    zone: str
    """The name of the zone as the sender wrote it; empty for UTC and for what has none."""
    place: str
    organizer: str
    attendees: list[str]
    answer: str
    """Of the first attendee: ACCEPTED, DECLINED, TENTATIVE; empty where there is none."""


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    parameters: dict[str, str]
    value: str


def read(text: str) -> Event | None:
    """The first event in it; None where there is none."""
    lines = list(_lines(_FOLD.sub("", text[:LARGEST])))
    event = list(_of_event(lines))
    if not event:
        return None
    first: dict[str, _Line] = {}
    for line in event:
        first.setdefault(line.name, line)
    method = next((line.value.strip().upper()[:50] for line in lines if line.name == "METHOD"), "")
    guests = [line for line in event if line.name == "ATTENDEE"]
    start = first.get("DTSTART")
    return Event(
        method=method,
        uid=_said(first, "UID"),
        summary=_said(first, "SUMMARY"),
        start=_when(start),
        end=_when(first.get("DTEND")) or _after(start, _said(first, "DURATION")),
        zone=start.parameters.get("TZID", "")[:200] if start else "",
        place=_said(first, "LOCATION"),
        organizer=_person(first.get("ORGANIZER")),
        attendees=[address for line in guests[:200] if (address := _person(line))],
        answer=_answer(guests),
    )


def _lines(text: str) -> Iterator[_Line]:
    for line in text.splitlines():
        name = _NAME.match(line)
        if not name:
            continue
        at, parameters = name.end(), dict[str, str]()
        while found := _PARAMETER.match(line, at):
            parameters[found[1].upper()] = found[2].strip('"')
            at = found.end()
        if line[at : at + 1] == ":":
            yield _Line(name[0].upper(), parameters, line[at + 1 :][:VALUE_CHARACTERS])


def _of_event(lines: list[_Line]) -> Iterator[_Line]:
    """The lines of the first event, without its alarms and other parts."""
    inside: list[str] = []
    for line in lines:
        if line.name == "BEGIN":
            inside.append(line.value.strip().upper())
        elif line.name == "END" and inside:
            if inside.pop() == "VEVENT":
                return
        elif inside and inside[-1] == "VEVENT":
            yield line


def _said(first: dict[str, _Line], name: str) -> str:
    value = first[name].value if name in first else ""
    return _ESCAPED.sub(lambda found: "\n" if found[1] in "nN" else found[1], value).strip()


def _answer(guests: list[_Line]) -> str:
    said = guests[0].parameters.get("PARTSTAT", "").upper() if guests else ""
    return "" if said == "NEEDS-ACTION" else said[:50]


def _person(line: _Line | None) -> str:
    if line is None:
        return ""
    _, colon, after = line.value.rpartition("mailto:" if "mailto:" in line.value else "MAILTO:")
    return (addresses.normal(after if colon else line.value) or "") if line.value else ""


def _when(line: _Line | None) -> str:
    moment, is_day = _moment(line)
    if moment is None:
        return ""
    return moment.date().isoformat() if is_day else moment.isoformat().replace("+00:00", "Z")


def _moment(line: _Line | None) -> tuple[datetime | None, bool]:
    """And whether it is a whole day."""
    found = _TIME.match(line.value.strip()) if line else None
    if not line or not found:
        return None, False
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        bare = datetime(year, month, day, hour, minute, min(second, 59))  # noqa: DTZ001 its zone comes next
        if found[7]:
            return bare.replace(tzinfo=UTC), False
        return _in_zone(bare, line.parameters.get("TZID", "")), found[4] is None
    except (ValueError, OverflowError):
        return None, False


def _in_zone(bare: datetime, name: str) -> datetime:
    """Windows has names of its own for the zones: such a time stays without an offset, and the name is kept."""
    try:
        known = bare.replace(tzinfo=ZoneInfo(name)) if name else bare
        known.isoformat()
    except (ValueError, OSError, KeyError):
        return bare
    return known


def _after(start: _Line | None, length: str) -> str:
    moment, is_day = _moment(start)
    found = _LENGTH.fullmatch(length.upper())
    if moment is None or not found or not length:
        return ""
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    try:
        end = moment + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        return ""
    return (
        end.date().isoformat()
        if is_day and not (hours or minutes or seconds)
        else end.isoformat().replace("+00:00", "Z")
    )
