"""Which events can change which definitions of a plan.

A definition is concerned by an event type if a test of it, or of a label that it names, looks at events of the type.
What a test sees besides events is who the customer is: its identities, and its first event; when those change, all
definitions are concerned, and that isn't said here. Invariant: an evaluation of a definition reads no type that this
doesn't name (a test compares the two).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from weakref import WeakKeyDictionary

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
    Reachable,
    RecordCount,
    RecordTrait,
    Related,
    Trait,
)
from yutang.conditions.vocabulary import (
    CONSENT_GIVEN,
    CONSENT_WITHDRAWN,
    RECORD_ENDED,
    RECORD_SET,
    STATE_EVENTS,
    TAG_ADDED,
    TAG_REMOVED,
    TRAIT_SET,
    Vocabulary,
)
from yutang.conditions.walk import nodes_below
from yutang.timeline.evaluation.measures import NET_LESS
from yutang.timeline.plan import Plan

_RECORDS = (RECORD_SET, RECORD_ENDED)
_CONSENTS = (CONSENT_GIVEN, CONSENT_WITHDRAWN)
# What nodes read besides the events that they name.
_STATES: Mapping[type[Node], tuple[str, ...]] = MappingProxyType(
    {
        Trait: (TRAIT_SET,),
        RecordTrait: _RECORDS,
        RecordCount: _RECORDS,
        AnyRecord: _RECORDS,
        AllRecords: _RECORDS,
        HasTag: (TAG_ADDED, TAG_REMOVED),
        Consent: _CONSENTS,
        Reachable: _CONSENTS,
    }
)
_STATE_NAMES = frozenset(one.name for one in STATE_EVENTS)
ANY_EVENT = "*"  # in place of a type: all but state events


class Concerns:
    """The definitions of a plan by what concerns them, under a vocabulary."""

    def __init__(self, plan: Plan, vocabulary: Vocabulary) -> None:
        read: dict[str, frozenset[str]] = {}
        for name in plan.names:  # each after those it names
            below = [node for rung in plan.find(name).rungs for node in nodes_below(rung.test)]
            found = {kind for node in below for kind in _types_read(node, vocabulary)}
            for node in below:
                if isinstance(node, InLabel | Moved):
                    found |= read[node.label]
            read[name] = frozenset(found)
        self._read = [read[name] for name in plan.names]
        self._by_type: dict[str, tuple[int, ...]] = {}

    def of(self, type_name: str) -> tuple[int, ...]:
        """The definitions, by their places in `plan.names`, that an event of a type can change."""
        found = self._by_type.get(type_name)
        if found is None:
            wanted = {type_name} if type_name in _STATE_NAMES else {type_name, ANY_EVENT}
            found = tuple(place for place, read in enumerate(self._read) if not read.isdisjoint(wanted))
            self._by_type[type_name] = found
        return found

    def types_of(self, place: int) -> frozenset[str]:
        """The types that a definition looks at, ANY_EVENT among them if it looks at all that are no state events."""
        return self._read[place]


def _types_read(node: Node, vocabulary: Vocabulary) -> Iterator[str]:
    """The types that a node looks at, those of the nodes below it left out."""
    if isinstance(node, Events):
        if node.types:
            yield from node.types
        elif node.mark:
            for event_type in vocabulary.events.values():
                if any(rule.mark == node.mark for rule in event_type.marks):
                    yield event_type.name
        else:
            yield ANY_EVENT
    elif isinstance(node, Aggregate) and node.net:
        yield from NET_LESS.values()
    elif isinstance(node, Related):
        for name, declared in vocabulary.events.items():
            if declared.relation is not None and declared.relation.relation == node.relation:
                yield name
    else:
        yield from _STATES.get(type(node), ())


def types_read(nodes: Iterable[Node], plan: Plan, vocabulary: Vocabulary) -> frozenset[str]:
    """The types that some conditions and measures look at, and the labels that they name; ANY_EVENT among them if
    they look at all that are no state events."""
    concerns = concerns_of(plan, vocabulary)
    found: set[str] = set()
    for node in (below for root in nodes for below in nodes_below(root)):
        found |= set(_types_read(node, vocabulary))
        if isinstance(node, InLabel | Moved):
            found |= concerns.types_of(plan.names.index(plan.find(node.label).name))
    return frozenset(found)


_known: WeakKeyDictionary[Plan, tuple[Vocabulary, Concerns]] = WeakKeyDictionary()


def concerns_of(plan: Plan, vocabulary: Vocabulary) -> Concerns:
    """The concerns of a plan; those of the last vocabulary that it was asked about with are kept with it."""
    known = _known.get(plan)
    if known is None or known[0] is not vocabulary:
        known = _known[plan] = (vocabulary, Concerns(plan, vocabulary))
    return known[1]
