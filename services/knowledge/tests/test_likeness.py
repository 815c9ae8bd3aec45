"""How alike two texts are, by what they mean."""

from onethread.contracts.knowledge import LikenessOf
from onethread.knowledge.minilm import MiniLM
from onethread.knowledge.subscribers import likeness

PAIRS = [
    ("Delivery takes three working days.", "Delivery takes three working days."),
    ("Delivery takes three working days.", "Your parcel will arrive within 3 business days."),
    ("Delivery takes three working days.", "Please send the broken pen back to our workshop."),
]


def test_the_same_is_one_and_what_means_the_same_is_more_alike_than_what_does_not():
    same, near, far = likeness(MiniLM(), LikenessOf(pairs=PAIRS)).cosines
    assert abs(same - 1) < 1e-3
    assert same > near > far + 0.2
