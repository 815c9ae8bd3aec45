"""An embedding behind an OpenAI-compatible address, against a server that speaks its protocol."""

import sys
import types

import numpy as np
import pytest

from onethread.knowledge.embedding import EmbeddingError
from onethread.knowledge.models import own
from onethread.knowledge.own_model import Chosen, OwnModel
from onethread.knowledge.settings import Settings

from .embedding_server import embedding_server


@pytest.fixture
def server():
    with embedding_server() as server:
        yield server


def test_vectors_come_in_the_order_of_the_texts_with_length_one(server):
    model = OwnModel(server.chosen(key="secret"))
    one, other = model.embed(["a parrot", "a parking place"])
    assert np.allclose(model.embed(["a parrot"])[0], one)
    assert not np.allclose(one, other)
    assert np.allclose(np.linalg.norm([one, other], axis=1), 1)
    assert set(server.keys) == {"Bearer secret"}


def test_many_texts_are_asked_for_in_several_calls(server):
    assert OwnModel(server.chosen()).embed_passages([f"text {n}" for n in range(150)]).vectors.shape == (150, 64)
    assert [len(asked["input"]) for asked in server.asked] == [64, 64, 22]


def test_questions_and_passages_get_what_the_model_wants_before_them(server):
    model = OwnModel(server.chosen(query_prefix="query: ", passage_prefix="passage: "))
    model.embed_query("parrots")
    model.embed_passages(["they eat nuts"])
    assert [asked["input"] for asked in server.asked] == [["query: parrots"], ["passage: they eat nuts"]]


def test_a_question_is_asked_for_once(server):
    model = OwnModel(server.chosen())
    assert model.embed_query("parrots") is model.embed_query(" parrots ")
    assert len(server.asked) == 1


def test_of_a_text_that_is_too_long_the_beginning_is_embedded_and_the_others_are_whole(server):
    server.longest = 300
    long, short = OwnModel(server.chosen()).embed(["word " * 200, "parrot"])
    assert np.allclose(short, OwnModel(server.chosen()).embed(["parrot"])[0])
    assert np.isfinite(long).all()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, {"error": {"message": "no"}}), r"127\.0\.0\.1:\d+ refuses the key \(ONETHREAD_EMBEDDING_API_KEY\)"),
        ((403, {}), "refuses the key"),
        ((404, {}), r"has no model words \(ONETHREAD_EMBEDDING_MODEL\)"),
        ((429, {}), "takes no more for now"),
        ((500, {}), "answers, but not with vectors"),
        ((200, {"data": []}), "other vectors than were asked for"),
        ((200, {"what": "ever"}), "answers, but not with vectors"),
        ((200, {"data": [{"index": 0, "embedding": ["x"]}]}), "answers, but not with vectors"),
        ((400, {"error": {"message": "no"}}), "refuses a text of 7 characters"),
    ],
)
def test_what_is_the_matter_is_said_in_words_and_without_the_key(server, answer, said):
    server.answer = answer
    with pytest.raises(EmbeddingError, match=said) as raised:
        OwnModel(server.chosen(key="secret")).embed(["parrots"])
    assert "secret" not in str(raised.value)


def test_a_server_that_is_away_is_named(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(EmbeddingError, match=r"The embedding server 127\.0\.0\.1:\d+ does not answer"):
        OwnModel(server.chosen()).embed_query("parrots")


def test_a_server_that_is_slow_does_not_hold_a_question_up(server, monkeypatch):
    monkeypatch.setattr("onethread.knowledge.own_model.QUESTION_SECONDS", 0.2)
    server.gate.clear()
    with pytest.raises(EmbeddingError, match="does not answer"):
        OwnModel(server.chosen()).embed_query("parrots")


def test_vectors_that_change_their_length_are_refused(server):
    model = OwnModel(server.chosen())
    model.embed(["parrots"])
    server.dimension = 32
    with pytest.raises(EmbeddingError, match="other vectors than were asked for"):
        model.embed(["parrots"])


def test_ollama_is_asked_where_it_is_usually_found():
    offer = own(Chosen("ollama", "nomic-embed-text"))
    assert offer.model_id == "ollama:nomic-embed-text"
    assert offer.host == "localhost:11434"


def test_without_sentence_transformers_the_model_is_offered_and_says_what_it_lacks():
    offer = own(Chosen("sentence_transformers", "models/e5"))
    assert offer.host is None
    assert "not installed" in (offer.why_not() or "")
    with pytest.raises(EmbeddingError, match="not installed"):
        offer.load()


def test_with_sentence_transformers_texts_stay_in_the_process(monkeypatch):
    class SentenceTransformer:
        def __init__(self, name):
            if name != "models/e5":
                raise OSError(f"{name} is no model")

        def encode(self, texts, **_):
            return [[len(text), 1.0] for text in texts]

    module = types.ModuleType("sentence_transformers")
    module.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    module.SentenceTransformer = SentenceTransformer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    vectors = own(Chosen("sentence_transformers", "models/e5")).load().embed(["a", "parrots"])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    with pytest.raises(EmbeddingError, match="other can't be loaded: OSError: other is no model"):
        own(Chosen("sentence_transformers", "other")).load()


def test_the_settings_name_the_model_and_what_new_workspaces_begin_with(tmp_path):
    made = Settings(
        api_key="k", home=tmp_path, embedding="own", embedding_provider="ollama", embedding_model="nomic",
        embedding_url="http://ollama:11434/v1",
    )  # fmt: skip
    assert made.first_model == "ollama:nomic"
    assert [offer.host for offer in made.offers] == [None, None, "ollama:11434"]
    assert Settings(api_key="k", home=tmp_path, embedding="multilingual").first_model == "multilingual-e5-small-q4"


@pytest.mark.parametrize("half", [{"embedding": "own"}, {"embedding_provider": "openai"}])
def test_half_a_setting_is_refused_by_name(half, tmp_path):
    with pytest.raises(ValueError, match="needs ONETHREAD_EMBEDDING_"):
        Settings(api_key="k", home=tmp_path, **half)
