"""What several conditions that are asked at once have in common, so that it is worked out once for all of them.

A test that stands in several places is asked of everybody, and its answer serves all of these; one that stands in one
place is only asked of those whose answer hangs on it. Periods with an event are told by the most of them that anybody
asks about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast, get_args

from yutang.conditions.nodes import (
    Compare,
    Count,
    EachPeriod,
    Events,
    Happened,
    InLabel,
    Moved,
    Never,
    Node,
    Periods,
    Since,
    Test,
    Unit,
)
from yutang.conditions.walk import children
from yutang.timeline.plan import Plan

_TESTS: tuple[type, ...] = get_args(Test)


@dataclass(frozen=True, slots=True)
class Common:
    """tests: those that are asked of everybody. periods: how many periods of a unit are asked about at most. counts: by
    type, the tests that may hang on how many of its events lie in an interval."""

    tests: frozenset[Node] = frozenset()
    periods: Mapping[tuple[Events, Unit], int] = field(default_factory=dict)
    counts: Mapping[str, Sequence[Test]] = field(default_factory=dict)


NOTHING = Common()


def common(tests: Iterable[Test], plan: Plan) -> Common:
    """What some conditions, and the labels that they name, have in common. Cost: a walk through their trees."""
    places: Counter[Test] = Counter()
    periods: dict[tuple[Events, Unit], int] = {}
    for node in _nodes(tests, plan):
        if isinstance(node, _TESTS):
            places[cast("Test", node)] += 1
        elif isinstance(node, Periods):
            _longer(periods, node)
    counts: dict[str, list[Test]] = {}
    for test in places:
        if isinstance(test, EachPeriod):
            _longer(periods, test)
        events = _counted(test)
        if events is not None and len(events.types) == 1 and events.where is None:
            counts.setdefault(events.types[0], []).append(test)
    several = {name: found for name, found in counts.items() if len(found) > 1}
    at_once = {test for found in several.values() for test in found}
    return Common(frozenset(test for test, count in places.items() if count > 1 or test in at_once), periods, several)


def _nodes(tests: Iterable[Test], plan: Plan) -> Iterator[Node]:
    """The nodes of some conditions and of the labels that they name, as often as they stand somewhere; what is below a
    test is given once, since it is asked once."""
    met: set[Node] = set()
    labels: set[str] = set()
    waiting: list[Node] = list(tests)
    while waiting:
        node = waiting.pop()
        if isinstance(node, Events):
            continue  # its filter is asked of rows
        yield node
        if isinstance(node, _TESTS) and node in met:
            continue
        met.add(node)
        if isinstance(node, (InLabel, Moved)) and node.label not in labels:
            labels.add(node.label)
            waiting.extend(rung.test for rung in plan.find(node.label).rungs)
        waiting.extend(child for _, child in children(node))


def _longer(periods: dict[tuple[Events, Unit], int], node: Periods | EachPeriod) -> None:
    key = (node.events, node.unit)
    periods[key] = max(node.count, periods.get(key, 0))


def _counted(test: Test) -> Events | None:
    """The events on whose number a test may hang."""
    if isinstance(test, (Happened, Never)):
        return test.events
    if isinstance(test, Compare) and isinstance(test.subject, (Count, Since)):
        return test.subject.events
    return None
