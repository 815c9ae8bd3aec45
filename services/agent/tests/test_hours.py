from datetime import UTC, date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.agent.hours import when
from onethread.agent.tongues import tongues
from onethread.contracts.agent import OpenHours, Opening

ENGLISH = tongues()["en"]
WEEKDAYS = Opening(days=["mon", "tue", "wed", "thu", "fri"], opens=time(9), closes=time(17))
BERLIN = OpenHours(timezone="Europe/Berlin", openings=[WEEKDAYS])


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_within_the_hours_the_answer_comes_today() -> None:
    assert (
        when(BERLIN, at("2026-11-25T10:00"), ENGLISH) == "We are open now, so usually today within our opening hours."
    )


@pytest.mark.parametrize(
    ("now", "sentence"),
    [
        ("2026-11-28T10:00", "We are back on Monday at 09:00 (Berlin time)."),  # a Saturday
        ("2026-11-25T05:00", "We are back today at 09:00 (Berlin time)."),
        ("2026-11-25T16:00", "We are back on Thursday at 09:00 (Berlin time)."),  # 17:00 there: closed
        ("2026-11-25T15:59", "We are open now, so usually today within our opening hours."),
    ],
)
def test_outside_of_them_it_says_when_they_begin_again(now: str, sentence: str) -> None:
    assert when(BERLIN, at(now), ENGLISH) == sentence


def test_a_holiday_is_passed_over_and_a_far_day_has_its_date() -> None:
    holidays = [date(2026, 12, day) for day in range(21, 32)]
    closed = BERLIN.model_copy(update={"closed_on": holidays})
    said = when(closed, at("2026-12-21T10:00"), ENGLISH)
    assert said == "We are back on Friday (2027-01-01) at 09:00 (Berlin time)."


def test_midnight_is_the_end_of_the_day() -> None:
    late = OpenHours(openings=[Opening(days=["sat"], opens=time(20), closes=time(0))])
    assert when(late, at("2026-11-28T23:30"), ENGLISH) == ENGLISH.say["open"]
    assert "on Saturday" in when(late, at("2026-11-29T00:00"), ENGLISH)


def test_the_clocks_that_change_do_not_matter() -> None:
    # Summer time ends in Berlin on 2026-10-25: nine o'clock is eight in UTC from then on.
    assert "09:00" in when(BERLIN, at("2026-10-24T10:00"), ENGLISH)
    assert when(BERLIN, at("2026-10-26T07:59"), ENGLISH).startswith("We are back today")
    assert when(BERLIN, at("2026-10-26T08:00"), ENGLISH) == ENGLISH.say["open"]


@pytest.mark.parametrize("hours", [None, OpenHours(), OpenHours(timezone="No/Where", openings=[WEEKDAYS])])
def test_without_hours_nothing_is_promised(hours: OpenHours | None) -> None:
    assert when(hours, at("2026-11-25T10:00"), ENGLISH) == ""


def test_who_never_opens_again_promises_nothing() -> None:
    never = BERLIN.model_copy(update={"closed_on": [date.fromordinal(date(2026, 11, 1).toordinal() + n) for n in range(500)]})  # fmt: skip # noqa: E501
    assert when(never, at("2026-11-25T10:00"), ENGLISH) == ""


@pytest.mark.parametrize("tongue", tongues().values(), ids=lambda tongue: tongue.code)
def test_each_language_says_it_whole(tongue) -> None:
    said = when(BERLIN, at("2026-11-28T10:00"), tongue)
    assert "09:00" in said
    assert "Berlin" in said
    assert tongue.days[0] in said
    assert "{" not in said


@given(st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2028, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 the strategy adds the zone
def test_at_any_time_it_is_open_or_will_be(now: datetime) -> None:
    assert when(BERLIN, now, ENGLISH)
