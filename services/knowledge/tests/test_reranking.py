import numpy as np
import pytest

from onethread.knowledge.embedding import PIECE_DIMENSION, AskedVectors
from onethread.knowledge.reranking import AKIN, SecondLook, second_look

AXES = np.eye(PIECE_DIMENSION, dtype=np.float32)
DELIVERY, COST, TYPEWRITER, PENS, INK = AXES[:5]


def asked(**words: np.ndarray) -> AskedVectors:
    return AskedVectors(AXES[0], np.stack(list(words.values())), tuple(words))


def passages(**pieces: list[np.ndarray]) -> dict[int, np.ndarray]:
    return {i: (127 * np.stack(rows)).astype(np.int8) for i, rows in enumerate(pieces.values())}


def look(question: AskedVectors, pieces: dict[int, np.ndarray], unknown: str = "") -> SecondLook:
    return second_look(question, pieces, lambda _: 1.0, lambda word: word != unknown)


def test_a_passage_that_has_all_that_is_asked_holds_more_than_one_that_has_half():
    found = look(asked(delivery=DELIVERY, cost=COST), passages(both=[DELIVERY, COST], half=[DELIVERY, PENS]))
    assert found.held[0] == pytest.approx(1, abs=0.01)
    assert found.held[1] == pytest.approx(0.5, abs=0.01)


def test_a_passage_that_says_much_else_is_less_about_what_is_asked():
    found = look(asked(cost=COST), passages(alone=[COST], among_others=[COST, PENS, INK, DELIVERY]))
    assert found.held[0] == pytest.approx(found.held[1], abs=0.01)
    assert found.about[0] > found.about[1] + 0.5


def test_a_word_that_no_article_has_and_that_is_like_none_is_strange():
    question = asked(cost=COST, typewriter=TYPEWRITER)
    some = passages(one=[COST, PENS], other=[INK, COST])
    assert look(question, some).strange == 0
    assert look(question, some, unknown="typewriter").strange == pytest.approx(AKIN / 2, abs=0.01)


def test_a_word_that_no_article_has_is_not_strange_where_one_means_the_same():
    """ "postage" where the articles say "shipping": nobody wrote it, and its nearest word is near."""
    nearly = DELIVERY + 0.3 * PENS
    found = look(asked(postage=nearly / np.linalg.norm(nearly)), passages(one=[DELIVERY]), unknown="postage")
    assert found.strange == 0


def test_without_word_pieces_nothing_is_looked_at_again():
    assert look(asked(cost=COST), {}) == SecondLook()
