"""The refit of a confidence: what it learns, how little it takes from few, and that it is not praised for luck."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onethread.knowledge import fitting
from onethread.knowledge.confidence import FEATURES, shipped
from onethread.knowledge.fitting import (
    Judged,
    beliefs,
    figures,
    is_better,
    logistic,
    refit,
    tried,
)
from onethread.knowledge.minilm import MODEL_ID

SHIPPED = shipped(MODEL_ID)
# The middle of each number over questions of a help centre, and its spread.
MIDDLE = np.array([1.44, 0.35, 0.22, 1.13, 0.28, 0.04])
SPREAD = np.array([0.39, 0.13, 0.09, 0.53, 0.45, 0.06])


def asked(n, seed=1):
    random = np.random.default_rng(seed)
    return random, MIDDLE + SPREAD * random.normal(size=(n, len(FEATURES)))


def judged(n, truth, seed=1):
    """As `truth` would have it: of those in which it believes by a half, half are right."""
    random, numbers = asked(n, seed)
    right = (random.random(n) < beliefs(truth, numbers)).astype(float)
    return Judged(numbers, right, [f"{i:05d}" for i in random.permutation(n)], np.zeros(n, bool))


def thumbs(n, truth, seed=2, up=0.1, down=0.6):
    """Of answers that the agent gave. `up` and `down`: how many say so where it was right, and where it was wrong."""
    of = judged(60 * n, truth, seed)
    says = np.random.default_rng(seed).random(60 * n) < np.where(of.right > 0, up, down)
    given = np.flatnonzero(says & (beliefs(SHIPPED, of.numbers) >= fitting.UNSURE_BELOW))[:n]
    keys = [f"thumb {i}" for i in range(len(given))]
    return Judged(of.numbers[given], of.right[given], keys, np.ones(len(given), bool))


def together(one, other):
    both = zip((one.numbers, one.right, one.thumbs), (other.numbers, other.right, other.thumbs), strict=True)
    numbers, right, which = map(np.concatenate, both)
    return Judged(numbers, right, [*one.keys, *other.keys], which)


def less_sure(by=2.0):
    return replace(SHIPPED, intercept=SHIPPED.intercept - by)


def test_logistic_regression_finds_the_weights_that_made_the_answers():
    random = np.random.default_rng(3)
    z = np.c_[np.ones(50_000), random.normal(size=(50_000, 3))]
    y = (random.random(50_000) < 1 / (1 + np.exp(-(z @ [0.5, 1.0, -2.0, 0.0])))).astype(float)
    found = logistic(z, y, np.full(len(y), 1 / len(y)), np.zeros((4, 4)))
    assert found == pytest.approx([0.5, 1.0, -2.0, 0.0], abs=0.06)


def test_logistic_regression_ends_where_all_answers_are_right_and_the_start_is_far():
    z = np.c_[np.ones(50), np.linspace(-1, 1, 50)]
    found = logistic(z, np.ones(50), np.ones(50), np.diag([1.0, 20.0]), np.full(50, -40.0))
    assert np.isfinite(found).all()
    assert found[0] > 20


def test_of_many_judgements_the_truth_is_found():
    other = less_sure()
    weights = {**SHIPPED.weights, "match": SHIPPED.weights["match"] + 2, "fall": 4.0}
    truth = replace(other, weights=weights, intercept=other.intercept - 1)
    found = refit(SHIPPED, judged(20_000, truth))
    _, fresh = asked(5_000, seed=9)
    off = np.abs(beliefs(found, fresh) - beliefs(truth, fresh)).mean()
    assert off < 0.02
    assert off < np.abs(beliefs(SHIPPED, fresh) - beliefs(truth, fresh)).mean() / 5


def test_few_judgements_hardly_move_what_is_shipped():
    _, fresh = asked(1_000, seed=9)
    moved = []
    for n in (5, 50, 500):
        found = refit(SHIPPED, judged(n, less_sure()))
        moved.append(np.abs(beliefs(found, fresh) - beliefs(SHIPPED, fresh)).mean())
    assert moved[0] < moved[1] < moved[2]
    assert moved[0] < 0.1


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.integers(0, 10_000), st.floats(-6, 6))
def test_whatever_is_judged_the_refit_is_a_belief_between_what_is_shipped_and_what_was_said(n, seed, by):
    """Property: it stays a calibration of the same model, and is as sure on average as between start and judgements."""
    of = judged(n, less_sure(by), seed)
    found = refit(SHIPPED, of)
    assert (found.model_id, set(found.weights)) == (SHIPPED.model_id, set(FEATURES))
    assert all(map(math.isfinite, [found.intercept, *found.weights.values()]))
    ends = sorted([beliefs(SHIPPED, of.numbers).mean(), of.right.mean()])
    assert ends[0] - 0.03 <= beliefs(found, of.numbers).mean() <= ends[1] + 0.03


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1_000))
def test_the_order_of_judgements_means_nothing(seed):
    of = judged(60, less_sure(), seed)
    order = np.random.default_rng(seed).permutation(60)
    mixed = Judged(of.numbers[order], of.right[order], [of.keys[i] for i in order], of.thumbs[order])
    one, other = refit(SHIPPED, of), refit(SHIPPED, mixed)
    assert one.intercept == pytest.approx(other.intercept, abs=2e-3)
    assert tried(SHIPPED, mixed).beliefs == pytest.approx(tried(SHIPPED, of).beliefs[order], abs=1e-3)


def test_a_number_that_is_always_the_same_keeps_its_weight():
    of = judged(300, less_sure())
    of.numbers[:, FEATURES.index("match")] = 0.5
    found = refit(SHIPPED, of)
    assert found.weights["match"] == SHIPPED.weights["match"]


def test_a_refit_is_better_where_the_shipped_one_is_too_sure():
    of = judged(240, less_sure())
    trial = tried(SHIPPED, of)
    before, after = beliefs(SHIPPED, of.numbers), trial.beliefs
    assert is_better(before, after, of.right)
    assert figures(after, of.right, 0.6).off < figures(before, of.right, 0.6).off / 2


def test_where_the_shipped_one_is_right_luck_makes_no_better_one():
    lucky = 0
    for seed in range(100):
        of = judged(200, SHIPPED, seed)
        lucky += is_better(beliefs(SHIPPED, of.numbers), tried(SHIPPED, of).beliefs, of.right)
    assert lucky <= 4


def test_what_was_not_seen_is_what_counts():
    """Half of the judgements are noise: a refit that had seen them would look better than it is."""
    random, numbers = asked(200)
    right = (random.random(200) < 0.5).astype(float)
    of = Judged(numbers, right, [str(i) for i in range(200)], np.zeros(200, bool))
    trial = tried(SHIPPED, of)
    seen = figures(beliefs(trial.calibration, numbers), of.right, 0.6).surprise
    assert figures(trial.beliefs, of.right, 0.6).surprise > seen


def test_the_figures_are_those_that_one_counts_by_hand():
    belief, right = np.array([0.95, 0.95, 0.65, 0.15]), np.array([1.0, 0.0, 1.0, 0.0])
    of = figures(belief, right, 0.6)
    assert (of.coverage, of.precision) == (0.75, pytest.approx(2 / 3))
    assert of.off == pytest.approx((2 * 0.45 + 0.35 + 0.15) / 4)
    assert of.surprise == pytest.approx(-math.log(0.95 * 0.05 * 0.65 * 0.85) / 4)
    assert [(one.count, one.belief, one.right) for one in of.bins] == [
        (1, pytest.approx(0.15), 0.0), (1, pytest.approx(0.65), 1.0), (2, pytest.approx(0.95), 0.5),
    ]  # fmt: skip
    assert figures(belief, right, 0.99).precision is None


@pytest.mark.parametrize(
    ("right", "wrong", "unsure", "said"),
    [
        (169, 30, 50, "200 judged answers. There are 199."),
        (190, 29, 50, "30 right and 30 wrong answers. 190 were right and 29 wrong."),
        (29, 190, 50, "30 right and 30 wrong answers. 29 were right and 190 wrong."),
        (170, 30, 39, "40 judged searches that the agent would hand over. There are 39."),
        (170, 30, 40, None),
        (30, 170, 200, None),
    ],
)
def test_a_refit_needs_judgements_of_all_kinds_and_says_which_are_missing(right, wrong, unsure, said):
    n = right + wrong
    numbers = np.where(np.arange(n)[:, None] < unsure, MIDDLE * 0.5, MIDDLE * 1.2)
    of = Judged(numbers, np.array([1.0] * right + [0.0] * wrong), [""] * n, np.zeros(n, bool))
    missing = fitting.missing(SHIPPED, of)
    assert missing is None if said is None else said in missing


def test_customers_who_are_cross_sooner_than_content_do_not_make_the_agent_doubt_itself():
    """Bug: thumbs counted as judges do, of whom six in ten said wrong where one in ten said right."""
    _, fresh = asked(2_000, seed=9)
    judges = judged(100, SHIPPED)
    cross = thumbs(300, SHIPPED)
    assert cross.right.mean() < beliefs(SHIPPED, cross.numbers).mean() - 0.2
    truth = beliefs(SHIPPED, fresh)
    found = beliefs(refit(SHIPPED, together(judges, cross)), fresh)
    as_judges = replace(cross, thumbs=~cross.thumbs)
    doubted = beliefs(refit(SHIPPED, together(judges, as_judges)), fresh)
    assert abs(found.mean() - truth.mean()) < 0.05
    assert doubted.mean() < truth.mean() - 0.1


def test_thumbs_tell_which_number_matters():
    """What is right here hangs on how strange a question is, far more than elsewhere."""
    weights = {**SHIPPED.weights, "strange": SHIPPED.weights["strange"] - 30}
    truth = replace(SHIPPED, weights=weights, intercept=SHIPPED.intercept + 1)
    _, fresh = asked(2_000, seed=9)
    judges = judged(60, truth)
    wanted = beliefs(truth, fresh)
    alone = np.abs(beliefs(refit(SHIPPED, judges), fresh) - wanted).mean()
    both = np.abs(beliefs(refit(SHIPPED, together(judges, thumbs(300, truth))), fresh) - wanted).mean()
    assert both < alone


def test_thumbs_alone_are_no_ground_for_a_refit_and_nothing_is_measured_on_them():
    cross = thumbs(300, SHIPPED)
    missing = fitting.missing(SHIPPED, cross)
    assert missing is not None
    assert "0 were right and 0 wrong. 300 thumbs of customers do not count here" in missing
    both = together(judged(160, less_sure()), cross)
    assert len(tried(SHIPPED, both).beliefs) == 160 == len(both.measured.right)
    assert fitting.missing(SHIPPED, both) is None
