"""Figures over time in one line of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

LEVELS = "▁▂▃▄▅▆▇█"
SPARK_CHARS_MAX = 60


def spark(values: Sequence[float], width: int = SPARK_CHARS_MAX) -> str:
    """A bar for each value, from the least (lowest) to the greatest; of more than `width`, each the mean of several."""
    if not values:
        return ""
    columns = min(len(values), max(width, 1))
    edges = [len(values) * place // columns for place in range(columns + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, span = min(means), max(means) - min(means)
    top = len(LEVELS) - 1
    return "".join(LEVELS[round((mean - low) / span * top) if span else (top // 2 if low else 0)] for mean in means)
