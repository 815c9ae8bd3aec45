from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onethread.agent.intents import candidates, intent_of, names_topic, says_unhelped
from onethread.agent.tongues import Language


@pytest.mark.parametrize("text", ["hi", "Hello there!", "Good morning", "hola", "Guten Tag", "Bonjour à tous", "你好"])
def test_a_bare_greeting_is_a_greeting(text: str) -> None:
    assert intent_of(text) == "greeting"


@pytest.mark.parametrize(
    "text", ["thanks!", "Ok, thank you so much", "perfect, that helps, thanks", "vielen Dank", "merci beaucoup"]
)
def test_bare_thanks_are_thanks(text: str) -> None:
    assert intent_of(text) == "thanks"


@pytest.mark.parametrize(
    "text",
    [
        "Hi, how do I return a pen?",
        "thanks, but that did not help",
        "good pens?",
        "Can you help me with a return?",
        "",
        "???",
    ],
)
def test_a_greeting_with_a_question_is_a_question(text: str) -> None:
    assert intent_of(text) == "question"


SETS = Path(__file__).parent / "sets"
WISHES = ("person", "upset", "account")


def labelled(name: str) -> list[tuple[str, str, str]]:
    """(language, what it wants, text) of each line."""
    rows = [line.split("\t") for line in (SETS / f"{name}.tsv").read_text("utf-8").splitlines()]
    return [(tongue, wants, text) for tongue, wants, text in rows]


@pytest.mark.parametrize(("name", "floor"), [("wishes", 0.97), ("wishes-held-out", 0.93)])
@pytest.mark.parametrize("wish", WISHES)
def test_wishes_are_heard_and_not_imagined(name: str, floor: float, wish: str, capsys) -> None:
    rows = [(wants == wish, intent_of(text) == wish) for _, wants, text in labelled(name)]
    hits = sum(wants and heard for wants, heard in rows)
    precision = hits / sum(heard for _, heard in rows)
    recall = hits / sum(wants for wants, _ in rows)
    with capsys.disabled():
        print(f"\n{name}: {wish}: precision {precision:.3f}, recall {recall:.3f} of {len(rows)}")  # noqa: T201 the measure itself
    assert precision >= floor
    assert recall >= floor


@pytest.mark.parametrize("name", ["wishes", "wishes-held-out"])
def test_each_language_has_its_cases(name: str) -> None:
    for tongue in get_args(Language):
        wanted = {wants for one, wants, _ in labelled(name) if one == tongue}
        assert wanted == {*WISHES, "question"}, tongue


@pytest.mark.parametrize(
    ("text", "wants"),
    [
        ("I WANT TO KNOW HOW TO RETURN A PEN", "question"),
        ("WHERE IS MY MONEY BACK YOU PROMISED IT!!!", "upset"),
        ("PP-104233 AB-99 XK-12 ZZ-1", "question"),
        ("speek to a humann pls", "person"),
        ("", "question"),
        ("???", "question"),
    ],
)
def test_capitals_and_typos(text: str, wants: str) -> None:
    assert intent_of(text) == wants


@pytest.mark.parametrize(
    "text",
    [
        "thanks, but that did not help",
        "That is not what I asked",
        "you already said that",
        "Das hat mir nicht geholfen",
        "ça ne m'aide pas",
        "eso no me sirve",
        "non mi aiuta",
        "isso não ajudou",
        "dat helpt me niet",
        "to nie pomogło",
        "bu işe yaramadı",
        "это не помогло",
        "それは解決しません",
        "没有帮助",
    ],
)
def test_an_answer_that_did_not_help_is_heard(text: str) -> None:
    assert says_unhelped(text)


def test_a_reserved_topic_is_heard_in_other_words_but_not_in_other_topics() -> None:
    topics = ["cancel subscription", "legal", "Kündigung", "解約"]
    assert names_topic("How do I cancel my subscription?", topics) == "cancel subscription"
    assert names_topic("I have a legal question", topics) == "legal"
    assert names_topic("Was kostet eine Kündigung?", topics) == "Kündigung"
    assert names_topic("プランの解約方法を教えて", topics) == "解約"
    assert names_topic("How do I cancel an order?", topics) is None
    assert names_topic("illegal", topics) is None


def test_few_words_are_looked_up_in_every_language_of_their_script() -> None:
    assert {one.code for one in candidates("operator")} >= {"en", "de", "pl"}
    assert [one.code for one in candidates("Wie lange dauert die Lieferung nach Frankreich denn so?")] == ["de", "en"]
    assert [one.code for one in candidates("Где мой заказ?")] == ["ru", "en"]


@given(st.text(max_size=300))
def test_any_text_wants_something(text: str) -> None:
    assert intent_of(text) in {"greeting", "thanks", "question", *WISHES}
