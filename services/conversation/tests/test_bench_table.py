"""The questions as a table: what is written is read again, and what cannot be read is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.contracts.agent import SaidBefore
from onethread.conversation import bench_table
from onethread.conversation.bench_questions import NewQuestion
from onethread.runtime.errors import Problem

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(
    lambda text: text == " ".join(text.split())
)
QUESTIONS = st.builds(
    NewQuestion,
    question=TEXT,
    channel=st.sampled_from(["widget", "email", "slack"]),
    expect=st.sampled_from([None, "answer", "clarify", "handoff"]),
    sources=st.lists(TEXT, max_size=3),
    contains=st.lists(TEXT, max_size=3),
    lacks=st.lists(TEXT, max_size=3),
    note=TEXT | st.just(""),
    history=st.lists(st.builds(SaidBefore, author=st.sampled_from(["customer", "agent"]), text=TEXT), max_size=2),
)


@given(st.lists(QUESTIONS, min_size=1, max_size=5))
def test_what_is_written_is_read_again(questions: list[NewQuestion]) -> None:
    assert bench_table.read(bench_table.write(questions)) == questions


@given(QUESTIONS)
def test_no_cell_is_a_formula_to_a_spreadsheet(question: NewQuestion) -> None:
    import csv
    import io

    written = bench_table.write([question]).removeprefix("\ufeff")
    for row in csv.reader(io.StringIO(written, newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)


def test_a_question_alone_is_enough_and_semicolons_and_empty_rows_do_no_harm() -> None:
    [one, two] = bench_table.read("Question;Expect\nHow long?;ANSWER\n;\nWhere?;\n")
    assert (one.question, one.expect, two.expect, two.channel) == ("How long?", "answer", None, "widget")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "The table has no question"),
        ("answer\nx\n", "The table has no question"),
        ("question,expect\nHow?,perhaps\nWhere?,answer\n", "The table has errors"),
        ("question,history\nHow?,[oops\n", "The table has errors"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_row(table: str, said: str) -> None:
    with pytest.raises(Problem) as problem:
        bench_table.read(table)
    body: dict[str, Any] = problem.value.body if hasattr(problem.value, "body") else vars(problem.value)
    assert said in str(body)
    if "errors" in said:
        assert "'row': 2" in str(body)
