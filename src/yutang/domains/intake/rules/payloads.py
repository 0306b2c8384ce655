"""Bodies of webhooks into events, by a mapping of the same language as files'.

A body is one record (a JSON object, or the fields of a form) or several (a JSON array). Rows of an entry are
the records, or with `each` the elements of a list in them; a name is then looked up in the element first,
where it begins with the list's. Rows become events as those of files do (`rules.rows`).
Invariant: whatever the body, `judge` returns; the same body gives the same ids, so a repeat counts once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice

import msgspec

from yutang.domains.intake.contracts import Cell, EventMapping, FileMapping, Match, Problem, RecordMapping, TraitMapping
from yutang.domains.intake.rules.checker import Checker
from yutang.domains.intake.rules.columns import Made
from yutang.domains.intake.rules.mapping import Shape, Source, Spec, resolve, resolve_conditions
from yutang.domains.intake.rules.rows import RowMaker, matcher
from yutang.domains.intake.rules.values import shown
from yutang.kernel.errors import InvalidError, YutangError
from yutang.kernel.event import Event
from yutang.kernel.limits import BLOB_EVENTS_COUNT_MAX

ROWS_COUNT_MAX = 2_000  # that are made events of one body while its sender and everybody else waits
REPLAYED_ROWS_COUNT_MAX = BLOB_EVENTS_COUNT_MAX  # where nobody waits; what is made of them is one blob
WEIGHED_A_ROW_MAX = 20  # entries: how often the most rows may be looked at
FORM_FIELDS_COUNT_MAX = 10_000
NAME_STEPS_COUNT_MAX = 16
HEADER = "header."
ARRIVAL = "hook.arrived_at"
FORM = "application/x-www-form-urlencoded"

_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")
NO_MATCH = InvalidError(
    "payload.no_match", "no entry of the mapping fits it",
    remedy="add an entry whose `when` fits, or say under `ignore` that such payloads may go",
)  # fmt: skip


class Packing(StrEnum):
    """How a text in a payload holds a document: as JSON, or as JSON with its characters percent-encoded."""

    JSON = "json"
    URL = "url"


@dataclass(frozen=True, slots=True)
class PayloadMapping:
    """The mapping of a webhook: as of files, and what only payloads have.

    feed: who sends this, where the hook doesn't say. unpack: names whose text is a document. ignore: records that
    fit one of these conditions are none of our business.
    """

    feed: str = ""
    zone: str = ""
    currency: str = ""
    unpack: dict[str, Packing] = field(default_factory=dict)
    ignore: tuple[dict[str, str | Match], ...] = ()
    identities: dict[str, str | Cell] = field(default_factory=dict)
    events: tuple[EventMapping, ...] = ()
    traits: tuple[TraitMapping, ...] = ()
    records: tuple[RecordMapping, ...] = ()


@dataclass(frozen=True, slots=True)
class PayloadPlan:
    """A mapping, resolved. ignore: any of them; each: all of its conditions."""

    feed: str
    unpack: tuple[tuple[str, Packing], ...]
    ignore: tuple[tuple[tuple[Source, Match], ...], ...]
    specs: tuple[Spec, ...]


@dataclass(slots=True)
class Judged:
    """What came of one body. ignored: of its records. Problem.index: of the record in the body, from 0."""

    events: list[Event] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    records: int = 0
    ignored: int = 0


def plan_payloads(mapping: PayloadMapping, zone: str, currency: str) -> PayloadPlan:
    """What is done with payloads. zone, currency: the pool's. Raises InvalidError with the path in the mapping."""
    shape = Shape({}, open=True)
    plain = FileMapping(
        feed=mapping.feed or "webhooks", zone=mapping.zone, currency=mapping.currency, identities=mapping.identities,
        events=mapping.events, traits=mapping.traits, records=mapping.records,
    )  # fmt: skip
    ignore = resolve_conditions(plain, shape, zone, currency, mapping.ignore, "ignore")
    specs = resolve(plain, shape, zone, currency, payloads=True)
    return PayloadPlan(mapping.feed, tuple(mapping.unpack.items()), ignore, specs)


def judge_payload(
    plan: PayloadPlan, checker: Checker, headers: Mapping[str, str], body: bytes, arrived_at: int, rows_max: int
) -> Judged:
    """The events of a body. headers: names in lower case. arrived_at: pool time. rows_max: that are looked at."""
    judged = Judged()
    try:
        _Work(plan, checker, headers, arrived_at, judged, rows_max).take(body)
    except YutangError as error:
        judged.problems.append(Problem(0, error.code, error.where, error.message, error.remedy))
    except RecursionError:
        judged.problems.append(Problem(0, "payload.too_deep", "", "the body is nested too deeply", "flatten it"))
    return judged


