"""Runs: immutable blocks of rows of one event type, sorted by (anchor, at, tie), column by column.

Owns how a property is read: from its typed column where the row's type declared it on arrival, else out
of `rest`, the JSON of what wasn't declared or didn't fit. So what a reader sees depends on the catalogue
of today alone, never on when a run was written or which runs were merged. Columns of files are mapped on first use,
not copied, and what is derived from them is kept where they are (`cache`); a run in memory keeps its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np

from yutang.conditions.vocabulary import Kind
from yutang.timeline.columns import (
    WORDY,
    absent_column,
    column_from_strings,
    recoded,
    taken,
    united,
)
from yutang.timeline.kernels.gather import index_of, ranges_of
from yutang.timeline.ordering import merge_order
from yutang.timeline.steps import UNKNOWN, Ints
from yutang.timeline.values import Value, engine_value, json_text, sent_form
from yutang.timeline.view import Column

SPILLED_NAMES_COUNT_MAX = 1_000  # names in `rest` that a run lists; with more, it says "any"
# A run is indexed by anchor once so many are asked for together; for fewer it is searched.
INDEXED_ANCHORS_COUNT_MIN = 64

# Keys of what is derived from the columns of a run.
INDEX = "#index"
ANCHORS = "#anchors"
READ_PREFIX = "#read "

# What every event has, by the name conditions know; the rest is `.property`.
OWN: Mapping[str, Kind] = {
    "anchor": Kind.INTEGER,
    "at": Kind.INSTANT,
    "tie": Kind.INTEGER,
    "seq": Kind.INTEGER,
    "arrived_at": Kind.INSTANT,
    "content": Kind.INTEGER,
    "id": Kind.STRING,
    "feed": Kind.STRING,
    "channel": Kind.STRING,
    "source": Kind.STRING,
    "rest": Kind.STRING,
}
KEYS = ("anchor", "at", "tie")


def property_key(name: str) -> str:
    """The key of a declared property's column, apart from the event's own."""
    return f".{name}"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run without reading it.

    kinds: of its typed columns. spilled: the names that occur in `rest`, None if too many to list.
    arrived_ms_max: its newest arrival.
    """

    type: str
    rows: int
    system: bool
    kinds: Mapping[str, Kind]
    spilled: frozenset[str] | None
    arrived_ms_max: int

    def spills(self, name: str) -> bool:
        """Whether `rest` may hold the property."""
        return self.spilled is None or name in self.spilled


