"""How much it takes to tell a test, as far as it matters to the order in which some are asked: by the rows to read."""

from __future__ import annotations

from functools import lru_cache

from yutang.conditions.nodes import Consent, Events, HasTag, Hold, InLabel, Moved, Reachable, Related, Test
from yutang.conditions.walk import nodes_below
from yutang.timeline.evaluation.narrowing import rows_count
from yutang.timeline.evaluation.selection import present
from yutang.timeline.view import View

_STANDING_ROWS_COUNT = 16  # a customer: what stands is put together out of several columns
_LOOKING_BACK_ROWS_COUNT = 10**9  # what looks at other instants comes last


def effort(view: View, test: Test) -> int:
    """A number that is the greater, the longer it takes to tell a test of a view's customers."""
    looking_back, standing, events = _parts(test)
    rows = looking_back * _LOOKING_BACK_ROWS_COUNT + standing * _STANDING_ROWS_COUNT * view.count
    return rows + sum(rows_count(view, name) for one in events for name, _ in present(view, one))


@lru_cache(maxsize=1_024)
def _parts(test: Test) -> tuple[int, int, tuple[Events, ...]]:
    """(how many parts look back, how many ask what stands, the events that are read) of a test."""
    below = list(nodes_below(test))
    looking_back = sum(isinstance(node, (InLabel, Moved, Hold)) for node in below)
    standing = sum(isinstance(node, (Related, HasTag, Consent, Reachable)) for node in below)
    return looking_back, standing, tuple(node for node in below if isinstance(node, Events))
