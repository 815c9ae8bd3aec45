"""What is shown of an answer while it is written: only what stands in the end."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from onethread.agent.check import Check
from onethread.agent.stream import Draft
from onethread.contracts.knowledge import Passage

RETURNS = Passage(
    document_id="r",
    title="Our return policy",
    text="You may return anything unused within 30 days of delivery. Gift cards are the exception.",
    url="https://shop.example/help/return-policy",
    score=1,
    version=1,
)
GOOD = (
    "You may return anything unused within 30 days of delivery [1]. ",
    "Gift cards are the exception. [1] ",
    "Read https://shop.example/help/return-policy [1].\n",
    "- Anything unused within 30 days [1]\n",
)
BAD = (
    "Log in at https://evil.example [1]. ",
    "Gift cards can be returned [1]. ",
    "It takes 99 days [1]. ",
    "![evil](https://evil.example) ",
    "HANDOFF ",
    "<b>evil</b> ",
)


async def drafted(text: str, cuts: list[int]) -> tuple[Draft, str]:
    shown: list[str] = []

    async def say(piece: str) -> None:
        shown.append(piece)

    draft = Draft(Check([RETURNS], tongue="en"), say)
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    for start, end in pairwise(edges):
        await draft.hear(text[start:end])
    await draft.end()
    return draft, "".join(shown)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(GOOD + BAD), min_size=1, max_size=8), st.lists(st.integers(0, 400), max_size=30))
async def test_what_is_shown_is_always_the_beginning_of_what_stands(parts: list[str], cuts: list[int]) -> None:
    draft, shown = await drafted("".join(parts), cuts)
    assert draft.checked.text.startswith(shown)
    assert "evil" not in shown
    assert "99" not in shown
    assert "HANDOFF" not in shown
    assert "[1]" not in shown


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from(GOOD), min_size=1, max_size=6), st.lists(st.integers(0, 400), max_size=30))
async def test_an_answer_that_holds_is_shown_whole_however_it_is_cut(parts: list[str], cuts: list[int]) -> None:
    draft, shown = await drafted("".join(parts), cuts)
    assert not draft.checked.cut
    assert shown == draft.checked.text


async def test_a_sentence_is_shown_as_soon_as_it_is_over() -> None:
    shown: list[str] = []

    async def say(piece: str) -> None:
        shown.append(piece)

    draft = Draft(Check([RETURNS]), say)
    await draft.hear(GOOD[0].rstrip())
    assert shown == []
    await draft.hear(" G")
    assert shown == ["You may return anything unused within 30 days of delivery."]


async def test_nothing_is_shown_before_an_article_is_named() -> None:
    draft, shown = await drafted("Gift cards are the exception. Anything unused within 30 days.", [])
    assert shown == ""
    assert draft.cited == []


async def test_thoughts_are_not_shown_in_whatever_pieces_they_come() -> None:
    text = f"<think>Gift cards are the exception [1]. Odd customer.</think>\n{GOOD[0]}"
    for cut in range(len(text)):
        draft, shown = await drafted(text, [cut])
        assert shown == draft.checked.text == GOOD[0].split(" [1]")[0] + "."


async def test_thoughts_without_an_end_are_no_answer() -> None:
    draft, shown = await drafted(f"<think>{GOOD[0]}", [3])
    assert shown == draft.text == ""


async def test_a_question_back_is_not_shown_before_it_is_judged() -> None:
    _, shown = await drafted("CLARIFY: Which unused delivery? You may return anything unused [1].", [4])
    assert shown == ""