@dataclass(frozen=True, eq=False)
class Run:
    """Rows of one type. load: reads a stored column by its key (`at`, `.amount`). file: "" in memory.

    shelf: the file with its checksum: what tells these rows from all others.
    keep: gives what is derived from the columns, by a key of its own, made at need; None: kept here.
    once: as load, for who won't ask again: nothing is kept for it.
    """

    facts: RunFacts
    load: Callable[[str], Column]
    file: str = ""
    shelf: str = ""
    keep: Callable[[str, Kind, Callable[[], Column]], Column] | None = None
    once: Callable[[str], Column] | None = None
    _derived: dict[str, Column] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        return self.facts.rows

    def stored(self, key: str) -> Column:
        """A column as it lies there."""
        return self.load(key)

    def derived(self, key: str, kind: Kind, make: Callable[[], Column]) -> Column:
        """What follows from the columns alone; INDEX and the like."""
        if self.keep is not None:
            return self.keep(key, kind, make)
        column = self._derived.get(key)
        if column is None:
            column = self._derived[key] = make()
        return column

    @property
    def anchor(self) -> Ints:
        return self.stored("anchor").values

    @property
    def at(self) -> Ints:
        return self.stored("at").values

    @property
    def tie(self) -> Ints:
        return self.stored("tie").values

    def column(self, name: str, kind: Kind, currency: str) -> Column:
        """A property read as a kind; an event's own column by its name. UNKNOWN where absent or unfit."""
        return self.stored(name) if name in OWN else self.property_column(name, kind, currency)

    def column_once(self, name: str, kind: Kind, currency: str) -> Column:
        """As `column`, for who won't ask again."""
        if self.once is not None and self.plain(name, kind):
            return self.once(name if name in OWN else property_key(name))
        return self.column(name, kind, currency)

    def property_column(self, name: str, kind: Kind, currency: str) -> Column:
        """As `column`, for a property even if it is called like one of the event's own."""
        written = self.facts.kinds.get(name)
        if written is kind and not self.facts.spills(name):
            return self.stored(property_key(name))
        if written is None and not self.facts.spills(name):
            return absent_column(kind, self.rows)
        key = f"{READ_PREFIX}{kind.value} {currency} {name}"
        return self.derived(key, kind, lambda: self._reading(name, kind, written, currency))

    def plain(self, name: str, kind: Kind) -> bool:
        """Whether a property read as a kind is a stored column."""
        return name in OWN or (self.facts.kinds.get(name) is kind and not self.facts.spills(name))

    def knows(self, name: str) -> bool:
        """Whether any row may have the property."""
        return name in OWN or name in self.facts.kinds or self.facts.spills(name)

    def _reading(self, name: str, kind: Kind, written: Kind | None, currency: str) -> Column:
        column = None
        if written is not None:
            column = self.stored(property_key(name))
            column = column if written is kind else converted(column, kind, currency)
        if self.facts.spills(name):
            column = _filled(column, _from_rest(self.stored("rest"), name, kind, currency))
        return absent_column(kind, self.rows) if column is None else column

    def ranges(self, anchors: Ints) -> tuple[Ints, Ints]:
        """(low, high): the rows of each anchor."""
        if len(anchors) < INDEXED_ANCHORS_COUNT_MIN:
            mine = self.anchor
            return np.searchsorted(mine, anchors), np.searchsorted(mine, anchors, side="right")
        return ranges_of(*self.index, anchors)

    @property
    def index(self) -> tuple[Ints, Ints, Ints]:
        """(bits, ranks, starts): see `kernels.gather`."""
        packed = self.packed_index
        words = int(packed[0])
        return packed[1 : 1 + words], packed[1 + words : 1 + 2 * words], packed[1 + 2 * words :]

    @property
    def packed_index(self) -> Ints:
        """The number of words, then `index`, one part after the other."""
        return self.derived(INDEX, Kind.INTEGER, lambda: Column(Kind.INTEGER, _packed(index_of(self.anchor)))).values

    @property
    def anchors(self) -> Ints:
        """The anchors that have rows, ascending, each once."""
        return self.derived(ANCHORS, Kind.INTEGER, lambda: Column(Kind.INTEGER, distinct(self.anchor))).values


def _packed(index: tuple[Ints, Ints, Ints]) -> Ints:
    return np.concatenate((np.array([len(index[0])], np.int64), *index))


def distinct(ascending: Ints) -> Ints:
    """The values of a sorted column, each once."""
    begins = np.ones(len(ascending), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=begins[1:])
    return ascending[begins]


def memory_run(facts: RunFacts, columns: Mapping[str, Column]) -> Run:
    """A run whose columns are all in memory."""
    kept = dict(columns)
    return Run(facts, kept.__getitem__)


def column_from_values(values: Sequence[Value], kind: Kind) -> Column:
    """A column of single values: words, or engine units."""
    if kind in WORDY:
        return column_from_strings([value if isinstance(value, str) else None for value in values], kind)
    ints = [value if isinstance(value, int) else UNKNOWN for value in values]
    return Column(kind, np.array(ints, np.int64))


def _spread(distinct: Column, codes: Ints) -> Column:
    """A column given by its distinct values and the place of each row in them (< 0: absent)."""
    return Column(distinct.kind, recoded(codes, distinct.values), distinct.words)


