"""Ad-hoc SQL over a pinned snapshot, tail included, in a DuckDB of its own that can reach nothing else.

Views: `events` (every event), one a type with its typed properties, `customers` (anchor, customer).
Invariant: reads only; no files, network, extensions or settings; one statement, of a kind that answers.
Cost: columns of the types that the statement names are handed over as they lie, without a copy where
nothing is absent; other types are known by their columns alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from yutang.conditions.vocabulary import NUMBER_SCALE, STATE_EVENTS, EventType, Kind, Vocabulary
from yutang.kernel.errors import InvalidError, LimitError
from yutang.kernel.money import currency_digits
from yutang.timeline.columns import WORDY, column_to_arrow
from yutang.timeline.parquet import to_arrow
from yutang.timeline.people import NO_ANCHOR, People
from yutang.timeline.runs import Run
from yutang.timeline.steps import UNKNOWN
from yutang.timeline.tracks import TimelineState, Track
from yutang.timeline.view import Column

QUERY_TEXT_CHARS_MAX = 65_536
BATCH_ROWS_COUNT = 65_536
MONEY_DIGITS = 18  # of a DECIMAL that holds minor units

EVENTS = "events"
CUSTOMERS = "customers"
HAPPENED_AT = "happened_at"  # `at` is a word of DuckDB's grammar since 2.0
_OWN_OF_VIEWS = ("at", "arrived_at", "id", "feed", "channel", "source", "rest", "seq")
_STATES = {event_type.name: event_type for event_type in STATE_EVENTS}
_ANSWERING = frozenset({duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN})
_WORDS = pa.dictionary(pa.int32(), pa.large_string())


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What one question may take."""

    memory_mb: int = 1_024
    threads_count: int = 2
    answer_s: float = 60.0
    rows_count: int = 1_000_000


def run_sql(
    text: str,
    state: TimelineState,
    people: People,
    vocabulary: Vocabulary,
    customer_ids: Sequence[str] | pa.Array,
    limits: QueryLimits | None = None,
) -> pa.Table:
    """The answer to one SELECT, WITH, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN. customer_ids: in the order of `heads()`.

    Raises InvalidError with DuckDB's message if it can't be answered, LimitError if it takes too much.
    """
    limits = limits or QueryLimits()
    named = _named(text)
    snapshot = Snapshot(state, people, vocabulary, customer_ids)
    with duckdb.connect(":memory:", config={"python_enable_replacements": False}) as connection:
        for name, make in snapshot.views().items():
            connection.register(name, make(name.casefold() in named))
        connection.execute(f"SET memory_limit='{limits.memory_mb}MB'; SET threads={limits.threads_count}")
        connection.execute("SET TimeZone='UTC'; SET temp_directory=''; SET enable_external_access=false")
        connection.execute("SET lock_configuration=true")
        timer = threading.Timer(limits.answer_s, connection.interrupt)
        timer.start()
        try:
            return _collected(connection.sql(text).to_arrow_reader(BATCH_ROWS_COUNT), limits.rows_count)
        except duckdb.InterruptException as error:
            raise _too_much(f"took more than {limits.answer_s:g} s") from error
        except duckdb.OutOfMemoryException as error:
            raise _too_much(f"took more than {limits.memory_mb} MB") from error
        except duckdb.Error as error:
            raise _refused(str(error)) from error
        finally:
            timer.cancel()


def _collected(reader: pa.RecordBatchReader, rows_count_max: int) -> pa.Table:
    """The whole answer, given up as soon as it is too long."""
    batches: list[pa.RecordBatch] = []
    rows = 0
    for batch in reader:
        rows += batch.num_rows
        if rows > rows_count_max:
            raise _too_much(f"has more than {rows_count_max} rows")
        batches.append(batch)
    return pa.Table.from_batches(batches, reader.schema)


def _named(text: str) -> frozenset[str]:
    """The tables that a statement names, folded; raises if it isn't one that answers."""
    if len(text) > QUERY_TEXT_CHARS_MAX:
        raise _refused(f"the text is longer than {QUERY_TEXT_CHARS_MAX} characters")
    with duckdb.connect(":memory:") as connection:
        try:
            statements = connection.extract_statements(text)
            if len(statements) != 1 or statements[0].type not in _ANSWERING:
                raise _refused("only one SELECT, WITH, DESCRIBE, SHOW, SUMMARIZE or EXPLAIN is answered")
            explained = text
            if statements[0].type is duckdb.StatementType.EXPLAIN:
                explained = _without_explain(text)
                inner = connection.extract_statements(explained)
                if len(inner) != 1 or inner[0].type is not duckdb.StatementType.SELECT:
                    raise _refused("only the plan of a SELECT is explained")
            return frozenset(name.casefold() for name in connection.get_table_names(explained))
        except duckdb.Error as error:
            raise _refused(str(error)) from error


def _without_explain(text: str) -> str:
    """The statement inside EXPLAIN [ANALYZE]; comments before it aren't worth supporting."""
    words = text.strip().split(None, 1)
    if len(words) < 2 or words[0].casefold() != "explain":
        raise _refused("an EXPLAIN must begin with this word")
    rest = words[1].strip()
    head, _, tail = rest.partition(" ")
    return tail if head.casefold() == "analyze" else rest


def _refused(message: str) -> InvalidError:
    return InvalidError("query.invalid", message, remedy="DESCRIBE a view or SHOW TABLES says what there is")


def _too_much(what: str) -> LimitError:
    return LimitError("query.too_much", f"the answer {what}", remedy="ask for less: a narrower WHERE, or a LIMIT")


