"""Rows of a file into events, by a resolved mapping.

There is one definition of an acceptable event, `Checker.check`. Rows without anything unusual are made
column by column: each distinct cell is read and converted once (by the same readers and converters) and
remembered. A row in which any cell fails, is empty where it mustn't be, or is long, goes through the
checker as a whole, which decides and names the reason. So both ways give the same (tests/properties).
Invariant: the same rows give the same events, whatever part of the file they are read with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from yutang.conditions.vocabulary import TRAIT_SET, Kind
from yutang.domains.intake.contracts import MEMO_ENTRIES_COUNT_MAX, Match, Problem
from yutang.domains.intake.rules.cells import CellReader, ColumnType, natural_kind, reader, text_of
from yutang.domains.intake.rules.checker import Checker
from yutang.domains.intake.rules.columns import Columns, Frame, Made, Memo, Picked, id_part, row_id
from yutang.domains.intake.rules.groups import Groups, GroupScan, Summed, key_text
from yutang.domains.intake.rules.mapping import Source, Spec
from yutang.domains.intake.rules.plans import Plan
from yutang.kernel.errors import InvalidError

# What is wrong with the key of an identity, whatever its value.
_HOPELESS_KEYS = frozenset({"identity.key", "identity.kind_unknown", "identity.scope_unexpected"})


class RowMaker:
    """Makes the events of a file. feed-wide state (unknown names, made ids) is the checker's."""

    def __init__(self, specs: Sequence[Spec], checker: Checker) -> None:
        self._checker = checker
        self._makers = [_SpecMaker(spec, checker) for spec in specs]

    @property
    def grouped(self) -> bool:
        """Whether the file must be scanned before events are made of it."""
        return any(maker.spec.one_per for maker in self._makers)

    def scan(self, frame: Frame) -> None:
        """Take note of the groups in the next rows."""
        for maker in self._makers:
            maker.scan(frame)

    def finish_scan(self) -> None:
        """All rows were scanned."""
        for maker in self._makers:
            maker.finish_scan()

    def scan_columns(self) -> frozenset[str]:
        """The columns that a scan reads."""
        return frozenset(s.column for m in self._makers if m.spec.one_per for s in m.spec.sources() if s.column)

    def make(self, frame: Frame) -> Made:
        """The events of some rows, spec by spec, each in order of rows."""
        made = Made()
        for maker in self._makers:
            maker.make(frame, made)
        return made


