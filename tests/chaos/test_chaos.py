"""A ledger that cannot see a fault proves nothing; and the same seed makes the same faults."""

from __future__ import annotations

from dataclasses import replace

import pytest
from chaos.book import Book, Shown, repeats, wrong_in_threads, wrong_outside
from chaos.faults import SERVER_ENDINGS, SERVICES, plan
from chaos.outside import RELAY_MOODS, SLACK_MOODS

ANA, BOB = "ana@customers.example", "bob@customers.example"


class Story:
    """Ana said two things and got an answer, Bob said one; all was accepted."""

    def __init__(self) -> None:
        self.book = Book("zqk")
        self.first, self.second = (self.book.mark(ANA, "said", "ana's chat") for _ in range(2))
        self.reply = self.book.mark(ANA, "reply", "teammate")
        self.note = self.book.mark(ANA, "note", "teammate, notes")
        self.bobs = self.book.mark(BOB, "said", "bob's mails")
        self.book.receipt(f"{self.first} {self.second} {self.reply} {self.note} {self.bobs}")
        words = (self.first, self.second, self.reply, self.note)
        self.threads = [Shown(ANA, f"number {mark}.", thread="1") for mark in words]
        self.threads.append(Shown(BOB, f"number {self.bobs}.", thread="2"))
        self.outside = [Shown(ANA, f"We look into {self.reply}.", "mail 1", quoted=f"> {self.first}")]


@pytest.fixture
def story() -> Story:
    return Story()


def the_one(wrong: list[str]) -> str:
    [only] = wrong
    return only


def test_nothing_is_wrong_where_all_is_there_once_and_in_order(story: Story):
    assert wrong_in_threads(story.book, story.threads) == []
    assert wrong_outside(story.book, story.outside) == []


def test_what_is_lost_is_seen(story: Story):
    assert the_one(wrong_in_threads(story.book, story.threads[:-1])).startswith(f"lost: {story.bobs}")


def test_what_had_no_receipt_may_be_missing(story: Story):
    story.book.mark(BOB, "said", "bob's mails")
    assert wrong_in_threads(story.book, story.threads) == []


def test_what_is_doubled_is_seen(story: Story):
    assert the_one(wrong_in_threads(story.book, [*story.threads, story.threads[-1]])).startswith("doubled")


def test_what_had_no_receipt_may_not_be_doubled_either(story: Story):
    once = Shown(BOB, story.book.mark(BOB, "said", "bob's mails"), thread="2")
    assert the_one(wrong_in_threads(story.book, [*story.threads, once, once])).startswith("doubled")


def test_what_is_out_of_order_is_seen(story: Story):
    first, second, *rest = story.threads
    assert the_one(wrong_in_threads(story.book, [second, first, *rest])).startswith("out of order")


def test_a_person_with_two_threads_is_seen(story: Story):
    apart = replace(story.threads[1], thread="3")
    assert the_one(wrong_in_threads(story.book, [story.threads[0], apart, *story.threads[2:]])).startswith("split")


def test_a_thread_of_two_people_is_seen(story: Story):
    strange = replace(story.threads[-1], thread="1")
    assert the_one(wrong_in_threads(story.book, [*story.threads[:-1], strange])).startswith("mixed")


def test_a_reply_that_reached_nobody_is_seen(story: Story):
    assert the_one(wrong_outside(story.book, [])).startswith("not delivered")


def test_one_repeat_with_the_same_id_is_counted_and_a_second_is_wrong(story: Story):
    assert wrong_outside(story.book, story.outside * 2) == []
    assert repeats(story.book, story.outside * 2) == 1
    assert the_one(wrong_outside(story.book, story.outside * 3)).startswith("sent 3 times")


def test_a_repeat_with_another_id_is_seen(story: Story):
    another = replace(story.outside[0], id="mail 2")
    assert the_one(wrong_outside(story.book, [*story.outside, another])).startswith("sent as 2 different messages")


def test_what_reaches_somebody_else_is_seen_also_where_it_is_only_quoted(story: Story):
    leaked = Shown(BOB, "Hello", "mail 2", quoted=f"> {story.first}")
    assert the_one(wrong_outside(story.book, [*story.outside, leaked])).startswith(f"leaked: {BOB} got")


def test_a_note_that_reaches_its_own_customer_is_seen(story: Story):
    leaked = Shown(ANA, f"internal {story.note}", "mail 2")
    assert the_one(wrong_outside(story.book, [*story.outside, leaked])).startswith(f"leaked: {ANA} got")


def test_a_seed_makes_one_plan_and_another_seed_another():
    assert plan(1, 300) == plan(1, 300) != plan(2, 300)


def test_over_time_everything_goes_wrong_that_can():
    made = {(fault.kind, fault.target or fault.how) for fault in plan(1, 20_000)}
    ends = {("end", target) for target in (*SERVICES, *SERVER_ENDINGS)}
    freezes = {("freeze", target) for target in (*SERVICES, *SERVER_ENDINGS)}
    moods = {("relay", mood) for mood in RELAY_MOODS} | {("slack", mood) for mood in SLACK_MOODS}
    assert made == ends | freezes | moods | {("disk", "gateway-email")}
