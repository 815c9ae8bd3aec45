"""Which tool a message needs, without a language model."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from onethread.agent.intents import intent_of
from onethread.agent.tool_choice import choose, only_said, values
from onethread.contracts.tools import Tool


def tool(name: str, *examples: str, required: tuple[str, ...] = ("order",), **properties: object) -> Tool:
    own = properties or {"order": {"type": "string", "pattern": "^[0-9]{4,8}$"}}
    schema = {"type": "object", "properties": own, "required": list(required)}
    return Tool(name=name, title=name, examples=list(examples), parameters=schema)


STATUS = tool("status", "where is my order 1042?", "track my order", "wo ist meine Bestellung 1042?")
CANCEL = tool("cancel", "cancel my order 1042", "Bestellung 1042 stornieren")
POINTS = tool("points", "how many loyalty points do I have", required=(), year={"type": "integer"})
TOOLS = [STATUS, CANCEL, POINTS]


def chosen(text: str) -> tuple[str, dict[str, object]] | None:
    choice = choose(text, TOOLS, own_account=intent_of(text) == "account")
    return (choice.tool.name, dict(choice.arguments)) if choice else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where is my order 1042?", ("status", {"order": "1042"})),
        ("where is my order?", ("status", {})),
        ("has my order shipped yet? It is #20014", ("status", {"order": "20014"})),
        ("please cancel order 1042", ("cancel", {"order": "1042"})),
        ("Wo ist meine Bestellung 1042?", ("status", {"order": "1042"})),
        ("Bitte meine Bestellung 1042 stornieren", ("cancel", {"order": "1042"})),
        ("How many loyalty points do I have?", ("points", {})),
        ("How do I track my order?", None),
        ("Can I cancel an order?", None),
        ("What is your return policy?", None),
        ("Any news of order 1042?", ("status", {"order": "1042"})),
        ("The lamp of order 1042 is broken, what about the warranty of 24 months?", None),
    ],
)
def test_a_message_chooses_the_tool_whose_example_it_is_like(text, expected) -> None:
    assert chosen(text) == expected


def test_two_tools_that_fit_alike_are_no_choice() -> None:
    twin = STATUS.model_copy(update={"name": "twin"})
    assert choose("where is my order 1042?", [STATUS, twin], own_account=True) is None


@pytest.mark.parametrize("text", ["call 01042x", "a1042b", "x@1042.example", "10420000000000"])
def test_a_part_of_something_longer_is_no_value(text) -> None:
    assert values(text, STATUS) == {}


def test_a_choice_a_number_and_free_words_are_found() -> None:
    one = tool("x", size={"type": "string", "enum": ["small", "large"]}, count={"type": "integer"}, required=())
    assert values("three of the Large, no: 2", one) == {"size": "large", "count": 2}
    free = tool("y", town={"type": "string"}, required=("town",))
    assert values("Lyon", free, answers="Lyon") == {"town": "Lyon"}
    assert values("in Lyon", free) == {}


def test_a_pattern_that_takes_for_ever_finds_nothing() -> None:
    slow = tool("z", order={"type": "string", "pattern": "^(a+)+b$"})
    assert values("a" * 60, slow) == {}


@given(some.text(max_size=80))
def test_what_is_found_stands_in_the_message(text) -> None:
    assert all(str(value) in text for value in values(text, STATUS).values())


def test_what_a_model_made_up_is_dropped() -> None:
    said = "where is my order 1042?"
    assert only_said({"order": "1042", "email": "ben@customers.example"}, STATUS, said) == {"order": "1042"}
    assert only_said({"order": "2001"}, STATUS, said) == {}
