"""Where one is while a condition is told: the language, the vocabulary's titles, the scope.

Invariant: finds a title for every name; one that the vocabulary doesn't have (any longer) is told as it
is. Knows names, not nodes: what a node says is told by `sentences`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from yutang.conditions.lookups import event_types
from yutang.conditions.nodes import Events
from yutang.conditions.sorts import Scope
from yutang.conditions.speech import Speech
from yutang.conditions.vocabulary import Kind, PropertyType

# What every event has besides its declared properties.
_OWN = (
    PropertyType("channel", Kind.STRING, "渠道", "channel"),
    PropertyType("source", Kind.STRING, "来源", "source"),
    PropertyType("feed", Kind.STRING, "数据源", "feed"),
)


@dataclass(frozen=True, slots=True)
class Telling:
    """A language, and where in the condition one is."""

    speech: Speech
    scope: Scope

    @property
    def zone(self) -> str:
        """The zone in which instants are told."""
        return self.scope.vocabulary.zone

    def filtering(self, events: Events) -> Telling:
        """Inside the filter of an event set."""
        return replace(self, scope=self.scope.filtering(events))

    def within(self, record: str) -> Telling:
        """Inside the test of a record quantifier."""
        return replace(self, scope=self.scope.within(record))

    def trait(self, name: str) -> str:
        """The title of a trait."""
        return self.speech.title(name, self.scope.vocabulary.traits.get(name))

    def record_trait(self, name: str) -> str:
        """The title of a trait of the record under the quantifier."""
        record = self.scope.vocabulary.records.get(self.scope.record)
        declared = [found for found in record.traits if found.name == name] if record else []
        return self.speech.title(name, declared[0] if declared else None)

    def kind(self, record: str) -> str:
        """The title of a kind of record."""
        return self.speech.title(record, self.scope.vocabulary.records.get(record))

    def label(self, label: str) -> str:
        """The title of a label."""
        return self.speech.title(label, self.scope.vocabulary.labels.get(label))

    def label_value(self, label: str, value: str) -> str:
        """The title of a value of a label; "" for any."""
        return self.speech.label_value(value, self.scope.vocabulary.labels.get(label)) if value else ""

    def is_single(self, label: str) -> bool:
        """Whether the label is a ladder of one, of which nobody says the value."""
        known = self.scope.vocabulary.labels.get(label)
        return known is not None and len(known.values) == 1

    def span(self, span_ms: int | None) -> str:
        """A span in words, "" for none."""
        return self.speech.span(span_ms) if span_ms is not None else ""

    def property(self, events: Events, name: str) -> str:
        """The title of a property: the first that a type of the set gives it."""
        declared = [own for own in _OWN if own.name == name]
        for known in event_types(events, self.scope.vocabulary):
            declared += [found for found in known.properties if found.name == name]
        return self.speech.title(name, declared[0] if declared else None)

    def types(self, events: Events) -> str:
        """An event set without its filter."""
        if events.mark:
            return self.speech.marked(events.mark)
        if not events.types:
            return self.speech.every_event()
        known = self.scope.vocabulary.events
        return self.speech.types([self.speech.title(name, known.get(name)) for name in events.types])
