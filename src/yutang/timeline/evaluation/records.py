"""Records that a customer owns (a child, a pet, a course), as a population of their own.

A record is (kind, record id) of a customer; it is open from its first set until it is ended, and again
from a later set. Its traits are as customers' (the latest value by (at, tie)), and outlast an end. A
quantifier evaluates its test once for all records of the kind; the part of the test that mentions no
record's trait is asked of the owners and handed down. The answers are folded back by owner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from yutang.conditions.nodes import AllRecords, AnyRecord, Node, RecordCount, RecordTrait
from yutang.conditions.vocabulary import RECORD_ENDED, RECORD_SET, VALUE_PROPERTY, Kind
from yutang.kernel.instants import BEGINNING
from yutang.timeline.evaluation.algebra import kept_offsets
from yutang.timeline.evaluation.ask import Measure
from yutang.timeline.evaluation.literals import word_is
from yutang.timeline.evaluation.selection import Reach, cut
from yutang.timeline.evaluation.states import Standing, populated, standing
from yutang.timeline.kernels import folds
from yutang.timeline.steps import Ints, Steps, Stretch
from yutang.timeline.view import View

QUANTIFIERS = (AnyRecord, AllRecords, RecordCount)


@dataclass(frozen=True, slots=True)
class Records:
    """The records of a kind. standing: their owners, ids and when each is open."""

    kind: str
    standing: Standing

    @property
    def count(self) -> int:
        return len(self.standing.owner)

    @property
    def owner(self) -> Ints:
        return self.standing.owner


def records_of(view: View, kind: str, stretch: Stretch) -> Records:
    """The records of a kind that the customers of the view own or owned, up to the end of the stretch."""
    return Records(kind, standing(view, (RECORD_SET,), (RECORD_ENDED,), {"kind": kind}, "record", stretch))


def record_trait(view: View, records: Records, name: str, stretch: Stretch) -> Measure:
    """A trait of the records over time."""
    kind = _trait_kind(view, records.kind, name)
    prop = VALUE_PROPERTY[kind]
    rows = cut(view, RECORD_SET, ("kind", "record", "trait", prop), Reach(BEGINNING, stretch.end))
    keep = word_is(rows.columns["kind"], records.kind) & word_is(rows.columns["trait"], name)
    offsets = kept_offsets(rows.offsets, keep)
    owner = np.repeat(np.arange(view.count), np.diff(offsets))
    record = rows.columns["record"]
    key = _codes_in(record.values[keep], record.words, records.standing.words)
    groups = populated(owner, key, len(records.standing.words))
    at, values = rows.at[keep][groups.order], rows.columns[prop].values[keep][groups.order]
    offsets = _spread(groups.owner * len(records.standing.words) + groups.key, groups.offsets, records)
    state = folds.latest(offsets, at, values, np.zeros_like(at), stretch.start, stretch.end)
    return Measure(Steps.of(state), kind, rows.columns[prop].words)


def _trait_kind(view: View, kind: str, name: str) -> Kind:
    declared = view.vocabulary.records.get(kind)
    traits = declared.traits if declared is not None else ()
    return next((one.kind for one in traits if one.name == name), Kind.STRING)


def _codes_in(values: Ints, words: Sequence[str], among: Sequence[str]) -> Ints:
    """The same words as indices into another list that has them all; an absent one counts as ""."""
    index = {word: code for code, word in reversed(list(enumerate(among)))}
    present, inverse = np.unique(values, return_inverse=True)
    table = [index["" if code < 0 else words[code]] for code in present.tolist()]
    return np.array(table, np.int64)[inverse]


def _spread(groups: Ints, offsets: Ints, records: Records) -> Ints:
    """The offsets of those groups among all records; a record without such rows has none."""
    every = records.standing.owner * len(records.standing.words) + records.standing.key
    place = np.searchsorted(groups, every)
    return np.append(offsets[place], offsets[-1]).astype(np.int64)


def mentions_record(node: object) -> bool:
    """Whether a test asks about the record under the quantifier (not one under a quantifier of its own)."""
    if isinstance(node, RecordTrait):
        return True
    return any(mentions_record(part) for part in parts_of(node) if not isinstance(part, QUANTIFIERS))


def parts_of(node: object) -> Iterator[object]:
    """The nodes directly inside a node."""
    if not isinstance(node, Node):
        return
    for name in node.__struct_fields__:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from (item for item in value if isinstance(item, Node))
