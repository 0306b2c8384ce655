"""How long something may take, and how long it takes: quartiles, and buckets whose edges people think in."""

from __future__ import annotations

import numpy as np

from yutang.conditions.limits import SPAN_MS_MAX
from yutang.domains.insight.contracts.funnel import Durations, TimeBucket
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import DAY_MS, HOUR_MS, MINUTE_MS, span_from_text, span_text
from yutang.timeline.steps import Flags, Ints

EDGES_MS = (
    MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS,
    3 * DAY_MS, 7 * DAY_MS, 14 * DAY_MS, 30 * DAY_MS, 60 * DAY_MS, 90 * DAY_MS, 180 * DAY_MS, 365 * DAY_MS,
)  # fmt: skip


def span_asked(text: str, where: str, meaning: str, most_ms: int = SPAN_MS_MAX) -> int:
    """A span that a question names. meaning: what it is for. Raises InvalidError for none, for an empty one, for one
    that is too long."""
    span = span_from_text(text, where=where) if text.strip() else 0
    if not 0 < span <= most_ms:
        raise InvalidError(
            "insight.span_missing", f"{where} is {text.strip() or 'nothing'}, but it is {meaning}", where=where,
            remedy=f"write a number and a unit, such as 30m, 7d, at most {span_text(most_ms)}",
        )  # fmt: skip
    return span


def quartiles(spans: Ints) -> tuple[int, int, int]:
    """The smallest spans that a quarter, a half and three quarters don't exceed (nearest rank); of one at least."""
    places = [(len(spans) * quarter + 3) // 4 - 1 for quarter in (1, 2, 3)]
    ranked = np.partition(spans, places)
    return int(ranked[places[0]]), int(ranked[places[1]]), int(ranked[places[2]])


def durations(spans: Ints, longest_ms: int | None) -> Durations:
    """Quartiles of some spans, at least one, and, with the longest possible, their distribution."""
    if longest_ms is None:
        return Durations(*quartiles(spans))
    edges = _edges(longest_ms)
    counts = np.bincount(np.searchsorted(edges, spans), minlength=len(edges)).tolist()
    buckets = (TimeBucket(span_text(edge), edge, count) for edge, count in zip(edges, counts, strict=True))
    return Durations(*quartiles(spans), tuple(buckets))


def bucket_flags(at: Ints, step: int, longest_ms: int, upto: str) -> Flags:
    """Which attempts took, from the step before a step (numbered from 1), as long as a bucket says.

    at: int64[steps, attempts]. Raises InvalidError for a bucket that isn't one.
    """
    edges = _edges(longest_ms) if step > 1 else []
    names = [span_text(edge) for edge in edges]
    if upto not in names:
        raise InvalidError(
            "insight.cell_unknown", f"there is no bucket {upto!r} at step {step}", where="cell.bucket",
            remedy=f"take `upto` of a bucket from the answer: {', '.join(names)}" if names else "name a later step",
        )  # fmt: skip
    found: Flags = np.searchsorted(edges, at[step - 1] - at[step - 2]) == names.index(upto)
    return found


def _edges(longest_ms: int) -> list[int]:
    """The ends of the buckets, ascending; the last is the longest possible."""
    return [*(edge for edge in EDGES_MS if edge < longest_ms), longest_ms]