class _SpecMaker:
    """Makes the events of one spec. Types with what a column-wise way can't do go row by row."""

    def __init__(self, spec: Spec, checker: Checker) -> None:
        self.spec = spec
        self._checker = checker
        self._used = tuple(dict.fromkeys(s.column for s in spec.sources() if s.column))
        self._columnar: dict[str, Columns] = {}
        self._kinds: dict[tuple[str, str], Kind | None] = {}
        self._readers: dict[tuple[int, Kind | None], CellReader] = {}
        plain = not spec.optional and spec.currency == Source()
        self._by_columns = plain and not any(
            s.reading.column_type in (ColumnType.MIXED, ColumnType.LIST) for s in spec.sources() if s.column
        )
        self._types = Memo(lambda cell: text_of(spec.type.reading, cell) or None)
        self._whens = [(s, Memo(matcher(s, match))) for s, match in spec.when]
        self._keys = [(s, Memo(lambda cell, s=s: text_of(s.reading, cell) or None)) for s in spec.one_per]  # type: ignore[misc]
        self._judge_heads()
        if isinstance(spec.type.constant, str) and not spec.optional:
            self._judge_constants(checker.plan(spec.type.constant))
        self._summed = _summed(spec, checker) if spec.one_per else ()
        self._unit_memos: dict[str, Memo] = {}
        self._scan = GroupScan(self._summed)
        self._groups = Groups()

    def _judge_heads(self) -> None:
        """Refuse an instant, or a kind of identity, that no row could mend."""
        try:
            if self.spec.at.constant is not None:
                self._checker.instant(self.spec.at.constant)
            for key, _ in self.spec.identities:
                self._checker.identities({key: "1"})
        except InvalidError as error:
            if error.where == "at" or error.code in _HOPELESS_KEYS:
                error.where = f"{self.spec.where}.{error.where}"
                raise

    def _judge_constants(self, plan: Plan) -> None:
        """Refuse a mapping whose constants and names no row could mend."""
        for name, source in self.spec.properties:
            try:
                convert = self._checker.converter(plan, name)
                if source.constant is not None:
                    convert(source.constant)
            except InvalidError as error:
                error.where = f"{self.spec.where}.properties.{name}"
                raise

    # ── groups ──────────────────────────────────────────────────────────────────────────────────

    def scan(self, frame: Frame) -> None:
        if not self.spec.one_per:
            return
        picked = self._pick(frame)
        keys = self._key_texts(picked)
        keyed = [i for i, key in enumerate(keys) if key]
        if len(keyed) < len(keys):
            picked, keys = picked.part(keyed), [keys[i] for i in keyed]
        self._scan.add(picked.rows, keys, {s.name: self._units(picked, s) for s in self._summed})

    def _key_texts(self, picked: Picked) -> list[str]:
        """The key of each row, "" where any part of it is empty or unreadable."""
        parts = [memo.all(picked.cells(source), source) for source, memo in self._keys]
        if len(parts) == 1:
            return [key if type(key) is str else "" for key in parts[0]]
        return [
            key_text(several) if all(type(part) is str for part in several) else ""
            for several in zip(*parts, strict=True)
        ]

    def _refuse_keyless(self, picked: Picked, made: Made) -> None:
        names = " and ".join(source.column for source in self.spec.one_per)
        for row, key in zip(picked.rows, self._key_texts(picked), strict=True):
            if not key:
                made.problems.append(
                    Problem(
                        row, "row.no_key", f"{self.spec.where}.one_per", f"{names} is empty, so the row has no group",
                        "mend the row, or leave such rows out with `when`",
                    )
                )  # fmt: skip

    def finish_scan(self) -> None:
        if self.spec.one_per:
            self._groups = self._scan.finish()

    def _units(self, picked: Picked, summed: Summed) -> list[int | InvalidError | None]:
        source = dict(self.spec.properties)[summed.name]
        read = reader(source.reading, summed.kind)
        convert = self._checker.kind_converter(summed.kind)

        def units(cell: object) -> object:
            try:
                value = read(cell)
                return None if value is None else summed.units(convert(value))
            except InvalidError as error:
                return error

        memo = self._unit_memos.setdefault(summed.name, Memo(units))
        return memo.all(picked.cells(Source(source.column, reading=source.reading)), source)

    def _pick(self, frame: Frame) -> Picked:
        if not self._whens:
            return Picked(frame, None, frame.rows)
        matches = [memo.all(frame.column(source.column), source) for source, memo in self._whens]
        places = [i for i, oks in enumerate(zip(*matches, strict=True)) if all(ok is True for ok in oks)]
        return Picked(frame, places, [frame.rows[i] for i in places])

    def _leaders(self, frame: Frame) -> Picked:
        """The first rows of groups, with the groups' sums."""
        if not frame.rows:
            return Picked(frame, [], [])
        groups = self._groups
        found = groups.between(frame.rows[0], frame.rows[-1] + 1)
        rows = [groups.first_rows[g] for g in found]
        if isinstance(frame.rows, range):
            places = [row - frame.rows.start for row in rows]
        else:
            place_of = {row: i for i, row in enumerate(frame.rows)}
            places = [place_of[row] for row in rows]
        folds: dict[str, Sequence[object]] = {}
        totals = {s.name: s for s in self._summed}
        for name, source in self.spec.properties:
            if source.fold == "count":
                folds[name] = [groups.counts[g] for g in found]
            elif source.fold == "sum":
                units = [groups.sums[name][g] for g in found]
                folds[name] = [None if u is None else totals[name].total(u) for u in units]
        spoilt = {
            i: f"row {row + 1}: {groups.reasons.get(row, 'its amount is unreadable')}"
            for i, row in ((i, groups.spoilt[g]) for i, g in enumerate(found))
            if row is not None
        }
        return Picked(frame, places, rows, folds, spoilt)

    # ── events ──────────────────────────────────────────────────────────────────────────────────

    def make(self, frame: Frame, made: Made) -> None:
        if self.spec.one_per:
            self._refuse_keyless(self._pick(frame), made)
            picked = self._leaders(frame)
        else:
            picked = self._pick(frame)
        if not picked.rows:
            return
        if not self._by_columns:
            self._by_rows(picked, range(len(picked.rows)), made)
            return
        for type_name, part in self._by_type(picked):
            columns = self._columns_of(type_name)
            rest = columns.make(part, made) if columns else range(len(part.rows))
            if rest:
                self._by_rows(part, rest, made)

    def _by_type(self, picked: Picked) -> Iterator[tuple[str, Picked]]:
        if isinstance(self.spec.type.constant, str):
            yield self.spec.type.constant, picked
            return
        places: dict[str, list[int]] = {}
        for i, name in enumerate(self._types.all(picked.cells(self.spec.type), self.spec.type)):
            places.setdefault(name if isinstance(name, str) else "", []).append(i)
        for name, chosen in places.items():
            yield name, picked.part(chosen)

    def _columns_of(self, type_name: str) -> Columns | None:
        """The column-wise way for a type; None: the checker must see its rows."""
        known = self._columnar.get(type_name)
        if known is None:
            try:
                known = Columns(self.spec, self._checker.plan(type_name), self._checker, self._used)
            except InvalidError:
                return None
            self._columnar[type_name] = known
        return known if known.possible else None

    def _by_rows(self, picked: Picked, places: Sequence[int], made: Made) -> None:
        part = picked.part(places)
        lists = {id(s): part.cells(s, name) for name, s in self._named_sources()}
        for i, row in enumerate(part.rows):
            if i in part.spoilt:
                made.problems.append(
                    Problem(row, "row.group", self.spec.where, part.spoilt[i], "mend that row; its group is left out")
                )
                continue
            try:
                raw = self._raw(lambda s, i=i: lists[id(s)][i] if id(s) in lists else s.constant)  # type: ignore[misc]
            except InvalidError as error:
                made.problems.append(Problem(row, error.code, error.where, error.message, error.remedy))
                continue
            if raw is None:
                continue
            if "id" not in raw:
                cells = [part.frame.column(c)[i if part.at is None else part.at[i]] for c in self._used]
                raw["id"] = row_id(self.spec.where, raw.get("type"), row, cells)
            judged = self._checker.check(row, raw)
            if isinstance(judged, Problem):
                made.problems.append(judged)
            else:
                made.events.append((row, judged))
                self._checker.ids_made += not self.spec.id

    def _named_sources(self) -> list[tuple[str, Source]]:
        """Every cell that isn't a constant; sums and counts with the property that they are for."""
        plain = [("", source) for source in self.spec.sources() if source.column and not source.fold]
        return plain + [(name, source) for name, source in self.spec.properties if source.fold]

    def _raw(self, cell: Callable[[Source], object]) -> dict[str, object] | None:
        """The event as a sender would have sent it; None: the row makes none. Raises InvalidError."""
        spec = self.spec

        def read(source: Source, kind: Kind | None, where: str) -> object:
            if not source.column and not source.fold:
                return source.constant
            try:
                return self._reader(source, kind)(cell(source))
            except InvalidError as error:
                error.where = where
                raise

        raw: dict[str, object] = {"type": read(spec.type, Kind.STRING, "type")}
        properties: dict[str, object] = {}
        for name, source in spec.properties:
            kind = self._kind(raw["type"], name, source, properties)
            value = read(source, kind, f"properties.{name}")
            if value is None:
                if name == spec.optional:
                    return None
                continue
            properties[name] = value
        raw["properties"] = properties
        at = spec.at.constant if not spec.at.column else read(spec.at, Kind.INSTANT, "at")
        raw["at"] = at
        identities = {key: read(source, Kind.STRING, f"identities.{key}") for key, source in spec.identities}
        raw["identities"] = {key: value for key, value in identities.items() if value is not None}
        for key, source in (("channel", spec.channel), ("source", spec.source), ("currency", spec.currency)):
            value = read(source, Kind.STRING, key)
            if value is not None:
                raw[key] = value
        if spec.id:
            raw["id"] = "".join(p if isinstance(p, str) else id_part(p, cell(p)) for p in spec.id)
        return raw

    def _reader(self, source: Source, kind: Kind | None) -> CellReader:
        known = self._readers.get((id(source), kind))
        if known is None:
            known = self._readers[id(source), kind] = reader(source.reading, kind)
        return known

    def _kind(self, type_name: object, name: str, source: Source, properties: Mapping[str, object]) -> Kind | None:
        if name == self.spec.optional:
            if type_name == TRAIT_SET:
                _, kind = self._checker.trait_kind(properties.get("trait"), count=False)
            else:
                _, kind = self._checker.record_trait_kind(properties.get("kind"), properties.get("trait"), count=False)
            return kind or natural_kind(source.reading.column_type)
        pair = (str(type_name), name)
        if pair not in self._kinds:
            event_type = self._checker.vocabulary.events.get(pair[0])
            found = event_type.property_kind(name) if event_type else None
            if len(self._kinds) >= MEMO_ENTRIES_COUNT_MAX:
                return found
            self._kinds[pair] = found
        return self._kinds[pair]


