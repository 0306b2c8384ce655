"""Two sets: how many are in both, in one alone, and by which labels and traits they differ."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

import numpy as np
from pyroaring import BitMap

from yutang.domains.audience.api.evaluating import AUDIENCE, everyone
from yutang.domains.insight.api.asking import Codes, cell_value, told_apart
from yutang.domains.insight.api.ranges import name_in, only_known
from yutang.domains.insight.contracts.asking import Cell
from yutang.domains.insight.contracts.sets import Difference
from yutang.runtime.desk import Desk
from yutang.runtime.slots import VOCABULARY
from yutang.timeline.steps import Ints

PARTS = ("a", "b", "both", "only_a", "only_b", "either")
VALUES_COUNT_MAX = 1_000  # of a trait or label with more, those that most customers have are looked at


def differences(desk: Desk, a: BitMap, b: BitMap, instant: int) -> list[Difference]:
    """By all labels and declared traits as they are at an instant, the greatest weight first; none of an empty set."""
    found: list[Difference] = []
    heads = _heads(a | b)
    if len(a) and len(b):
        for by in _breakdowns(desk):
            found += _by(desk, by, heads, a, b, instant)
    return sorted(found, key=lambda one: (-one.weight, one.by, one.value))


def part(desk: Desk, a: BitMap, b: BitMap, cell: Cell, instant: int) -> Ints:
    """The customers behind a cell (see `CompareQuestion`), by their heads, ascending. Raises InvalidError."""
    only_known(cell, "part", "by", "value")
    name = PARTS[name_in(cell, "part", PARTS)]
    heads = _heads({"a": a, "b": b, "both": a & b, "only_a": a - b, "only_b": b - a, "either": a | b}[name])
    if not cell.get("by", ""):
        return heads
    codes, names = told_apart(desk.epoch, everyone(desk.epoch, heads), cell["by"], instant)
    value = cell_value(cell, "value")
    if cell["by"].startswith("label."):
        name_in(cell, "value", names)  # a label's values are known; a trait may have any, which nobody here has
    return heads[codes == names.index(value)] if value in names else heads[:0]


def _heads(some: BitMap) -> Ints:
    return np.array(some, np.int64)


def _breakdowns(desk: Desk) -> Iterator[str]:
    """All labels and declared traits."""
    yield from (f"label.{name}" for name in desk.epoch[AUDIENCE].feed_order())
    yield from (f"trait.{name}" for name in sorted(desk.epoch[VOCABULARY].traits))


def _by(
    desk: Desk, by: str, heads: Ints, a: BitMap, b: BitMap, instant: int
) -> list[Difference]:  # fmt: skip
    codes, names = told_apart(desk.epoch, everyone(desk.epoch, heads), by, instant)
    in_a, in_b = (_counts(codes, heads, one, len(names)) for one in (a, b))
    order = np.argsort(-(in_a + in_b), kind="stable")[:VALUES_COUNT_MAX].tolist()
    return [
        difference(by, names[place], int(in_a[place]), int(in_b[place]), len(a), len(b))
        for place in order
        if in_a[place] or in_b[place]
    ]


def _counts(codes: Codes, heads: Ints, some: BitMap, names: int) -> Ints:
    """How many of a set have each value. heads: ascending, those of the set among them."""
    places = np.searchsorted(heads, _heads(some))
    return np.bincount(codes[places], minlength=names)


def difference(by: str, value: str, a: int, b: int, size_a: int, size_b: int) -> Difference:
    """How often two sets, of at least one customer each, have a value.

    Half a customer more on either side keeps the lift finite; the weights of all values of one label or trait add up to
    about the population stability index, sum of (p - q) ln(p / q).
    """
    p, q = (a + 0.5) / (size_a + 1), (b + 0.5) / (size_b + 1)
    return Difference(by, value, a, b, a / size_a, b / size_b, p / q, (p - q) * log(p / q))
