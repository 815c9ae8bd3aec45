"""When people answer: open now, or when next. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from onethread.agent.tongues import Tongue
from onethread.contracts.agent import OpenHours, Weekday

_LOOK_AHEAD = 400
"""Days. Who is closed for longer is not announced."""
_WEEK = 7


@dataclass(frozen=True)
class _Span:
    opens: datetime
    closes: datetime


def when(hours: OpenHours | None, now: datetime, tongue: Tongue) -> str:
    """A sentence on when people answer; "" where the workspace does not say, so that nothing is promised."""
    if hours is None or not hours.openings:
        return ""
    try:
        zone = ZoneInfo(hours.timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return ""
    here = now.astimezone(zone)
    span = next((span for span in _spans(hours, here.date(), zone) if span.closes.astimezone(UTC) > now), None)
    if span is None:
        return ""
    if span.opens.astimezone(UTC) <= now:
        return tongue.say["open"]
    return tongue.say["closed"].format(
        day=_day(span.opens.date(), here.date(), tongue), time=f"{span.opens:%H:%M}", zone=_city(hours.timezone)
    )


def _spans(hours: OpenHours, first: date, zone: ZoneInfo) -> Iterator[_Span]:
    """Openings from `first` on, the soonest first."""
    days: tuple[Weekday, ...] = get_args(Weekday)
    for ahead in range(_LOOK_AHEAD):
        day = first + timedelta(days=ahead)
        if day in hours.closed_on:
            continue
        todays = [opening for opening in hours.openings if days[day.weekday()] in opening.days]
        for opening in sorted(todays, key=lambda opening: opening.opens):
            ends = day + timedelta(days=1) if opening.closes == time(0) else day
            yield _Span(datetime.combine(day, opening.opens, zone), datetime.combine(ends, opening.closes, zone))


def _day(day: date, today: date, tongue: Tongue) -> str:
    if day == today:
        return tongue.say["today"]
    named = tongue.days[day.weekday()]
    return named if (day - today).days < _WEEK else f"{named} ({day.isoformat()})"


def _city(timezone: str) -> str:
    """What people call the time there: Berlin of `Europe/Berlin`."""
    return timezone.rsplit("/", 1)[-1].replace("_", " ")
