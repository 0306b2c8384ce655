"""What state events leave standing: traits, tags, consent, reachability, relations.

A *standing* is a key (a group, a purpose, an object) of a customer that begins and ends by events; the
latest by (at, tie) wins. Keys of a customer form a population of their own, whose functions are folded
back onto customers; the same serves records.

A trait takes the latest value, except that a value doesn't give way to one whose feed or source stands
lower in the trait's priority (best first; what isn't listed is last). Unsetting by an equal or better
source leaves it unknown, after which anyone may set it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from yutang.conditions.nodes import Consent, HasTag, Reachable, Related
from yutang.conditions.vocabulary import (
    CONSENT_GIVEN,
    CONSENT_WITHDRAWN,
    TAG_ADDED,
    TAG_REMOVED,
    TRAIT_SET,
    VALUE_PROPERTY,
    Kind,
    TraitType,
)
from yutang.kernel.instants import BEGINNING
from yutang.timeline.columns import taken
from yutang.timeline.evaluation.algebra import both, folded, kept_offsets, mapped
from yutang.timeline.evaluation.ask import Ask, Measure
from yutang.timeline.evaluation.inside import picked
from yutang.timeline.evaluation.literals import word_is
from yutang.timeline.evaluation.narrowing import lying
from yutang.timeline.evaluation.selection import Reach, Selected, cut, joined
from yutang.timeline.kernels import folds, intervals, merges
from yutang.timeline.steps import UNKNOWN, Flags, Ints, Steps, Stretch
from yutang.timeline.view import Column, Slice, View

_NONE: Ints = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Standing:
    """Keys of customers, each with when it stands. owner: int64[keys], ascending. key: indices into `words`."""

    owner: Ints
    key: Ints
    words: Sequence[str]
    truth: Steps


def trait_type(view: View, name: str) -> TraitType:
    """The declared trait; one that isn't declared is read as text."""
    return view.vocabulary.traits.get(name) or TraitType(name, Kind.STRING)


def trait(view: View, name: str, stretch: Stretch) -> Measure:
    """A trait of the customers over time."""
    declared = trait_type(view, name)
    prop = VALUE_PROPERTY[declared.kind]
    extra = ("feed", "source") if declared.priority else ()
    if stretch.point and not declared.priority:
        return _newest(view, name, prop, declared.kind, stretch.end)
    rows = view.events(TRAIT_SET, ("trait", prop, *extra))
    column = rows.columns[prop]
    keep = word_is(rows.columns["trait"], name)
    ranks = np.zeros(int(keep.sum()), np.int64)
    if declared.priority:
        feed, source = _ranks(rows.columns["feed"], declared), _ranks(rows.columns["source"], declared)
        ranks = np.minimum(feed, source)[keep]
    offsets = kept_offsets(rows.offsets, keep)
    state = folds.latest(offsets, rows.at[keep], column.values[keep], ranks, stretch.start, stretch.end)
    return Measure(Steps.of(state), declared.kind, column.words)


def _newest(view: View, name: str, prop: str, kind: Kind, instant: int) -> Measure:
    """A trait at an instant; its last row alone decides."""
    rows, lows, highs = lying(view, TRAIT_SET, ("trait", prop))
    names, column = rows.columns["trait"], rows.columns[prop]
    code = next((code for code, word in enumerate(names.words) if word == name), None)
    found = np.full(view.count, -1, np.int64)
    if code is not None:
        found = intervals.latest(lows, highs, rows.at, names.values, code, instant)
    return Measure(Steps.constant(picked(column.values, found)), kind, column.words)


def _ranks(column: Column, declared: TraitType) -> Ints:
    """The place of each row's feed or source in the priority."""
    ranks = np.full(len(column.values), len(declared.priority), np.int64)
    for place, name in enumerate(declared.priority):
        ranks[word_is(column, name) & (ranks > place)] = place
    return ranks


def tag(ask: Ask, node: HasTag) -> Steps:
    """Whether the tag stands, in its group or, if none is named, in any."""
    wanted = {"tag": node.tag, "group": node.group} if node.group else {"tag": node.tag}
    return _any_key(ask, standing(ask.view, (TAG_ADDED,), (TAG_REMOVED,), wanted, "group", ask.stretch))


def consent(ask: Ask, node: Consent) -> Steps:
    """Whether consent stands for the channel and purpose."""
    wanted = {"medium": node.channel, "purpose": node.purpose}
    return _any_key(ask, standing(ask.view, (CONSENT_GIVEN,), (CONSENT_WITHDRAWN,), wanted, "purpose", ask.stretch))


def reachable(ask: Ask, node: Reachable) -> Steps:
    """Whether an identity of the kinds is owned and consent to any purpose stands on the channel."""
    wanted = {"medium": node.channel}
    agreed = standing(ask.view, (CONSENT_GIVEN,), (CONSENT_WITHDRAWN,), wanted, "purpose", ask.stretch)
    owns = ask.view.has_identity(ask.identities(node.channel)).astype(np.int64)
    return both(_any_key(ask, agreed), Steps.constant(owns))


def related(ask: Ask, node: Related) -> Steps:
    """Whether the relation stands with the named object, or with any."""
    return _any_key(ask, relation(ask.view, node, ask.stretch))


