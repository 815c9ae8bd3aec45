import math

import pytest

from onethread.knowledge.confidence import FEATURES, SHIPPED, features, shipped
from onethread.knowledge.minilm import MODEL_ID

COSINES = {"a": 0.8, "b": 0.6, "c": 0.5, "d": 0.4, "e": 0.3, "f": 0.2}


def belief(cosines, words, held, strange=0.0):
    return shipped(MODEL_ID).belief(features(cosines, words, held, held, strange, "a"))


def test_the_numbers_say_how_well_the_first_matches_and_how_far_the_others_fall_behind():
    words = {"b": 9.0, "a": 4.0}
    numbers = features(COSINES, words, {"a": 0.9, "b": 0.7}, {"a": 0.5, "b": 0.4}, 0.1, "a")
    assert dict(zip(FEATURES, numbers, strict=True)) == pytest.approx(
        {
            "match": 0.8 + 0.9 + 0.5,
            "fall": 0.6,
            "stands_out": 0.1,
            "words": math.log(5),
            "same_first": 0.0,
            "strange": 0.1,
        }
    )


def test_an_article_that_stands_alone_is_believed_where_it_matches():
    fits, does_not = belief({"a": 0.75}, {"a": 5.0}, {"a": 0.85}), belief({"a": 0.35}, {"a": 0.5}, {"a": 0.4})
    assert fits > 0.8
    assert does_not < 0.1


def test_nothing_found_by_words_or_not_looked_at_again_is_no_error():
    numbers = features({"a": 0.4, "b": 0.4}, {}, {}, {}, 0.0, "a")
    assert numbers == pytest.approx((0.4, 0.0, 0.0, 0.0, 0.0, 0.0))


def test_many_articles_that_are_as_near_make_it_less_sure():
    alone = {"a": 0.6, **{f"o{n}": 0.2 for n in range(20)}}
    crowded = {"a": 0.6, **{f"o{n}": 0.58 for n in range(20)}}
    sure, unsure = (belief(near, {"a": 5.0}, {"a": 0.6, "o1": 0.3}) for near in (alone, crowded))
    assert sure > unsure + 0.2


def test_a_word_that_nobody_wrote_makes_it_less_sure():
    near = {"a": 0.6, **{f"o{n}": 0.3 for n in range(20)}}
    known, strange = (belief(near, {"a": 5.0}, {"a": 0.6, "o1": 0.4}, of) for of in (0.0, 0.3))
    assert known > strange + 0.2


@pytest.mark.parametrize("file", SHIPPED.iterdir(), ids=lambda file: file.stem)
def test_each_model_has_a_calibration_that_was_fitted_with_it(file):
    calibration = shipped(file.stem)
    assert calibration.model_id == file.stem
    assert set(calibration.weights) == set(FEATURES)
    assert calibration.version
    assert "calibration questions" in calibration.data


def test_belief_grows_with_the_match_and_stays_between_0_and_1():
    assert 0 < belief({"a": 0.1, "b": 0.09}, {}, {"a": 0.1}) < 0.2
    assert 0.8 < belief({"a": 0.8, "b": 0.2}, {"a": 9.0}, {"a": 0.9, "b": 0.5}) < 1
    assert shipped(MODEL_ID).belief((1e9,) * len(FEATURES)) == pytest.approx(1)
