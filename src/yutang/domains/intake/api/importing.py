"""An import: a file's rows become events and are handed over, part by part, each once.

The door remembers how far a job is, with each part, in one transaction. So an interrupted import that is
started again reads from the first row (to count, and to write the rejects anew) but hands over only what
isn't there. Parts are cut at rows alone, so nothing depends on where a process was when it ended.
Invariant: memory is bounded by a part, the joined files, and the groups of `one_per`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from yutang.conditions.vocabulary import Kind, Vocabulary
from yutang.domains.intake.api.checking import make_checker
from yutang.domains.intake.api.jobs import BEGIN, FINISH, PREPARE
from yutang.domains.intake.api.mappings import load_mapping
from yutang.domains.intake.api.parts import Part, Table
from yutang.domains.intake.api.rejects import Rejects
from yutang.domains.intake.api.tables import join_files, open_table
from yutang.domains.intake.contracts import (
    BeginImport,
    FileMapping,
    FinishImport,
    ImportBasis,
    ImportCaller,
    ImportReport,
    PrepareImport,
    Problem,
    ShownEvent,
)
from yutang.domains.intake.rules.checker import Checker
from yutang.domains.intake.rules.columns import Made
from yutang.domains.intake.rules.mapping import columns_used, resolve, rows_a_part
from yutang.domains.intake.rules.rows import RowMaker
from yutang.domains.intake.rules.values import name_value
from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import InvalidError, YutangError
from yutang.kernel.event import Event, EventBlob, encode_blob
from yutang.kernel.ids import content_key
from yutang.kernel.instants import instant_text
from yutang.kernel.limits import BLOB_EVENTS_COUNT_MAX
from yutang.kernel.money import major_text

PROBLEMS_SHOWN_MAX = 20
EVENTS_SHOWN_MAX = 10
SCAN_PART_ROWS = 65_536
_HASHED_BYTES = 1 << 20
_BULK = "bulk"
_IN_MAPPINGS = ("mapping.", "value.", "name.", "event.", "money.", "identity.", "instant.")

Advance = Callable[[str, int, int, int], None]  # stage (`scan`, `read`), done, total, events so far


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """mapping: None for NDJSON in the API's form, sent by `feed`."""

    mapping: Path | None = None
    feed: str = "files"
    history: bool = False
    again: bool = False
    dry_run: bool = False


@dataclass(slots=True)
class _Work:
    """One file under work: what it maps to, and what has come of it so far."""

    path: Path
    feed: str
    key: str
    mapping_name: str
    table: Table
    checker: Checker
    basis: ImportBasis
    make: Callable[[Part], Made]
    rows_max: int
    columns: frozenset[str]
    prepare: Callable[[Part], Part]
    ignored: tuple[str, ...]
    maker: RowMaker | None = None
    rows: int = 0
    events: int = 0
    problems: list[Problem] = field(default_factory=list)
    shown: list[ShownEvent] = field(default_factory=list)

    def note(self, part: Part, made: Made) -> None:
        self.rows = part.next_row
        self.events += len(made.events)
        room = PROBLEMS_SHOWN_MAX - len(self.problems)
        self.problems += sorted(made.problems, key=lambda p: p.index)[: max(room, 0)]
        if len(self.shown) < EVENTS_SHOWN_MAX:
            first = made.events[: EVENTS_SHOWN_MAX - len(self.shown)]
            self.shown += [shown_event(row, event, self.checker.vocabulary) for row, event in first]


def import_file(
    caller: ImportCaller, path: Path, options: ImportOptions, machine: MachineClock, advance: Advance
) -> ImportReport:
    """Import one file; returns when all of it is handed over (not: processed). Raises YutangError.

    advance is told of the progress. With `dry_run` nothing is handed over and no job is kept.
    """
    began_s = machine.stopwatch_s()
    basis = caller.call(PREPARE, PrepareImport())
    work = _open(path, options, basis)
    if options.dry_run:
        job, start = "", 0
        rejects_path = caller.folder.rejects / f"dry-run-{work.key}.ndjson"
    else:
        question = BeginImport(work.key, str(path), work.mapping_name, work.feed, options.history, options.again)
        job = caller.call(BEGIN, question).job
        start = caller.door.progress(job)
        rejects_path = caller.folder.rejects / f"{job}.ndjson"
    _scan(work, advance)
    with Rejects(rejects_path) as rejects:
        for part in _parts(work, start):
            made = work.make(part)
            made.problems += part.problems
            rejects.add(part, made.problems)
            work.note(part, made)
            if not options.dry_run and part.next_row > start:
                _hand_over(caller, work, part, made, job, options.history)
            advance("read", part.done, work.table.total, work.events)
    if not options.dry_run:
        caller.call(FINISH, FinishImport(job, work.rows, work.events, rejects.count))
    return ImportReport(
        file=str(path), job=job, dry_run=options.dry_run, rows=work.rows, events=work.events, rejected=rejects.count,
        resumed_at=start, seconds=round(machine.stopwatch_s() - began_s, 3), codes=rejects.codes,
        unknown={name: times for name, times in work.checker.unknown.items() if times},
        ids_made=work.checker.ids_made, ignored=work.ignored, rejects=str(rejects_path) if rejects.count else "",
        problems=tuple(_from_one(p) for p in work.problems), shown=tuple(work.shown) if options.dry_run else (),
    )  # fmt: skip


