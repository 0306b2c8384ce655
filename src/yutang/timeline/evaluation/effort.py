"""How much it takes to tell a test, as far as it matters to the order in which some are asked: by the rows to read."""

from __future__ import annotations

from yutang.conditions.nodes import Consent, Events, HasTag, Hold, InLabel, Moved, Reachable, Related, Test
from yutang.conditions.walk import nodes_below
from yutang.timeline.evaluation.narrowing import rows_count
from yutang.timeline.evaluation.selection import present
from yutang.timeline.view import View

_STANDING_ROWS_COUNT = 16  # a customer: what stands is put together out of several columns
_LOOKING_BACK_ROWS_COUNT = 10**9  # what looks at other instants comes last


def effort(view: View, test: Test) -> int:
    """A number that is the greater, the longer it takes to tell a test of a view's customers."""
    rows = 0
    for node in nodes_below(test):
        if isinstance(node, (InLabel, Moved, Hold)):
            rows += _LOOKING_BACK_ROWS_COUNT
        elif isinstance(node, (Related, HasTag, Consent, Reachable)):
            rows += _STANDING_ROWS_COUNT * view.count
        elif isinstance(node, Events):
            rows += sum(rows_count(view, name) for name, _ in present(view, node))
    return rows