@dataclass(slots=True)
class _Row:
    """A row of an entry. element: its place in the list that `each` names. bound: names of lists, with the element."""

    record: int
    element: int
    content: Mapping[str, object]
    bound: tuple[tuple[str, object], ...] = ()


class _Work:
    """One body under work."""

    def __init__(
        self, plan: PayloadPlan, checker: Checker, headers: Mapping[str, str], arrived_at: int, judged: Judged,
        rows_max: int,
    ) -> None:  # fmt: skip
        self._plan = plan
        self._checker = checker
        self._headers = headers
        self._arrived_at = arrived_at
        self._judged = judged
        self._rows_max = rows_max
        self._looked_at = 0
        self._rows: dict[str, list[_Row]] = {}  # by `each`

    def take(self, body: bytes) -> None:
        found = _documents(body, self._headers.get("content-type", ""))
        if len(found) > self._rows_max:
            raise self._too_many("records")
        self._judged.records = len(found)
        records = [(i, record) for i, one in enumerate(found) if (record := self._record(i, one)) is not None]
        handled = {problem.index for problem in self._judged.problems}
        fitting = [(spec, self._fitting(spec, records, handled)) for spec in self._plan.specs]
        if sum(len(rows) for _, rows in fitting) > self._rows_max:
            raise self._too_many("events")
        for spec, rows in fitting:
            if rows:
                self._make(spec, rows)
        for i, _ in records:
            if i not in handled:
                self._problem(i, NO_MATCH)

    def _record(self, index: int, found: object) -> dict[str, object] | None:
        """A record with its texts unpacked; None if nothing is to be made of it."""
        try:
            if not isinstance(found, dict):
                raise InvalidError("payload.shape", f"{shown(found)} is no object", remedy="only objects are mapped")
            for name, packing in self._plan.unpack:
                _unpack(found, name, packing)
        except InvalidError as error:
            self._problem(index, error)
            return None
        row = _Row(index, 0, found)
        if any(self._fits(row, conditions) for conditions in self._plan.ignore):
            self._judged.ignored += 1
            return None
        return found

    def _fitting(
        self, spec: Spec, records: Sequence[tuple[int, dict[str, object]]], handled: set[int]
    ) -> list[tuple[int, _Row]]:
        """The rows that an entry makes something of, with their numbers; their records are handled then."""
        rows = self._rows.get(spec.each)
        if rows is None:
            rows = self._rows[spec.each] = _rows(records, spec.each, self._rows_max + 1)
        self._looked_at += len(rows)
        if len(rows) > self._rows_max or self._looked_at > self._rows_max * WEIGHED_A_ROW_MAX:
            raise self._too_many(spec.each or "records")
        if spec.each:  # which of a list's elements it takes, and be it none of them, is the entry's own choice
            handled.update(i for i, record in records if self._fits_around(spec, i, record))
        fitting = [(number, row) for number, row in enumerate(rows) if self._fits(row, spec.when)]
        handled.update(row.record for _, row in fitting)
        return fitting

    def _fits_around(self, spec: Spec, index: int, record: dict[str, object]) -> bool:
        around = [(source, match) for source, match in spec.when if not _meets_list(record, source.column)]
        return _meets_list(record, spec.each) and self._fits(_Row(index, 0, record), around)

    def _make(self, spec: Spec, rows: Sequence[tuple[int, _Row]]) -> None:
        frame = _Frame([number for number, _ in rows], [row for _, row in rows], self._cell)
        made = Made()
        try:
            maker = RowMaker([spec], self._checker)
            if maker.grouped:
                maker.scan(frame)
                maker.finish_scan()
            made = maker.make(frame)
        except YutangError as error:  # the entry itself, in this pool: its type is unknown to a strict one
            self._problem(rows[0][1].record, error)
        self._judged.events += [event for _, event in made.events]
        places = dict(rows)
        for problem in made.problems:
            row = places[problem.index]
            place = f"{spec.each}[{row.element}]" if spec.each else ""
            self._judged.problems.append(
                replace(problem, index=row.record, path=f"{spec.where} {place} {problem.path}".replace("  ", " "))
            )

    def _fits(self, row: _Row, conditions: Iterable[tuple[Source, Match]]) -> bool:
        try:
            return all(matcher(source, match)(self._cell(row, source.column)) for source, match in conditions)
        except InvalidError:  # a list or an object, where a text should be
            return False

    def _cell(self, row: _Row, name: str) -> object:
        if name.startswith(HEADER):
            return self._headers.get(name.removeprefix(HEADER).lower())
        if name == ARRIVAL:
            return self._arrived_at
        for prefix, element in reversed(row.bound):
            if name == prefix:
                return element
            if name.startswith(f"{prefix}."):
                return find(element, name[len(prefix) + 1 :])
        return find(row.content, name)

    def _too_many(self, what: str) -> InvalidError:
        return InvalidError(
            "payload.too_many", f"the body has more {what} than the {self._rows_max} that are read at once", where=what,
            remedy="`yutang hook replay` reads what was kept; let the sender send smaller parts",
        )  # fmt: skip

    def _problem(self, index: int, error: YutangError) -> None:
        self._judged.problems.append(Problem(index, error.code, error.where, error.message, error.remedy))