def _hand_over(
    caller: ImportCaller, work: _Work, part: Part, made: Made, job: str, history: bool
) -> None:  # fmt: skip
    events = [event for _, event in made.events]
    assert len(events) <= BLOB_EVENTS_COUNT_MAX
    blob = EventBlob(work.feed, history, work.basis.catalogue.version, events)
    first = part.rows_from
    caller.door.put(encode_blob(blob), lane=_BULK, job=job, rows_from=first, next_row=part.next_row, count=len(events))
    caller.process_waiting()


def _open(path: Path, options: ImportOptions, basis: ImportBasis) -> _Work:
    checker = make_checker(
        basis.catalogue, basis.kinds, country=basis.country, strict=basis.strict, now_ms=basis.now_ms
    )
    if options.mapping is None:
        return _open_plain(path, options, basis, checker)
    mapping, text = load_mapping(options.mapping)
    try:
        return _open_mapped(path, mapping, text, options, basis, checker)
    except YutangError as error:
        if error.code.startswith(_IN_MAPPINGS):
            error.where = f"{options.mapping} {error.where}".rstrip()
        raise


def _open_mapped(
    path: Path, mapping: FileMapping, text: str, options: ImportOptions, basis: ImportBasis, checker: Checker
) -> _Work:
    table = open_table(path, mapping)
    shape, joins = join_files(table, path.parent, mapping)
    specs = resolve(mapping, shape, basis.zone, basis.currency)
    maker = RowMaker(specs, checker)
    columns = columns_used(specs) | {lookup.on for lookup in mapping.lookups.values()}
    hashes = [_hash(path), text.encode(), *(_hash(path.parent / x.file) for x in mapping.lookups.values())]

    def prepare(part: Part) -> Part:
        part.joins = joins
        return part

    ignored = tuple(name for name in table.shape.columns if name not in columns)
    return _Work(
        path, mapping.feed, content_key(*hashes), str(options.mapping), table, checker, basis, maker.make,
        rows_a_part(specs, basis.part_events), columns, prepare, ignored, maker,
    )  # fmt: skip


def _open_plain(path: Path, options: ImportOptions, basis: ImportBasis, checker: Checker) -> _Work:
    if path.suffix.lower() not in (".ndjson", ".jsonl"):
        raise InvalidError(
            "import.no_mapping", "only NDJSON with events in the API's form goes without a mapping", where=str(path),
            remedy="add --mapping FILE.yaml; docs/reference/mappings.md shows how",
        )  # fmt: skip
    try:
        name_value(options.feed)
    except InvalidError as error:
        error.where = "--feed"
        raise

    def make(part: Part) -> Made:
        made = Made()
        for row, record in zip(part.rows, part.records, strict=True):
            judged = checker.check(row, record)
            if isinstance(judged, Problem):
                made.problems.append(judged)
            else:
                made.events.append((row, judged))
        return made

    key = content_key(_hash(path), b"events of feed", options.feed)
    table = open_table(path, None)
    return _Work(
        path, options.feed, key, "", table, checker, basis, make, basis.part_events, frozenset(), lambda p: p, ()
    )


def _scan(work: _Work, advance: Advance) -> None:
    """Find the groups of `one_per`, if there are any."""
    maker = work.maker
    if maker is None or not maker.grouped:
        return
    for part in work.table.parts(0, SCAN_PART_ROWS, maker.scan_columns()):
        maker.scan(work.prepare(part))
        advance("scan", part.done, work.table.total, 0)
    maker.finish_scan()


def _parts(work: _Work, start: int) -> Iterator[Part]:
    """All parts, cut at `start` too."""
    for part in work.table.parts(0, work.rows_max, work.columns):
        if part.rows_from < start < part.next_row:
            yield work.prepare(part.before(start))
            break
        if part.rows_from >= start > 0:
            break
        yield work.prepare(part)
    else:
        return
    for part in work.table.parts(start, work.rows_max, work.columns):
        yield work.prepare(part)


def _hash(path: Path) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(_HASHED_BYTES):
            digest.update(block)
    return digest.digest()


def shown_event(row: int, event: Event, vocabulary: Vocabulary) -> ShownEvent:
    """An event as a dry run shows it. row: from 0."""
    identities = tuple(identity.text() for identity in event.identities)
    known = vocabulary.events.get(event.type)
    properties = {
        name: _readable(value, known.property_kind(name) if known else None, vocabulary.currency)
        for name, value in event.properties.items()
    }
    return ShownEvent(row + 1, event.type, instant_text(event.at), event.id, identities, properties)


def _readable(value: object, kind: Kind | None, currency: str) -> object:
    """A value as people write it: amounts in major units, instants and dates as text."""
    if kind is Kind.MONEY and isinstance(value, int):
        return f"{major_text(value, currency)} {currency}"
    if kind in (Kind.INSTANT, Kind.DATE) and isinstance(value, int):
        return instant_text(value)[:10] if kind is Kind.DATE else instant_text(value)
    return value


def _from_one(problem: Problem) -> Problem:
    return Problem(problem.index + 1, problem.code, problem.path, problem.message, problem.remedy)
