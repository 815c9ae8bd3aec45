import numpy as np


def test_vectors_come_in_the_order_of_the_texts_and_have_length_one(embedder):
    texts = ["a long text about delivery times " * 20, "short", "how long does delivery take", "a cat", "x"]
    together = embedder.embed(texts)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, together, strict=True):
        assert float(embedder.embed([text])[0] @ vector) > 0.999


def test_meaning_is_nearer_than_words(embedder):
    question, same, other = embedder.embed(
        ["when will my parcel arrive", "delivery takes three days", "my will is written on parchment"]
    )
    assert question @ same > question @ other


def test_a_text_beyond_the_limit_is_cut_and_not_refused(embedder):
    assert embedder.embed(["word " * 5_000]).shape == (1, 384)


def test_a_question_is_embedded_once(embedder, monkeypatch):
    first = embedder.embed_query("what is remembered")
    monkeypatch.setattr(embedder, "embed", None)
    assert embedder.embed_query(" what is remembered ") is first


def test_the_pieces_of_a_passage_are_its_telling_words(embedder):
    few, many = embedder.embed_passages(["the parcel and the money", "parcels, money; invoices!"]).pieces
    assert few.shape == (2, 128)
    assert len(many) >= 3
    (only_small_words,) = embedder.embed_passages(["it is what it is"]).pieces
    assert len(only_small_words) == 5


def test_each_piece_of_a_question_knows_its_word(embedder):
    asked = embedder.embed_query("Refund my fountainpens?")
    assert len(asked.words) == len(asked.pieces)
    assert asked.words[0] == "Refund"
    assert asked.words.count("fountainpens") >= 2
    assert np.allclose(np.linalg.norm(asked.pieces, axis=1), 1, atol=1e-5)
