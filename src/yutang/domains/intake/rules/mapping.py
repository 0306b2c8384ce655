"""A mapping file against the file's columns: every cell resolved, every name judged, before any row is read.

Invariant: what `resolve` returns names only columns that exist and options that fit together; whatever is
wrong is an InvalidError whose `where` is the path in the mapping (`events[0].properties.amount`).
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from difflib import get_close_matches

from yutang.conditions.lookups import suggestion
from yutang.conditions.vocabulary import RECORD_SET, TRAIT_SET
from yutang.domains.intake.contracts import Cell, EventMapping, FileMapping, Match, RecordMapping, TraitMapping
from yutang.domains.intake.rules.cells import DECIMALS_MAX, ColumnType, Reading
from yutang.domains.intake.rules.values import name_value
from yutang.kernel.errors import InvalidError
from yutang.kernel.limits import BLOB_EVENTS_COUNT_MAX, EVENT_PROPERTIES_COUNT_MAX

SPECS_COUNT_MAX = 256  # events, traits and records that one row may make
_REFERENCE = re.compile(r"\{([^{}]+)\}")
_FORMATS = frozenset({"epoch_s", "epoch_ms"})


@dataclass(frozen=True, slots=True)
class Shape:
    """What a file offers. columns: with those of lookups as `lookup.column`. open: JSON, any name may occur."""

    columns: Mapping[str, ColumnType]
    open: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A resolved cell. column "": the constant. fold: `sum` or `count` over the rows of a group, else ""."""

    column: str = ""
    constant: object | None = None
    fold: str = ""
    reading: Reading = field(default_factory=lambda: Reading(ColumnType.MIXED, "UTC"))


@dataclass(frozen=True, slots=True)
class Spec:
    """One kind of event that rows make. id: texts and Sources by turns; empty: made from content and row.

    optional: the property without which a row makes no event ("": every row makes one). currency: of the row's
    amounts, if it says. each: the list whose elements are the rows ("": the records themselves).
    """

    where: str
    type: Source
    at: Source
    id: tuple[str | Source, ...]
    one_per: tuple[Source, ...]
    when: tuple[tuple[Source, Match], ...]
    identities: tuple[tuple[str, Source], ...]
    properties: tuple[tuple[str, Source], ...]
    channel: Source
    source: Source
    optional: str = ""
    currency: Source = field(default_factory=Source)
    each: str = ""

    def sources(self) -> tuple[Source, ...]:
        """Every cell of it."""
        templates = tuple(part for part in self.id if isinstance(part, Source))
        pairs = (*(s for s, _ in self.when), *(s for _, s in self.identities), *(s for _, s in self.properties))
        return (self.type, self.at, *templates, *self.one_per, *pairs, self.channel, self.source, self.currency)


def resolve(
    mapping: FileMapping, shape: Shape, zone: str, currency: str, *, payloads: bool = False
) -> tuple[Spec, ...]:
    """The specs of a mapping. zone, currency: the pool's. payloads: `each` may stand in it. Raises InvalidError."""
    specs = _Resolver(mapping, shape, zone, currency).specs()
    placed = next((spec for spec in specs if spec.each), None)
    if placed is not None and not payloads:
        raise InvalidError(
            "mapping.each", "`each` is for the payloads of webhooks", where=f"{placed.where}.each",
            remedy="write a row for each element into the file",
        )  # fmt: skip
    return specs


def resolve_conditions(
    mapping: FileMapping, shape: Shape, zone: str, currency: str, given: Sequence[Mapping[str, str | Match]], where: str
) -> tuple[tuple[tuple[Source, Match], ...], ...]:
    """Conditions like an entry's `when`, one of several. Raises InvalidError."""
    resolver = _Resolver(mapping, shape, zone, currency)
    return tuple(resolver.when(when, f"{where}[{i}]") for i, when in enumerate(given))


