from datetime import UTC, datetime
from typing import get_args

import pytest

from onethread.agent.manner import Voice, is_small_talk, told
from onethread.agent.tongues import Language, tongues
from onethread.agent.words import content, language
from onethread.contracts.agent import HandoffKind
from onethread.contracts.messages import ChannelKind

NOW = datetime(2026, 11, 25, 10, tzinfo=UTC)


@pytest.mark.parametrize("why", get_args(HandoffKind))
@pytest.mark.parametrize("kind", get_args(ChannelKind))
def test_every_handoff_says_that_a_person_will_answer(why: HandoffKind, kind: ChannelKind) -> None:
    text = Voice("en", kind).handed_off(why, NOW)
    assert "person" in text
    assert "will answer you" in text
    assert ("by email" in text) == (kind == "email")


@pytest.mark.parametrize("tongue", get_args(Language))
def test_each_language_has_every_sentence(tongue: Language) -> None:
    english = tongues()["en"]
    assert tongues()[tongue].say.keys() == english.say.keys()
    assert len(tongues()[tongue].days) == 7
    for why in get_args(HandoffKind):
        text = Voice(tongue, "email").handed_off(why, NOW, "?")
        assert text
        assert "{" not in text
    said = " ".join(tongues()[tongue].say.values())
    assert language(said) == tongue


@pytest.mark.parametrize(
    ("text", "tongue"),
    [
        ("Do you ship to Canada?", "en"),
        ("Liefern Sie auch nach Kanada?", "de"),
        ("Quelle est la durée de la garantie ?", "fr"),
        ("¿Cuánto cuesta el envío?", "es"),
        ("Quanto costa la spedizione?", "it"),
        ("Quanto custa o envio para a minha casa?", "pt"),
        ("Hoe lang duurt de levering naar mijn huis?", "nl"),
        ("Ile kosztuje wysyłka do mnie?", "pl"),
        ("Kargo ne kadar sürer acaba?", "tr"),
        ("Сколько стоит доставка?", "ru"),
        ("送料はいくらですか", "ja"),
        ("运费是多少", "zh"),
        ("merci", "fr"),
        ("PP-104233", None),
    ],
)
def test_the_language_is_told_by_script_small_words_and_greetings(text: str, tongue: Language | None) -> None:
    assert language(text) == tongue


def test_the_language_is_that_of_this_message_or_of_those_before() -> None:
    assert told(["Wie lange dauert das?", "How long?"]) == "de"
    assert told(["PP-104233", "¿Cuánto cuesta el envío?"]) == "es"
    assert told(["PP-104233"]) is None


def test_letters_of_a_language_say_more_than_one_word_that_others_share() -> None:
    assert language("¿Mandan a Canadá?") == "es"


def test_a_question_back_lists_what_there_is_to_choose_from() -> None:
    assert (
        Voice("en", "widget").which(["Returns", "Refunds"]) == "Which of these do you mean?\n\n1. Returns\n2. Refunds"
    )


def test_a_letter_greets_and_signs() -> None:
    letter = Voice("en", "email").dress("You may return it.", "Ana Ruiz")
    assert letter.startswith("Hello Ana,\n\nYou may return it.\n\n")
    assert letter.endswith("The support assistant")
    assert Voice("en", "widget").dress("You may return it.", "Ana") == "You may return it."


@pytest.mark.parametrize("name", ["https://evil.example", "<img>", "[x](y)", "  ", "1337", None])
def test_a_name_that_is_no_name_is_not_said(name: str | None) -> None:
    assert Voice("en", "email").dress("Yes.", name).startswith("Hello,\n")


def test_small_talk_is_known_in_any_dress() -> None:
    spoken = Voice("de", "email")
    assert is_small_talk(spoken.dress(spoken.phrase("greeting"), "Ana"))
    assert not is_small_talk(spoken.handed_off("unsure", NOW))


def test_words_of_a_script_without_spaces_come_in_pairs() -> None:
    assert content("送料無料", "ja") == ["送料", "料無", "無料"]
    assert content("Rückgaben und Rückgabe", "de")[0] == content("Rückgabe", "de")[0]
