"""A `View` out of plain lists of facts: the double of the lake in tests of evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from yutang.conditions.vocabulary import STATE_EVENTS, EventType, Kind, Vocabulary
from yutang.kernel.instants import NEVER
from yutang.timeline.steps import UNKNOWN, Flags, Ints
from yutang.timeline.view import Column, Slice

SYSTEM = {one.name: one for one in STATE_EVENTS}


@dataclass(frozen=True)
class Fact:
    """An event of customer i. props: texts, lists of texts, or integers in engine units."""

    customer: int
    type: str
    at: int
    tie: int = 0
    props: Mapping[str, object] = field(default_factory=dict)

    @property
    def order(self) -> tuple[int, int, str]:
        return (self.at, self.tie, self.type)

    def value(self, name: str) -> object:
        return f"e{self.tie}@{self.at}" if name == "id" else self.props.get(name)


def property_kind(vocabulary: Vocabulary, type_name: str, prop: str) -> Kind:
    if prop in ("channel", "source", "feed", "id"):
        return Kind.STRING
    if prop == "seq":
        return Kind.INTEGER
    declared: EventType | None = SYSTEM.get(type_name) or vocabulary.events.get(type_name)
    return (declared.property_kind(prop) if declared is not None else None) or Kind.STRING


class MemoryView:
    """n customers and their facts, in any order."""

    def __init__(
        self,
        vocabulary: Vocabulary,
        count: int,
        facts: Sequence[Fact],
        hashes: Sequence[int] | None = None,
        identities: Sequence[frozenset[str]] | None = None,
    ) -> None:
        self._vocabulary = vocabulary
        self._count = count
        self._facts = sorted(facts, key=lambda fact: (fact.customer, *fact.order))
        self._hashes = list(hashes) if hashes is not None else [0] * count
        self._identities = list(identities) if identities is not None else [frozenset()] * count

    @property
    def vocabulary(self) -> Vocabulary:
        return self._vocabulary

    @property
    def count(self) -> int:
        return self._count

    def types(self) -> Sequence[str]:
        return sorted({fact.type for fact in self._facts})

    def is_system(self, type_name: str) -> bool:
        return type_name in SYSTEM

    def events(self, type_name: str, columns: Sequence[str]) -> Slice:
        rows = [fact for fact in self._facts if fact.type == type_name]
        owners = np.array([fact.customer for fact in rows], np.int64)
        offsets = np.searchsorted(owners, np.arange(self._count + 1)).astype(np.int64)
        at = np.array([fact.at for fact in rows], np.int64)
        tie = np.array([fact.tie for fact in rows], np.int64)
        at.flags.writeable = False  # as mapped columns are
        named = {name: self._column(type_name, name, [fact.value(name) for fact in rows]) for name in columns}
        return Slice(offsets, at, tie, named)

    def first_seen(self) -> Ints:
        first = np.full(self._count, NEVER, np.int64)
        for fact in self._facts:
            if fact.type not in SYSTEM:
                first[fact.customer] = min(first[fact.customer], fact.at)
        return first

    def lead_hash(self) -> Ints:
        return np.array(self._hashes, np.int64)

    def has_identity(self, kinds: Sequence[str]) -> Flags:
        return np.array([bool(owned & set(kinds)) for owned in self._identities], np.bool_)

    def _column(self, type_name: str, name: str, values: list[object]) -> Column:
        kind = property_kind(self._vocabulary, type_name, name)
        if kind not in (Kind.STRING, Kind.LIST):
            return Column(kind, np.array([UNKNOWN if v is None else v for v in values], np.int64))
        texts = [
            None if v is None else msgspec.json.encode(v).decode() if kind is Kind.LIST else str(v) for v in values
        ]
        unused = '["(never used)"]' if kind is Kind.LIST else "(never used)"
        words = [unused, *sorted({text for text in texts if text is not None}, reverse=True)]
        codes = [UNKNOWN if text is None else words.index(text) for text in texts]
        return Column(kind, np.array(codes, np.int64), words)
