from typing import get_args

import pytest

from onethread.agent.decide import Why
from onethread.agent.manner import dress, phrase
from onethread.agent.words import language
from onethread.contracts.messages import ChannelKind


@pytest.mark.parametrize("why", get_args(Why))
@pytest.mark.parametrize("kind", get_args(ChannelKind))
def test_every_handoff_says_that_a_person_will_answer(why: Why, kind: ChannelKind) -> None:
    text = phrase(why, kind, "What is this?")
    assert "person" in text
    assert "They will answer you" in text or "they will answer you" in text
    assert ("by email" in text) == (kind == "email")


def test_the_agent_s_own_sentences_are_in_the_customer_s_language() -> None:
    assert "Menschen" in phrase("unsure", "widget", "Wie lange dauert das denn?")
    assert "personne" in phrase("unsure", "widget", "Quelle est la durée de la garantie ?")
    assert "persona" in phrase("unsure", "widget", "¿Cuánto cuesta el envío?")
    assert "person" in phrase("unsure", "widget", "返品")


def test_a_letter_greets_and_signs() -> None:
    letter = dress("You may return it.", "email", "Ana Ruiz")
    assert letter.startswith("Hello Ana,\n\nYou may return it.\n\n")
    assert letter.endswith("The support assistant")
    assert dress("You may return it.", "widget", "Ana") == "You may return it."


@pytest.mark.parametrize("name", ["https://evil.example", "<img>", "[x](y)", "  ", "1337", None])
def test_a_name_that_is_no_name_is_not_said(name: str | None) -> None:
    assert dress("Yes.", "email", name).startswith("Hello,\n")


def test_small_words_tell_the_language() -> None:
    assert language("Do you ship to Canada?") == "en"
    assert language("Liefern Sie auch nach Kanada?") == "de"
    assert language("PP-104233") is None