class Snapshot:
    """The views of a pinned state, as Arrow tables."""

    def __init__(
        self, state: TimelineState, people: People, vocabulary: Vocabulary, customer_ids: Sequence[str] | pa.Array
    ) -> None:
        self._state = state
        self._people = people
        self._vocabulary = vocabulary
        self._ids = customer_ids if isinstance(customer_ids, pa.Array) else pa.array(customer_ids, pa.string())
        self._ids = self._ids.cast(pa.large_string())
        self._money = pa.decimal128(MONEY_DIGITS, currency_digits(vocabulary.currency))

    def views(self) -> Mapping[str, Callable[[bool], pa.Table]]:
        """By name, how to make each view; asked with False it has columns but no rows."""
        views: dict[str, Callable[[bool], pa.Table]] = {EVENTS: self._events, CUSTOMERS: self._customers}
        folded = {EVENTS, CUSTOMERS}
        for name in sorted({*self._state.tracks, *self._vocabulary.events}):
            view = name
            while view.casefold() in folded:
                view += "_"
            folded.add(view.casefold())
            views[view] = self._maker(name)
        return views

    def _maker(self, type_name: str) -> Callable[[bool], pa.Table]:
        return lambda filled: self._typed(type_name, filled)

    def _customers(self, filled: bool) -> pa.Table:
        anchors = np.flatnonzero(self._people.head_of != NO_ANCHOR)[: None if filled else 0]
        return pa.table({"anchor": anchors, "customer": self._customer_column(anchors)})

    def _events(self, filled: bool) -> pa.Table:
        schema = pa.schema([("type", _WORDS), *self._own_fields()])
        runs = [(name, run) for name, track in self._state.tracks.items() for run in track.runs] if filled else []
        batches = [pa.record_batch([_constant(name, run.rows), *self._own(run)], schema=schema) for name, run in runs]
        return pa.Table.from_batches(batches, schema)

    def _typed(self, type_name: str, filled: bool) -> pa.Table:
        declared = self._vocabulary.events.get(type_name) or _STATES.get(type_name) or EventType(type_name)
        fields = self._own_fields()
        taken = {name.casefold() for name, _ in fields}
        for declaration in declared.properties:
            name = declaration.name
            while name.casefold() in taken:
                name += "_"
            taken.add(name.casefold())
            fields.append((name, self._arrow_type(declaration.kind)))
        schema = pa.schema(fields)
        runs = self._state.tracks.get(type_name, Track()).runs if filled else ()
        batches = [
            pa.record_batch([*self._own(run), *(self._property(run, p.name, p.kind) for p in declared.properties)],
                            schema=schema)
            for run in runs
        ]  # fmt: skip
        return pa.Table.from_batches(batches, schema)

    def _own_fields(self) -> list[tuple[str, pa.DataType]]:
        types = {"at": pa.timestamp("ms"), "arrived_at": pa.timestamp("ms"), "seq": pa.int64()}
        own = [(name, types.get(name, _WORDS)) for name in _OWN_OF_VIEWS]
        return [(HAPPENED_AT, own[0][1]), ("customer", _WORDS), *own[1:]]

    def _own(self, run: Run) -> list[pa.Array]:
        own = [self._arrow(run.stored(name)) for name in _OWN_OF_VIEWS]
        return [own[0], self._customer_column(run.anchor), *own[1:]]

    def _customer_column(self, anchors: np.ndarray[tuple[int], np.dtype[np.int64]]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(self._people.rank[anchors].astype(np.int32)), self._ids)

    def _property(self, run: Run, name: str, kind: Kind) -> pa.Array:
        # A property called like one of the event's own (`id`) is still in its typed column or in `rest`.
        return self._arrow(run.property_column(name, kind, self._vocabulary.currency))

    def _arrow_type(self, kind: Kind) -> pa.DataType:
        if kind in WORDY:
            return _WORDS
        return {
            Kind.MONEY: self._money,
            Kind.NUMBER: pa.float64(),
            Kind.BOOLEAN: pa.bool_(),
            Kind.INSTANT: pa.timestamp("ms"),
            Kind.DATE: pa.date32(),
        }.get(kind, pa.int64())

    def _arrow(self, column: Column) -> pa.Array:
        """A column in the units that people read."""
        if column.kind in WORDY:
            return column_to_arrow(column)
        if column.kind is Kind.NUMBER:
            absent = column.values == UNKNOWN
            return pa.array(column.values / NUMBER_SCALE, mask=absent)
        array = to_arrow(column)
        if column.kind is Kind.MONEY:
            return _decimals(array, self._money)
        if column.kind in (Kind.INSTANT, Kind.DATE):
            array = array.cast(pa.timestamp("ms"))
            return array.cast(pa.date32()) if column.kind is Kind.DATE else array
        return array


def _constant(word: str, rows: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([word], pa.large_string()))


def _decimals(minor: pa.Array, decimal: pa.DataType) -> pa.Array:
    """Minor units as decimals of major ones: the same 128-bit integers, read with a point."""
    low = minor.fill_null(0).to_numpy(zero_copy_only=False)
    wide = np.empty((len(low), 2), np.int64)
    wide[:, 0] = low
    wide[:, 1] = low >> 63
    absent = minor.is_null().to_numpy(zero_copy_only=False) if minor.null_count else None
    validity = None if absent is None else pa.py_buffer(np.packbits(~absent, bitorder="little"))
    return pa.Array.from_buffers(decimal, len(low), [validity, pa.py_buffer(wide)])
