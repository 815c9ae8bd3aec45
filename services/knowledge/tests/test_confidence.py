import math

import pytest

from onethread.knowledge.confidence import FEATURES, Calibration, features
from onethread.knowledge.embedding import MODEL_ID


def test_the_numbers_say_how_well_the_best_matches_and_how_alone_it_stands():
    cosines = {"a": 0.8, "b": 0.6, "c": 0.5, "d": 0.4, "e": 0.3, "f": 0.2}
    words = {"b": 9.0, "a": 4.0}
    numbers = dict(zip(FEATURES, features(cosines, words, {"a": 0.7, "b": 0.9}, 0.5, "a"), strict=True))
    assert numbers.pop("rivals") == pytest.approx(1 + math.exp(-4) + math.exp(-6), abs=1e-3)
    assert numbers == pytest.approx(
        {
            "best_cosine": 0.8,
            "cosine_lead": 0.5,
            "best_words": math.log(10),
            "words_lead": math.log(10),
            "known_words": 0.5,
            "top_five_overlap": 0.4,
            "winner_cosine": 0.8,
            "same_first": 0.0,
            "winner_pieces": 0.7,
            "fall": 0.6,
        }
    )


def test_nothing_found_by_words_is_no_error():
    numbers = features({"a": 0.4}, {}, {}, 0.0, "a")
    assert numbers == pytest.approx((0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.4, 0.0, 0.0, 1.0, 0.0))


def test_many_articles_that_are_as_near_make_it_less_sure():
    shipped = Calibration.load()
    alone = {"a": 0.6, **{f"o{n}": 0.2 for n in range(20)}}
    crowded = {"a": 0.6, **{f"o{n}": 0.58 for n in range(20)}}
    sure, unsure = (shipped.belief(features(near, {"a": 5.0}, {"a": 0.6}, 1.0, "a")) for near in (alone, crowded))
    assert sure > unsure + 0.2


def test_the_shipped_calibration_is_of_the_shipped_model():
    shipped = Calibration.load()
    assert shipped.model_id == MODEL_ID
    assert set(shipped.weights) == set(FEATURES)
    assert shipped.version
    assert "calibration questions" in shipped.data


def test_belief_grows_with_the_match_and_stays_between_0_and_1():
    shipped = Calibration.load()
    weak = shipped.belief(features({"a": 0.1, "b": 0.09}, {}, {"a": 0.1}, 0.0, "a"))
    strong = shipped.belief(features({"a": 0.8, "b": 0.3}, {"a": 9.0}, {"a": 0.9}, 1.0, "a"))
    assert 0 < weak < 0.2
    assert 0.8 < strong < 1
    assert shipped.belief((1e9,) * 11) == pytest.approx(1)