def converted(column: Column, kind: Kind, currency: str) -> Column:
    """A column read as another kind, as if its values had just been sent."""
    if column.kind in WORDY:
        sent: list[Any] = [sent_form(word, column.kind, currency) for word in column.words]
        codes = column.values
    else:
        distinct, codes = np.unique(column.values, return_inverse=True)
        sent = [None if v == UNKNOWN else sent_form(v, column.kind, currency) for v in distinct.tolist()]
    return _spread(column_from_values([engine_value(value, kind, currency) for value in sent], kind), codes)


def _from_rest(rest: Column, name: str, kind: Kind, currency: str) -> Column:
    """A property out of the JSON texts of `rest`, each distinct text read once."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    values = [engine_value(decode(text).get(name), kind, currency) for text in rest.words]
    return _spread(column_from_values(values, kind), rest.values)


def _filled(column: Column | None, spilled: Column) -> Column:
    """The column, and where it knows nothing, the spilled one."""
    if column is None:
        return spilled
    if column.kind not in WORDY:
        return Column(column.kind, np.where(column.values == UNKNOWN, spilled.values, column.values))
    both = united((column, spilled))
    mine, other = both.values[: len(column.values)], both.values[len(column.values) :]
    return Column(column.kind, np.where(mine < 0, other, mine), both.words)


def demoted(run: Run, names: Sequence[str], currency: str) -> Run:
    """The run with some typed columns moved into `rest`, so that another kind may take their names."""
    if not names:
        return run
    rest = run.stored("rest")
    texts = [rest.words[code] if code >= 0 else "{}" for code in rest.values.tolist()]
    documents = [msgspec.json.decode(text, type=dict[str, Any]) for text in texts]
    for name in names:
        column = run.stored(property_key(name))
        words = list(column.words)
        for document, value in zip(documents, column.values.tolist(), strict=True):
            if value != UNKNOWN:
                document[name] = sent_form(words[value] if words else value, column.kind, currency)
    kinds = {name: kind for name, kind in run.facts.kinds.items() if name not in names}
    spilled = None if run.facts.spilled is None else run.facts.spilled | frozenset(names)
    columns = {key: run.stored(key) for key in (*OWN, *map(property_key, kinds))}
    columns["rest"] = column_from_strings([json_text(document) if document else None for document in documents])
    return memory_run(replace(run.facts, kinds=kinds, spilled=spilled), columns)


def merged(runs: Sequence[Run], currency: str) -> Run:
    """One run with the rows of several of a type; where they disagree on a kind, the last one's is kept."""
    facts = merged_facts([run.facts for run in runs])
    kinds = facts.kinds
    runs = [demoted(run, [n for n, k in run.facts.kinds.items() if kinds[n] is not k], currency) for run in runs]
    keys = {key: united([run.stored(key) for run in runs]) for key in KEYS}
    order = merge_order(*(keys[key].values for key in KEYS))
    columns = {key: taken(column, order) for key, column in keys.items()}
    for key in OWN:
        if key not in keys:
            columns[key] = taken(united([run.stored(key) for run in runs]), order)
    for name, kind in kinds.items():
        parts = [
            run.stored(property_key(name)) if name in run.facts.kinds else absent_column(kind, run.rows) for run in runs
        ]
        columns[property_key(name)] = taken(united(parts), order)
    return memory_run(facts, columns)


def merged_facts(parts: Sequence[RunFacts]) -> RunFacts:
    """What will be known of the run that `merged` makes; the last one's kinds are kept."""
    kinds = {name: kind for facts in parts for name, kind in facts.kinds.items()}
    moved = [frozenset(name for name, kind in facts.kinds.items() if kinds[name] is not kind) for facts in parts]
    return RunFacts(
        parts[-1].type,
        sum(facts.rows for facts in parts),
        parts[-1].system,
        kinds,
        _union([*(facts.spilled for facts in parts), *moved]),
        max(facts.arrived_ms_max for facts in parts),
    )


def _union(names: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    """All the names, None (any) if one says so or if they are too many to list."""
    union: frozenset[str] = frozenset()
    for part in names:
        if part is None:
            return None
        union |= part
    return union if len(union) <= SPILLED_NAMES_COUNT_MAX else None