class _Frame:
    """Rows as columns (`columns.Frame`)."""

    def __init__(self, numbers: Sequence[int], rows: Sequence[_Row], cell: Callable[[_Row, str], object]) -> None:
        self.rows = numbers
        self._rows = rows
        self._cell = cell
        self._columns: dict[str, list[object]] = {}

    def column(self, name: str) -> Sequence[object]:
        known = self._columns.get(name)
        if known is None:
            known = self._columns[name] = [self._cell(row, name) for row in self._rows]
        return known


# ── looking things up ───────────────────────────────────────────────────────────────────────────


def find(found: object, name: str) -> object:
    """What stands under a name: `buyer.phone`, `refunds.0.id`; None if nothing does."""
    if isinstance(found, dict) and name in found:
        return found[name]
    for step in name.split(".", NAME_STEPS_COUNT_MAX):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isascii() and step.isdigit() and len(step) < 6 and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def _rows(records: Iterable[tuple[int, dict[str, object]]], each: str, count_max: int) -> list[_Row]:
    if not each:
        return [_Row(i, 0, record) for i, record in records]
    elements = (
        _Row(i, element, record, bound)
        for i, record in records
        for element, bound in enumerate(_elements(record, each.split("."), "", ()))
    )
    return list(islice(elements, count_max))


def _elements(
    found: object, steps: Sequence[str], name: str, bound: tuple[tuple[str, object], ...]
) -> Iterator[tuple[tuple[str, object], ...]]:
    """Every element of the list at the end of a path, with those of the lists on the way."""
    if isinstance(found, list):
        for element in found:
            yield from _elements(element, steps, name, (*bound, (name, element)))
    elif not steps and found is not None:
        yield bound if bound and bound[-1][0] == name else (*bound, (name, found))
    elif steps and isinstance(found, dict):
        yield from _elements(found.get(steps[0]), steps[1:], f"{name}.{steps[0]}".lstrip("."), bound)


def _meets_list(found: object, name: str) -> bool:
    """Whether a list stands under a name, or on the way there."""
    for step in name.split(".", NAME_STEPS_COUNT_MAX):
        if isinstance(found, list):
            return True
        found = found.get(step) if isinstance(found, dict) else None
    return isinstance(found, list)


# ── reading bodies ──────────────────────────────────────────────────────────────────────────────


def _documents(body: bytes, content_type: str) -> Sequence[object]:
    body = body.removeprefix(b"\xef\xbb\xbf").strip()
    kind = content_type.partition(";")[0].strip().lower()
    if kind == FORM and not body.startswith((b"{", b"[")):  # what begins so is JSON, whatever its sender calls it
        return [_form(body)]
    found = _json(body, "the body")
    return found if isinstance(found, list) else [found]


def _json(text: bytes | str, what: str) -> object:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidError(
            "payload.unreadable", f"{what} isn't JSON: {error}",
            remedy="let the sender send JSON or a form; XML isn't read",
        ) from None  # fmt: skip


def _form(body: bytes) -> dict[str, object]:
    fields: dict[str, object] = {}
    parts = [part for part in body.split(b"&") if part]
    if not parts or len(parts) > FORM_FIELDS_COUNT_MAX:
        raise InvalidError("payload.unreadable", "the form is empty or has too many fields", remedy="send fewer")
    for part in parts:
        name, _, value = (_decoded(piece, "the form") for piece in part.partition(b"="))
        before = fields.get(name)
        if before is None:
            fields[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            fields[name] = [before, value]
    return fields


def _decoded(text: bytes, what: str) -> str:
    """With what is percent-encoded as it was. A plus is a blank: who encodes punctuation encodes a true one."""
    raw = _ENCODED.sub(lambda match: bytes([int(match[1], 16)]), text.replace(b"+", b" "))
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidError(
            "payload.unreadable", f"{what} isn't percent-encoded UTF-8", remedy="see what the sender calls its encoding"
        ) from None


def _unpack(record: dict[str, object], name: str, packing: Packing) -> None:
    """Put what a text holds in its place; what isn't a text is left as it is."""
    parents, _, last = name.rpartition(".")
    holder = find(record, parents) if parents else record
    text = holder.get(last) if isinstance(holder, dict) else None
    if isinstance(holder, dict) and isinstance(text, str) and text.strip():
        packed = text.encode("utf-8", "surrogatepass")
        holder[last] = _json(_decoded(packed, name) if packing is Packing.URL else packed, name)
