from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.gateway_email.parsing import calendars, mime


def event(*lines: str, method: str = "METHOD:REQUEST") -> calendars.Event:
    found = calendars.read(
        "\r\n".join(("BEGIN:VCALENDAR", method, "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"))
    )
    assert found
    return found


def test_the_invitations_of_the_fixtures_are_read(email_fixtures: Path):
    for name, what in json.loads((email_fixtures / "own" / "expected.json").read_text()).items():
        if "calendar" in what:
            mail = mime.parse((email_fixtures / "own" / name).read_bytes())
            assert mail.event
            assert what["calendar"].items() <= asdict(mail.event).items()
            assert mail.event.organizer == "ann@customer.example"
            assert [file.name for file in mail.attachments] == ["invite.ics"]


@pytest.mark.parametrize(
    ("line", "start", "zone"),
    [
        ("DTSTART:20261110T090000Z", "2026-11-10T09:00:00Z", ""),
        ("DTSTART;TZID=Europe/Berlin:20260710T090000", "2026-07-10T09:00:00+02:00", "Europe/Berlin"),
        ('DTSTART;TZID="W. Europe Standard Time":20261110T090000', "2026-11-10T09:00:00", "W. Europe Standard Time"),
        ("DTSTART;TZID=../../etc/passwd:20261110T090000", "2026-11-10T09:00:00", "../../etc/passwd"),
        ("DTSTART:20261110T090000", "2026-11-10T09:00:00", ""),
        ("DTSTART;VALUE=DATE:20261110", "2026-11-10", ""),
        ("DTSTART:20261399T990000Z", "", ""),
        ("DTSTART:tomorrow", "", ""),
    ],
)
def test_a_start_is_told_with_the_zone_it_has(line: str, start: str, zone: str):
    assert (event(line).start, event(line).zone) == (start, zone)


def test_an_end_may_be_given_as_a_length():
    assert event("DTSTART:20261110T233000Z", "DURATION:PT1H").end == "2026-11-11T00:30:00Z"
    assert event("DTSTART;VALUE=DATE:20261231", "DURATION:P1D").end == "2027-01-01"
    assert event("DTSTART:20261110T233000Z", "DURATION:P99999W").end == ""


def test_folded_and_escaped_text_is_whole():
    found = event("SUMMARY:Lamp\\, broken\\; call", "  back", "LOCATION;LANGUAGE=de:Saal 1\\nHof", "UID:a@b")
    assert (found.summary, found.place, found.uid) == ("Lamp, broken; call back", "Saal 1\nHof", "a@b")


def test_an_answer_tells_whether_he_comes():
    guest = 'ATTENDEE;CN="Lee; Kim";PARTSTAT=DECLINED:MAILTO:Kim@Desk.example'
    found = event(guest, method="METHOD:REPLY")
    assert (found.method, found.answer, found.attendees) == ("REPLY", "DECLINED", ["kim@desk.example"])


def test_what_stands_in_an_alarm_or_in_the_zone_is_not_the_event():
    found = event("BEGIN:VALARM", "SUMMARY:beep", "END:VALARM", "SUMMARY:Call")
    assert found.summary == "Call"
    assert (
        calendars.read("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nDTSTART:19700101T000000\nEND:VTIMEZONE\nEND:VCALENDAR")
        is None
    )


@given(st.text(max_size=300), st.text(max_size=100))
def test_no_text_makes_it_raise(noise: str, value: str):
    calendars.read(noise)
    event(f"DTSTART{noise}:{value}", f"DURATION:{value}", f"ORGANIZER:{value}", f"ATTENDEE;{noise}")


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN:VEVENT\n" * 80_000,
        "BEGIN:VEVENT\nX" + ";a=b" * 200_000,
        "BEGIN:VEVENT\nX;a=" + "," * 400_000,
        "A\n " * 300_000,
    ],
)
def test_hostile_calendars_come_to_an_end(text: str):
    started = time.process_time()
    calendars.read(text)
    assert time.process_time() - started < 10
