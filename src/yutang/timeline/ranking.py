"""Fifths of a population by a score. Pure.

fifth = floor(5 * those strictly worse / all): ties share the fifth of the worst of them. A value is in fifth q or
above if at least ceil(q * n / 5) are strictly worse, that is, if it is above the value that stands there in order: so
four values decide all, and finding them (`partition`) costs O(n) where sorting costs O(n log n).
"""

from __future__ import annotations

import numpy as np

from yutang.timeline.steps import Ints

FIFTHS = 5


def fifths(scores: Ints) -> Ints:
    """int64[n]: the fifth of each score, 0 (lowest) to 4 (highest)."""
    count = len(scores)
    found = np.zeros(count, np.int64)
    if not count:
        return found
    places = [-(-fifth * count // FIFTHS) - 1 for fifth in range(1, FIFTHS)]
    ordered = np.partition(scores, sorted(set(places)))
    for place in places:
        found += scores > ordered[place]
    return found