def rows_a_part(specs: tuple[Spec, ...], events_max: int) -> int:
    """How many rows make one blob: as many as can't exceed the events that are handed over at a time."""
    return max(1, min(events_max, BLOB_EVENTS_COUNT_MAX) // max(1, len(specs)))


def columns_used(specs: tuple[Spec, ...]) -> frozenset[str]:
    """The columns that the specs read, lookups' included."""
    return frozenset(source.column for spec in specs for source in spec.sources() if source.column)


class _Resolver:
    def __init__(self, mapping: FileMapping, shape: Shape, zone: str, currency: str) -> None:
        self._mapping = mapping
        self._shape = shape
        self._zone = mapping.zone or zone
        if self._zone not in zoneinfo.available_timezones():
            close = get_close_matches(self._zone, sorted(zoneinfo.available_timezones()), n=1)
            raise InvalidError(
                "mapping.zone", f"there is no time zone {self._zone!r}", where="zone",
                remedy=f"did you mean {close[0]}?" if close else "use an IANA name such as Asia/Shanghai",
            )  # fmt: skip
        if mapping.currency and mapping.currency != currency:
            raise InvalidError(
                "mapping.currency", f"the amounts are in {mapping.currency}, the pool counts in {currency}",
                where="currency",
                remedy=f"convert them to {currency}: there is no dated rate table for {mapping.currency}",
            )  # fmt: skip
        _named(mapping.feed, "feed")

    def specs(self) -> tuple[Spec, ...]:
        mapping = self._mapping
        specs = [self._event(event, f"events[{i}]") for i, event in enumerate(mapping.events)]
        for i, trait in enumerate(mapping.traits):
            specs += self._traits(trait, f"traits[{i}]")
        for i, record in enumerate(mapping.records):
            specs += self._records(record, f"records[{i}]")
        if not specs:
            raise InvalidError(
                "mapping.empty", "the mapping makes nothing", remedy="add `events`, `traits` or `records`"
            )
        if len(specs) > SPECS_COUNT_MAX:
            raise InvalidError(
                "mapping.too_many", f"a row would make up to {len(specs)} events, {SPECS_COUNT_MAX} is the most",
                remedy="split the mapping",
            )  # fmt: skip
        return tuple(specs)

    def _event(self, event: EventMapping, where: str) -> Spec:
        keys = (event.one_per,) if isinstance(event.one_per, str) else event.one_per
        if len(event.properties) > EVENT_PROPERTIES_COUNT_MAX:
            raise InvalidError(
                "mapping.too_many", f"{len(event.properties)} properties are more than {EVENT_PROPERTIES_COUNT_MAX}",
                where=f"{where}.properties", remedy="map fewer",
            )  # fmt: skip
        grouped = bool(keys)
        return Spec(
            where,
            self._word(event.type, f"{where}.type"),
            self._cell(event.at, f"{where}.at", grouped),
            self._template(event.id, f"{where}.id"),
            tuple(self._column(key, f"{where}.one_per") for key in keys),
            self.when(event.when, f"{where}.when"),
            self._identities(event.identities, where, grouped),
            tuple(
                (_named(name, f"{where}.properties"), self._cell(cell, f"{where}.properties.{name}", grouped))
                for name, cell in event.properties.items()
            ),
            self._word(event.channel, f"{where}.channel"),
            self._word(event.source, f"{where}.source"),
            currency=self._word(event.currency, f"{where}.currency"),
            each=event.each,
        )

    def _traits(self, trait: TraitMapping, where: str) -> list[Spec]:
        specs = []
        for name, cell in trait.set.items():
            place = f"{where}.set.{name}"
            named = Source(constant=_named(name, place))
            specs.append(self._state(trait, where, TRAIT_SET, (("trait", named), ("value", self._cell(cell, place)))))
        return specs

    def _records(self, record: RecordMapping, where: str) -> list[Spec]:
        about = ("kind", Source(constant=_named(record.kind, f"{where}.kind")))
        which = ("record", self._cell(record.record, f"{where}.record"))
        specs = []
        for name, cell in record.set.items():
            place = f"{where}.set.{name}"
            named = ("trait", Source(constant=_named(name, place)))
            properties = (about, which, named, ("value", self._cell(cell, place)))
            specs.append(self._state(record, where, RECORD_SET, properties))
        return specs

    def _state(
        self, mapped: TraitMapping | RecordMapping, where: str, name: str, properties: tuple[tuple[str, Source], ...]
    ) -> Spec:
        return Spec(
            where,
            Source(constant=name),
            self._cell(mapped.at, f"{where}.at"),
            (),
            (),
            self.when(mapped.when, f"{where}.when"),
            self._identities(mapped.identities, where, False),
            properties,
            Source(),
            self._word(mapped.source, f"{where}.source"),
            optional="value",
            each=mapped.each,
        )

    def _identities(self, own: Mapping[str, str | Cell], where: str, grouped: bool) -> tuple[tuple[str, Source], ...]:
        place = f"{where}.identities" if own else "identities"
        cells = own or self._mapping.identities
        if not cells:
            raise InvalidError(
                "mapping.no_identities", "nothing says who the rows are about", where=f"{where}.identities",
                remedy="add identities: {member_no: COLUMN}, here or for the whole file",
            )  # fmt: skip
        return tuple((key, self._cell(cell, f"{place}.{key}", grouped)) for key, cell in cells.items())

    def when(self, when: Mapping[str, str | Match], where: str) -> tuple[tuple[Source, Match], ...]:
        """The cells of a condition, each with what its text must be."""
        result = []
        for column, given in when.items():
            match = Match(equals=given) if isinstance(given, str) else given
            set_fields = [match.equals, match.one_of, match.differs, match.filled]
            if sum(value is not None for value in set_fields) != 1:
                raise InvalidError(
                    "mapping.when", "a condition has exactly one of equals, one_of, differs, filled",
                    where=f"{where}.{column}", remedy='write COLUMN: "text", or COLUMN: {filled: true}',
                )  # fmt: skip
            result.append((self._column(column, where), match))
        return tuple(result)

    def _template(self, template: str, where: str) -> tuple[str | Source, ...]:
        parts: list[str | Source] = []
        for number, part in enumerate(_REFERENCE.split(template)):
            if number % 2:
                parts.append(self._column(part, where))
            elif part:
                parts.append(part)
        if template and not any(isinstance(part, Source) for part in parts):
            raise InvalidError(
                "mapping.id", "an id that names no column would be the same for every row", where=where,
                remedy='write "order-{order_no}"',
            )  # fmt: skip
        return tuple(parts)

    def _word(self, given: str | Cell, where: str) -> Source:
        """Where a plain text is a constant: type, channel, source."""
        return Source(constant=given or None) if isinstance(given, str) else self._cell(given, where)

    def _cell(self, given: str | Cell, where: str, grouped: bool = False) -> Source:
        """Where a plain text is a column."""
        cell = Cell(column=given) if isinstance(given, str) else given
        chosen = [n for n in ("column", "sum", "first") if getattr(cell, n)]
        chosen += ["value"] if cell.value is not None else []
        chosen += ["count"] if cell.count else []
        if len(chosen) != 1:
            raise InvalidError(
                "mapping.cell", "a value comes from exactly one of column, value, sum, count, first", where=where,
                remedy="write COLUMN, {value: …} or {sum: COLUMN}",
            )  # fmt: skip
        (kind,) = chosen
        if kind in ("sum", "count", "first") and not grouped:
            raise InvalidError(
                "mapping.not_grouped", f"{kind} needs `one_per`", where=where,
                remedy="add one_per: COLUMN, whose rows make one event",
            )  # fmt: skip
        self._judge_options(cell, where)
        if kind == "value":
            return Source(constant=cell.value)
        if kind == "count":
            return Source(fold="count", reading=Reading(ColumnType.NUMBER, self._zone))
        source = self._column(cell.sum or cell.first or cell.column, where, cell)
        return replace(source, fold="sum") if kind == "sum" else source

    def _judge_options(self, cell: Cell, where: str) -> None:
        if cell.decimals is not None and not 0 <= cell.decimals <= DECIMALS_MAX:
            raise InvalidError(
                "mapping.decimals", f"decimals lie between 0 and {DECIMALS_MAX}", where=where, remedy="mend the number"
            )
        if cell.format and cell.format not in _FORMATS and not _is_layout(cell.format):
            raise InvalidError(
                "mapping.format", f"{cell.format!r} isn't a layout of times", where=where,
                remedy="write it like %Y/%m/%d %H:%M, or epoch_s, or epoch_ms",
            )  # fmt: skip

    def _column(self, name: str, where: str, cell: Cell | None = None) -> Source:
        kind = self._shape.columns.get(name)
        if kind is None:
            if not self._shape.open:
                raise InvalidError(
                    "mapping.unknown_column", f"the file has no column {name!r}", where=where,
                    remedy=suggestion(name, self._shape.columns) or "see its header",
                )  # fmt: skip
            kind = ColumnType.MIXED
        if kind is ColumnType.OTHER:
            raise InvalidError(
                "mapping.column_type",
                f"the column {name!r} holds structures, bytes, times of day or durations", where=where,
                remedy="flatten it in the file, or write it as text, a number or an instant",
            )  # fmt: skip
        return Source(column=name, reading=Reading(kind, self._zone, cell or Cell()))


def _is_layout(text: str) -> bool:
    """Whether strptime knows what each `%` in it stands for."""
    if "%" not in text:
        return False
    try:
        datetime.strptime("", text)
    except ValueError as error:
        return "bad directive" not in str(error) and "stray %" not in str(error)
    except re.error:
        return False
    return True


def _named(name: str, where: str) -> str:
    try:
        name_value(name)
    except InvalidError as error:
        error.where = where
        raise
    return name
