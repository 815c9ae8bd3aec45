import math

import pytest

from onethread.knowledge.confidence import FEATURES, Calibration, features
from onethread.knowledge.embedding import MODEL_ID


def test_the_eight_numbers():
    cosines = {"a": 0.8, "b": 0.6, "c": 0.5, "d": 0.4, "e": 0.3, "f": 0.2}
    words = {"b": 9.0, "a": 4.0}
    assert features(cosines, words, 0.5, "a") == pytest.approx(
        (0.8, 0.5, math.log(10), math.log(10), 0.5, 0.4, 0.8, 0.0)
    )


def test_nothing_found_by_words_is_no_error():
    assert features({"a": 0.4}, {}, 0.0, "a") == pytest.approx((0.4, 0.0, 0.0, 0.0, 0.0, 0.0, 0.4, 0.0))


def test_the_shipped_calibration_is_of_the_shipped_model():
    shipped = Calibration.load()
    assert shipped.model_id == MODEL_ID
    assert set(shipped.weights) == set(FEATURES)
    assert shipped.version
    assert "calibration questions" in shipped.data


def test_belief_grows_with_the_match_and_stays_between_0_and_1():
    shipped = Calibration.load()
    weak = shipped.belief(features({"a": 0.1, "b": 0.09}, {}, 0.0, "a"))
    strong = shipped.belief(features({"a": 0.8, "b": 0.3}, {"a": 9.0}, 1.0, "a"))
    assert 0 < weak < 0.2
    assert 0.8 < strong < 1
    assert shipped.belief((1e9,) * 8) == pytest.approx(1)
