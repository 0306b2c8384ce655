"""What a condition depends on, by name: for the order of labels, for what to load, for who is affected by a change.

Invariant: a condition's answer can change only by events of the types named here (or marked so, or any,
where it says so), by what their properties hold, by the labels named, and by time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import reduce

from yutang.conditions.check_parts import NET_LESS
from yutang.conditions.nodes import (
    Aggregate,
    AllRecords,
    AnyRecord,
    Consent,
    Events,
    HasTag,
    InLabel,
    Moved,
    Node,
    Property,
    Reachable,
    RecordCount,
    RecordTrait,
    Related,
    Test,
    Trait,
)
from yutang.conditions.walk import children, nodes_below

_EMPTY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Names:
    """All that a test names.

    event_types, marks (`visit`): of its event sets. every_event: a set is `*`. properties: (event set,
    property), the set being a type, `#mark` or `*`. record_traits: (kind, trait). channels: of consent and
    reachability. What a test depends on without naming it (state events) isn't here, refunds under `net` are.
    """

    event_types: frozenset[str] = _EMPTY
    marks: frozenset[str] = _EMPTY
    every_event: bool = False
    properties: frozenset[tuple[str, str]] = frozenset()
    traits: frozenset[str] = _EMPTY
    labels: frozenset[str] = _EMPTY
    records: frozenset[str] = _EMPTY
    record_traits: frozenset[tuple[str, str]] = frozenset()
    relations: frozenset[str] = _EMPTY
    tags: frozenset[str] = _EMPTY
    channels: frozenset[str] = _EMPTY

    def __or__(self, other: Names) -> Names:
        """Both together."""
        return Names(*(getattr(self, field.name) | getattr(other, field.name) for field in fields(self)))


def names_used(test: Test) -> Names:
    """All names that a test depends on."""
    return reduce(Names.__or__, _parts(test, ""), Names())


def _parts(node: Node, record: str) -> Iterator[Names]:
    """The names of a node and of all below it. record: the kind under a quantifier."""
    inner = record
    match node:
        case Events():
            yield _of_events(node)
            return  # its filter holds properties only, which are of these events
        case Aggregate():
            yield _of_property(node.events, node.property)
            if node.net:
                yield Names(event_types=frozenset({NET_LESS[0]}), properties=frozenset({NET_LESS}))
        case Trait():
            yield Names(traits=frozenset({node.name}))
        case RecordTrait():
            yield Names(record_traits=frozenset({(record, node.name)}))
        case AnyRecord() | AllRecords() | RecordCount():
            inner = node.kind
            yield Names(records=frozenset({node.kind}))
        case InLabel() | Moved():
            yield Names(labels=frozenset({node.label}))
        case HasTag():
            yield Names(tags=frozenset({node.tag}))
        case Related():
            yield Names(relations=frozenset({node.relation}))
        case Consent() | Reachable():
            yield Names(channels=frozenset({node.channel}))
        case _:
            pass
    for _, child in children(node):
        yield from _parts(child, inner)


def _of_events(events: Events) -> Names:
    found = Names(
        event_types=frozenset(events.types),
        marks=frozenset({events.mark} if events.mark else ()),
        every_event=not events.types and not events.mark,
    )
    if events.where is None:
        return found
    compared = {node.name for node in nodes_below(events.where) if isinstance(node, Property)}
    of_all = (_of_property(events, name).properties for name in compared)
    return replace(found, properties=frozenset().union(*of_all))


def _of_property(events: Events, name: str) -> Names:
    sets = events.types or ((f"#{events.mark}",) if events.mark else ("*",))
    return Names(properties=frozenset((of, name) for of in sets))