def matcher(source: Source, match: Match) -> Callable[[object], object]:
    """Whether a cell fits. It raises InvalidError for a cell that has no text."""

    def matches(cell: object) -> bool:
        text = text_of(source.reading, cell)
        if match.equals is not None:
            return text == match.equals
        if match.one_of is not None:
            return text in match.one_of
        if match.differs is not None:
            return text != match.differs
        return bool(text) == match.filled

    return matches


def _summed(spec: Spec, checker: Checker) -> tuple[Summed, ...]:
    constant = spec.type.constant
    if not isinstance(constant, str):
        raise InvalidError(
            "mapping.grouped_type", "events with `one_per` have a constant type", where=f"{spec.where}.type",
            remedy="write one entry a type, with `when`",
        )  # fmt: skip
    event_type = checker.plan(constant).event_type
    result = []
    for name, source in spec.properties:
        kind = event_type.property_kind(name)
        if source.fold != "sum":
            continue
        if kind not in (Kind.MONEY, Kind.NUMBER, Kind.INTEGER, None):
            raise InvalidError(
                "mapping.sum", f"{name} is {kind}, which can't be summed", where=f"{spec.where}.properties.{name}",
                remedy="use column, or count",
            )  # fmt: skip
        result.append(Summed(name, kind or Kind.NUMBER, checker.vocabulary.currency))
    return tuple(result)
