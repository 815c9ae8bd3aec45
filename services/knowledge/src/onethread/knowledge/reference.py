"""How near a model puts texts that have nothing to do with each other, so that cosines of any model mean the same.

Of one model unrelated texts have a cosine of .07, of another of .74. The sentences below are held against each other,
once for a model. Held against each question they would say less: how near a question is to everything says something.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np

from onethread.knowledge.embedding import Embedder

UNRELATED = (
    "The river floods the lower meadow each spring and leaves a thin layer of silt behind.",
    "Beat the egg whites until they are stiff, then fold in the sugar a spoon at a time.",
    "The council voted to keep the old tram depot as a museum of local transport.",
    "Swallows return in April and build their nests of mud beneath the eaves.",
    "The second movement is slow, and the oboe carries the theme over muted strings.",
    "Granite forms when magma cools slowly deep beneath the surface.",
    "Our team drew two all after the goalkeeper saved a penalty in the last minute.",
    "Prune the apple trees in winter, before the buds begin to swell.",
    "The telescope sees galaxies whose light left them ten billion years ago.",
    "She learned to weave from her grandmother, who kept a loom in the barn.",
    "A low pressure area brings rain from the west, and the wind turns to the north.",
    "The novel is told by three sisters who remember the same summer differently.",
    "Stretch the calf for half a minute after every run, without bouncing.",
    "Medieval monks copied the manuscripts by candlelight and signed none of them.",
    "The ferry crosses to the island twice a day, unless the fog is too thick.",
    "Bees tell each other where the flowers are by the direction of their dance.",
    "The chef browns the bones first, which gives the stock its dark colour.",
    "The treaty ended a war of thirty years and redrew every border in the region.",
    "Cats sleep up to sixteen hours a day, most of it lightly.",
    "The glacier has withdrawn by two kilometres since the first photographs were taken.",
    "He tunes the piano by ear, one string of each note after another.",
    "The desert cools quickly after sunset, because there are no clouds to hold the heat.",
    "The players shuffle the tiles face down and draw seven each.",
    "Antibodies recognise a virus by the shape of the proteins on its shell.",
    "The painter mixed the blue from a stone that was dearer than gold.",
    "The lighthouse was automated in the nineties, and the keepers left.",
    "Sow the carrots thinly in rows, and keep the soil moist until they come up.",
    "The judge asked the jury to disregard what the witness had said last.",
    "The comet comes back every seventy-six years and is visible for some weeks.",
    "Children in the village walk five kilometres to the nearest school.",
    "The orchestra rehearses in a church, whose echo forgives nothing.",
    "Whales sing songs that change from year to year and travel across the ocean.",
)
ENGLISH = (0.072, 0.090)
"""Mean and spread of these cosines by the English model. Those of all others are brought to its measure."""


def comparable(cosines: Mapping[int, float], embedder: Embedder) -> dict[int, float]:
    """The cosines as the English model might have given them. May raise `EmbeddingError`, at the first call."""
    mean, spread = scale(embedder)
    own_mean, own_spread = ENGLISH
    return {passage: own_mean + own_spread * (cosine - mean) / spread for passage, cosine in cosines.items()}


@cache
def scale(embedder: Embedder) -> tuple[float, float]:
    """Asked for before the first question, which should not wait for it. May raise `EmbeddingError`."""
    cosines = embedder.embed(UNRELATED) @ embedder.embed_passages(UNRELATED).vectors.T
    of_two = cosines[~np.eye(len(UNRELATED), dtype=bool)]
    return float(of_two.mean()), float(of_two.std()) + 1e-6
