"""What senders were promised against what the thread shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Ledger:
    """All three are zero, or a promise was broken."""

    lost: int
    doubled: int
    inversions: int


def balance(accepted: Mapping[str, Sequence[str]], shown: Mapping[str, Sequence[str]]) -> Ledger:
    """`accepted`: what each sender was given a receipt for, in order. `shown`: what their thread holds, in order."""
    lost = doubled = inversions = 0
    for sender, sent in accepted.items():
        times = Counter(shown.get(sender, ()))
        lost += sum(not times[one] for one in sent)
        doubled += sum(count - 1 for count in times.values())
        place = {one: number for number, one in enumerate(sent)}
        order = [place[one] for one in dict.fromkeys(shown.get(sender, ())) if one in place]
        inversions += sum(after < before for before, after in pairwise(order))
    return Ledger(lost, doubled, inversions)
