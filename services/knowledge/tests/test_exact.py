"""The matrix against what a plain loop would find."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from onethread.knowledge.exact import Matrix

STEPS = st.lists(
    st.tuples(st.sampled_from(("put", "drop")), st.integers(0, 30), st.sampled_from((None, "de", "en"))), max_size=80
)


def vector(seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=8).astype(np.float32)
    return found / np.linalg.norm(found)


@given(STEPS, st.sampled_from((None, (None, "de"), ("en",), ("fr",))), st.integers(1, 40))
def test_after_any_puts_and_drops_the_nearest_are_those_of_a_plain_loop(steps, languages, k):
    matrix, plain = Matrix(), {}
    for number, (what, passage, language) in enumerate(steps):
        if what == "put":
            plain[passage] = (vector(number), language)
            matrix.put([passage], plain[passage][0][None, :], [language])
        else:
            plain.pop(passage, None)
            matrix.drop([passage])
    asked = vector(1_000_000)
    open_to = {i: float(v @ asked) for i, (v, own) in plain.items() if languages is None or own in languages}
    found = matrix.nearest(asked, k, languages)
    assert len(matrix) == len(plain)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert np.allclose(list(found.values()), sorted(open_to.values(), reverse=True)[:k], atol=1e-5)
    assert all(abs(open_to[i] - cosine) < 1e-5 for i, cosine in found.items())
    assert matrix.cosines(asked, range(31), languages).keys() == open_to.keys()


def test_it_grows_past_its_first_room():
    matrix = Matrix()
    vectors = np.stack([vector(n) for n in range(1_000)])
    matrix.put(list(range(1_000)), vectors, [None] * 1_000)
    assert next(iter(matrix.nearest(vectors[777], 1))) == 777
