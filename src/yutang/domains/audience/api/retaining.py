"""How far back live labels look at an event type: what retention of the type would make them miss."""

from __future__ import annotations

from collections.abc import Iterator

from yutang.conditions.lookups import event_types
from yutang.conditions.nodes import EachPeriod, Events, Last, Node, Periods, Returned, Rolling, Step, This, Unit
from yutang.conditions.vocabulary import STATE_EVENTS, Vocabulary
from yutang.conditions.walk import children, nodes_below
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.contracts import Label
from yutang.domains.catalogue.contracts import RetentionNeed
from yutang.kernel.instants import DAY_MS
from yutang.runtime.desk import Desk
from yutang.runtime.slots import VOCABULARY

EVER = 0  # in place of a number of days: any time
_UNIT_DAYS = {Unit.DAY: 1, Unit.WEEK: 7, Unit.MONTH: 31, Unit.YEAR: 366}
_STATES = frozenset(one.name for one in STATE_EVENTS)


def windows_needed(desk: Desk, type_name: str) -> list[RetentionNeed]:
    """By label, the longest window (days; 0: any time) through which it looks at a type's events."""
    found = []
    for label in desk.epoch[AUDIENCE].labels.values():
        spans = list(_spans(label, type_name, desk.epoch[VOCABULARY]))
        if spans:
            found.append(RetentionNeed(label.name, EVER if EVER in spans else max(spans)))
    return found


def _spans(label: Label, type_name: str, vocabulary: Vocabulary) -> Iterator[int]:
    quintile = label.quintile
    roots: list[Node] = [rung.test for rung in label.rungs]
    roots += [quintile.among, quintile.by] if quintile is not None else []
    for root in roots:
        for node in nodes_below(root):
            if type_name in _STATES:
                if node.__struct_config__.tag in _READS_STATES:
                    yield EVER
            elif any(_holds(events, type_name, vocabulary) for events in _looked_at(node)):
                yield _days(node)


_READS_STATES = frozenset({"trait", "record_trait", "tag", "consent", "any_record", "all_records", "record_count"})


def _looked_at(node: Node) -> Iterator[Events]:
    """The sets of events that a measure or test looks at; those of a sequence's steps are the sequence's."""
    if not isinstance(node, Step):
        below = [child for _, child in children(node)]
        below += [events for step in below if isinstance(step, Step) for _, events in children(step)]
        yield from (child for child in below if isinstance(child, Events))


def _holds(events: Events, type_name: str, vocabulary: Vocabulary) -> bool:
    return type_name in events.types or any(one.name == type_name for one in event_types(events, vocabulary))


def _days(node: Node) -> int:
    """How far back a measure or test looks from now."""
    if isinstance(node, Periods | EachPeriod):
        return _UNIT_DAYS[node.unit] * (node.count + 1)
    window = None if isinstance(node, Returned) else getattr(node, "window", None)  # its predecessor may be of any time
    if isinstance(window, Rolling):
        return -(-window.ms // DAY_MS)
    if isinstance(window, Last):
        return _UNIT_DAYS[window.unit] * (window.count + 1)
    if isinstance(window, This):
        return _UNIT_DAYS[window.unit]
    return EVER
