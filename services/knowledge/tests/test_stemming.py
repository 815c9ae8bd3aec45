"""Words as they are counted, by language."""

import pytest

from onethread.knowledge.articles import Article, Where
from onethread.knowledge.stemming import language_in, spoken, stems, stems_of_question


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Wir schicken das Paket, sobald es bei uns eingetroffen ist.", "de"),
        ("Nous vous remboursons dès que le colis est arrivé chez nous.", "fr"),
        ("Le devolvemos el dinero en cuanto nos llega el paquete, y sin coste.", "es"),
        ("Wij sturen het pakket zodra het bij ons is aangekomen en u hoeft niets te doen.", "nl"),
        ("Можно ли вернуть товар, если он мне не подошёл, и как это сделать?", "ru"),
        ("Jak mogę zwrócić towar, jeśli nie jest dla mnie i co się wtedy dzieje?", "pl"),
        ("商品は三十日以内に返品できます。", "ja"),
        ("我们会在三天内退款。", "zh"),
        ("We send the parcel as soon as it has come back to us.", "en"),
        ("ONETHREAD_HOME=/data just up", None),
        ("Versand", None),
    ],
)
def test_small_words_and_script_betray_a_language(text: str, language: str | None) -> None:
    assert spoken(text) == language


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("de", "Rückgaben", "rueckgabe"),
        ("de", "Erstattungen", "Erstattung"),
        ("fr", "livraisons", "livraison"),
        ("fr", "réglée", "réglé"),
        ("es", "envíos", "envio"),
        ("pt", "preços", "precos"),
        ("pl", "zwrócić", "zwrocic"),
        ("ru", "посылки", "посылка"),
    ],
)
def test_forms_of_a_word_count_as_one_with_and_without_accents(language: str, one: str, other: str) -> None:
    assert stems(one, language) == stems(other, language)


def test_a_script_without_spaces_counts_in_pairs() -> None:
    assert stems("返品できます", "ja") == ["返品", "品で", "でき", "きま", "ます"]


def test_words_that_say_nothing_are_left_out_in_their_own_language_alone() -> None:
    assert stems("Wann kommt die Lieferung", "de") == ["kommt", "liefer"]
    assert stems("die", "en") == ["die"]


def test_a_question_of_no_plain_language_has_the_stems_of_all_that_there_are() -> None:
    assert stems_of_question("Lieferungen", {"de", "en"}) == ["liefer", "lieferungen"]
    assert stems_of_question("Wie lange dauert das bei euch, wenn ich nicht da bin?", {"de", "en"})[0] == "lang"


def test_what_an_article_says_of_its_language_counts_before_how_it_reads() -> None:
    english = "We send the parcel as soon as it has come back to us."
    assert language_in("de-AT", english) == "de"
    assert language_in(None, english) == "en"
    assert language_in(None, "2 kg") is None


def test_a_german_word_is_found_in_another_form_and_without_its_dots(put, library) -> None:
    put(
        Article("a", "Rückgaben", "Wir nehmen alles zurück, was Sie nicht benutzt haben, und erstatten es."),
        Article("b", "Gravur", "Wir gravieren den Füller, wenn Sie es möchten, und zwar sofort."),
    )
    for question in ("Rückgabe", "Rueckgabe", "ruckgabe"):
        assert len(library.words.match(Where("acme", "public"), question, 5)) == 1
