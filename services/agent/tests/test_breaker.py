from hypothesis import given
from hypothesis import strategies as st

from onethread.agent.breaker import Breaker


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker(2, 10, Clock())
    breaker.failed()
    breaker.succeeded()
    breaker.failed()
    assert breaker.admit()
    breaker.failed()
    assert not breaker.admit()


def test_one_call_tries_after_the_rest_and_decides() -> None:
    clock = Clock()
    breaker = Breaker(1, 10, clock)
    breaker.failed()
    clock.now = 9.9
    assert not breaker.admit()
    clock.now = 10.0
    assert breaker.admit()
    assert not breaker.admit()
    breaker.failed()
    clock.now = 19.9
    assert not breaker.admit()
    clock.now = 20.0
    assert breaker.admit()
    breaker.succeeded()
    assert breaker.admit()
    assert breaker.admit()


def test_a_try_that_was_stopped_leaves_room_for_another() -> None:
    clock = Clock()
    breaker = Breaker(1, 10, clock)
    breaker.failed()
    clock.now = 10.0
    assert breaker.admit()
    breaker.gave_up()
    assert breaker.admit()


@given(st.lists(st.sampled_from(["succeeded", "failed", "gave_up", "wait"]), max_size=60))
def test_whatever_happens_it_lets_someone_through_within_the_rest(events: list[str]) -> None:
    clock = Clock()
    breaker = Breaker(3, 10, clock)
    for event in events:
        if event == "wait":
            clock.now += 4
        elif breaker.admit():
            getattr(breaker, event)()
    clock.now += 10
    assert breaker.admit()