def relation_types(view: View, relation: str) -> Sequence[tuple[str, bool, str]]:
    """The event types that begin or end a relation, of which there may be events: (name, whether it begins it, the
    property that names the object)."""
    there = frozenset(view.types())
    rules = ((name, declared.relation) for name, declared in sorted(view.vocabulary.events.items()) if name in there)
    return [
        (name, rule.begins, rule.object_property)
        for name, rule in rules if rule is not None and rule.relation == relation
    ]  # fmt: skip


def relation(view: View, node: Related, stretch: Stretch) -> Standing:
    """The relation with each object, by the event types that begin and end it."""
    found = _Keyed.empty(view.count)
    for name, begins, prop in relation_types(view, node.relation):
        rows = cut(view, name, (prop,) if prop else (), Reach(BEGINNING, stretch.end))
        key = rows.columns[prop] if prop else Column(Kind.STRING, np.full(len(rows.at), UNKNOWN, np.int64))
        key = key if key.kind is Kind.STRING else _as_texts(key)
        keep = _matching(key, node.object) if node.object else np.ones(len(rows.at), np.bool_)
        found = found.merged(_Keyed.of(rows, key, begins, keep))
    return _stand(found, stretch)


def standing(
    view: View, begins: Sequence[str], ends: Sequence[str], wanted: dict[str, str], key: str, stretch: Stretch
) -> Standing:
    """The keys (values of the property `key`) that stand by events of the types whose properties are as wanted."""
    found = _Keyed.empty(view.count)
    for type_name in (*begins, *ends):
        rows = cut(view, type_name, tuple({**wanted, key: ""}), Reach(BEGINNING, stretch.end))
        keep = np.ones(len(rows.at), np.bool_)
        for prop, value in wanted.items():
            keep &= _matching(rows.columns[prop], value)
        found = found.merged(_Keyed.of(rows, rows.columns[key], type_name in begins, keep))
    return _stand(found, stretch)


def _matching(column: Column, value: str) -> Flags:
    """Where the property is the value; an absent one counts as ""."""
    flags = word_is(column, value)
    return flags | (column.values == UNKNOWN) if value == "" else flags


@dataclass(frozen=True, slots=True)
class _Keyed:
    """Events that begin (1) or end (0) a key, ordered by (customer, at, tie)."""

    rows: Selected
    begins: Ints

    @classmethod
    def empty(cls, count: int) -> _Keyed:
        return cls(Selected(np.zeros(count + 1, np.int64), _NONE, _NONE, Column(Kind.STRING, _NONE)), _NONE)

    @classmethod
    def of(cls, rows: Slice, key: Column, begins: bool, keep: Flags) -> _Keyed:
        kept = Selected(rows.offsets, rows.at, rows.tie, key).keep(keep)
        few = replace(kept, column=taken(kept.with_values(), slice(None)))  # of all words, those that occur here
        return cls(few, np.full(len(few.at), int(begins), np.int64))

    def merged(self, other: _Keyed) -> _Keyed:
        a, b = self.rows, other.rows
        if not len(a.at) or not len(b.at):
            return self if len(a.at) else other
        order = merges.interleave(a.offsets, a.at, a.tie, b.offsets, b.at, b.tie)
        key = joined(a.with_values(), b.with_values())
        rows = Selected(
            a.offsets + b.offsets,
            np.concatenate((a.at, b.at))[order],
            np.concatenate((a.tie, b.tie))[order],
            Column(Kind.STRING, key.values[order], key.words),
        )
        return _Keyed(rows, np.concatenate((self.begins, other.begins))[order])


def _as_texts(column: Column) -> Column:
    """Another kind's values as words, so that an object may be a number."""
    present, codes = np.unique(column.values, return_inverse=True)
    words = [str(value) for value in present.tolist()]
    return Column(Kind.STRING, np.where(column.values == UNKNOWN, UNKNOWN, codes), words)


def _stand(events: _Keyed, stretch: Stretch) -> Standing:
    """Each key's own function: the latest event decides. An absent key counts as ""."""
    column = events.rows.with_values()
    words, key = column.words, column.values
    if (key == UNKNOWN).any():
        words = [*column.words, ""]
        key = np.where(key == UNKNOWN, words.index(""), key)
    owner = np.repeat(np.arange(len(events.rows.offsets) - 1), np.diff(events.rows.offsets))
    population = populated(owner, key, len(words))
    begins, at = events.begins[population.order], events.rows.at[population.order]
    ranks = np.zeros_like(begins)
    state = Steps.of(folds.latest(population.offsets, at, begins, ranks, stretch.start, stretch.end))
    return Standing(population.owner, population.key, words, mapped(state, state.value == 1))


@dataclass(frozen=True, slots=True)
class Population:
    """Rows regrouped by (owner, key): group g has rows order[offsets[g]:offsets[g+1]], their order kept."""

    offsets: Ints
    owner: Ints
    key: Ints
    order: Ints


def populated(owner: Ints, key: Ints, keys_count: int) -> Population:
    """The groups of rows by owner (ascending) and key (in [0, keys_count)), by owner and key."""
    group = owner * keys_count + key
    order = np.argsort(group, kind="stable")
    group = group[order]
    firsts = np.flatnonzero(np.diff(group, prepend=-1))
    present, offsets = group[firsts], np.append(firsts, len(group)).astype(np.int64)
    return Population(offsets, present // keys_count, present % keys_count, order)


def _any_key(ask: Ask, keys: Standing) -> Steps:
    open_count = folded(keys.truth, keys.owner, ask.count)
    return mapped(open_count, open_count.value > 0)
