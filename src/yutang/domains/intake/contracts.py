"""The words that cross intake's door: problems, mappings, import jobs, and the ports that an import needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from yutang.domains.catalogue.contracts import Catalogue
from yutang.domains.customers.contracts import Kinds
from yutang.domains.staff.contracts import ApiKey
from yutang.kernel.event import Identity
from yutang.kernel.words import Caller

PROPERTY_DEPTH_MAX = 8  # of lists and objects in a property that isn't declared
LIST_ITEMS_COUNT_MAX = 256
EVENT_ID_CHARS_MAX = 256
SOURCE_CHARS_MAX = 512
UNKNOWN_NAMES_COUNT_MAX = 1_000  # names of unknown types and properties that a receipt lists
MEMO_ENTRIES_COUNT_MAX = 65_536  # of one column: converted cells that are kept to be used again

# How the customers slice reads identities as sent, without the country and the kinds, which are bound already.
IdentityParser = Callable[[Mapping[str, object]], tuple[Identity, ...]]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an event or a row was refused. index: its place in the request or file, from 0. path: `properties.amount`."""

    index: int
    code: str
    path: str
    message: str
    remedy: str


# ── mapping files ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Cell:
    """Where a value comes from: exactly one of column, value, sum, count, first.

    column: of the file, or `lookup.column`. value: a constant. sum, first: over the rows of `one_per`.
    count: how many rows those are. decimals: round half to even first, for columns that carry binary noise.
    format: of texts that aren't ISO 8601, as strptime reads them. split: text that separates list elements.
    """

    column: str = ""
    value: object | None = None
    sum: str = ""
    count: bool = False
    first: str = ""
    decimals: int | None = None
    format: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A condition on a column's text: exactly one of equals, one_of, not, filled."""

    equals: str | None = None
    one_of: tuple[str, ...] | None = None
    differs: str | None = None
    filled: bool | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """Another file to join. file: beside the imported one, or absolute. on: column here. key: column there."""

    file: str
    on: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class EventMapping:
    """Events of one kind made from rows: one a row, or one for all rows that share `one_per`.

    currency: of this entry's amounts, where rows say it. each: of payloads, the list whose elements are the rows.
    """

    type: str | Cell
    at: str | Cell
    id: str = ""
    one_per: str | tuple[str, ...] = ()
    when: dict[str, str | Match] = field(default_factory=dict)
    identities: dict[str, str | Cell] = field(default_factory=dict)
    properties: dict[str, str | Cell] = field(default_factory=dict)
    channel: str | Cell = ""
    source: str | Cell = ""
    currency: str | Cell = ""
    each: str = ""


@dataclass(frozen=True, slots=True)
class TraitMapping:
    """Traits set by rows: one state event a trait and row; an empty cell makes none. each: as of events."""

    at: str | Cell
    set: dict[str, str | Cell]
    when: dict[str, str | Match] = field(default_factory=dict)
    identities: dict[str, str | Cell] = field(default_factory=dict)
    source: str | Cell = ""
    each: str = ""


@dataclass(frozen=True, slots=True)
class RecordMapping:
    """Records set by rows: `record` names which of the customer's records of the kind a row is about."""

    kind: str
    record: str | Cell
    at: str | Cell
    set: dict[str, str | Cell]
    when: dict[str, str | Match] = field(default_factory=dict)
    identities: dict[str, str | Cell] = field(default_factory=dict)
    source: str | Cell = ""
    each: str = ""


@dataclass(frozen=True, slots=True)
class FileMapping:
    """A mapping file. feed: who sends this. zone, currency: of naive times and of amounts; the pool's if empty.

    identities: of every event that has none of its own. encoding, delimiter: of CSV.
    """

    feed: str
    zone: str = ""
    currency: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    identities: dict[str, str | Cell] = field(default_factory=dict)
    lookups: dict[str, Lookup] = field(default_factory=dict)
    events: tuple[EventMapping, ...] = ()
    traits: tuple[TraitMapping, ...] = ()
    records: tuple[RecordMapping, ...] = ()


# ── the ports of an import ──────────────────────────────────────────────────────────────────────


class IntakeDoor(Protocol):
    """Where an import hands its events over: the intake of a running service, or the inbox opened here."""

    def progress(self, job: str) -> int:
        """The job's next row; 0 if it has handed over nothing yet."""

    def put(self, blob: bytes, *, lane: str, job: str, rows_from: int, next_row: int, count: int) -> None:
        """Keep an `EventBlob` made of rows [rows_from, next_row); on disk when it returns.

        Idempotent by (job, rows_from). A blob of count 0 only moves the job's next row.
        """


class RejectsFolder(Protocol):
    """The pool's folder, of which an import writes one part."""

    @property
    def rejects(self) -> Path: ...


class ImportCaller(Caller, Protocol):
    """What the command line's context holds for an import."""

    @property
    def door(self) -> IntakeDoor: ...

    @property
    def folder(self) -> RejectsFolder: ...

    def rehearse(self) -> bool:
        """Where there is no pool yet, work on one that is thrown away; whether that is so."""

    def process_waiting(self) -> None:
        """Between two parts: let the log move, where it is this process that moves it."""

    def wait_processed(self) -> Iterator[int]:
        """How many events still wait, again and again until none does."""


# ── import jobs ─────────────────────────────────────────────────────────────────────────────────


class ImportState(StrEnum):
    """How far a job is. A running one whose process is gone goes on when it is started again."""

    RUNNING = "running"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class ImportJob:
    """An import as the pool keeps it.

    job: `key-run`. key: from the hashes of file, mapping and looked-up files. run: 1, more with `--again`.
    rows, events, rejected: totals, 0 until finished. Instants are pool time.
    """

    job: str
    key: str
    run: int
    state: ImportState
    file: str
    mapping: str
    feed: str
    history: bool
    actor: str
    started_at: int
    finished_at: int = 0
    rows: int = 0
    events: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class PrepareImport:
    """Question of `intake.prepare_import`."""


@dataclass(frozen=True, slots=True)
class ImportBasis:
    """What of a pool an import needs to know. now_ms: pool time; the rest as the pool's settings say."""

    catalogue: Catalogue
    kinds: Kinds
    now_ms: int
    zone: str
    currency: str
    country: str
    strict: bool
    part_events: int


@dataclass(frozen=True, slots=True)
class BeginImport:
    """Question of `intake.begin_import`."""

    key: str
    file: str
    mapping: str
    feed: str
    history: bool
    again: bool


@dataclass(frozen=True, slots=True)
class FinishImport:
    """Question of `intake.finish_import`."""

    job: str
    rows: int
    events: int
    rejected: int


@dataclass(frozen=True, slots=True)
class ListImports:
    """Question of `intake.imports`."""


@dataclass(frozen=True, slots=True)
class ImportJobs:
    """Jobs, newest first."""

    jobs: tuple[ImportJob, ...]


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """An event as a dry run shows it. row: of the file, from 1."""

    row: int
    type: str
    at: str
    id: str
    identities: tuple[str, ...]
    properties: dict[str, object]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What came of one file.

    rows, events, rejected: totals of the job, across interruptions. resumed_at: the row at which this
    process began (0: at the start). unknown: undeclared types and `type.property` with how often, in this
    process. ids_made: events without an id of their own. ignored: columns that the mapping doesn't use.
    rejects: the file with the refused rows, "" if there are none. problems: the first of them, rows from 1.
    shown: the first events of a dry run.
    """

    file: str
    job: str
    dry_run: bool
    rows: int
    events: int
    rejected: int
    resumed_at: int
    seconds: float
    codes: dict[str, int]
    unknown: dict[str, int]
    ids_made: int
    ignored: tuple[str, ...]
    rejects: str
    problems: tuple[Problem, ...]
    shown: tuple[ShownEvent, ...] = ()


# ── live intake ─────────────────────────────────────────────────────────────────────────────────

REQUEST_EVENTS_COUNT_MAX = 10_000  # of one request
REQUEST_BYTES_MAX = 16 * 1_024 * 1_024  # of one body, decompressed
REQUEST_PROBLEMS_COUNT_MAX = 100  # that a receipt tells one by one; `rejected` counts all
DUPLICATES_SEEN_COUNT_MAX = 200_000  # the events accepted last, among which a receipt looks for repeats


@dataclass(frozen=True, slots=True)
class HookRow:
    """A hook as the pool keeps it, without its secret. Instants are pool time; removed_at: 0 while it is in force."""

    name: str
    feed: str
    scheme: str
    mapping: str
    version: int
    changed_at: int
    changed_by: str
    removed_at: int = 0


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook of a sender that can't be changed. mapping: YAML, as of files. secret: of its signatures, "" if none.

    scheme: how the sender signs, with its options (`shopify`, `hmac header=X-Signature`; docs/guides/webhooks.md).
    secret: one a line, any of which is taken, so that it can be changed without losing deliveries.
    """

    name: str
    feed: str
    scheme: str
    mapping: str
    secret: str
    version: int


@dataclass(frozen=True, slots=True)
class IntakeBasis:
    """All that the intake process must know of the pool to judge what comes; the engine tells it, and it keeps a copy.

    version: rises with every change. The rest as the pool's settings and catalogue say.
    """

    version: int
    catalogue: Catalogue
    kinds: Kinds
    zone: str
    currency: str
    country: str
    strict: bool
    keys: tuple[ApiKey, ...]
    hooks: tuple[Hook, ...]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What came of a request whose events are durable now.

    accepted: events kept, repeats among them included. duplicates: of them, repeats seen in the request and among
    the last DUPLICATES_SEEN_COUNT_MAX; the log tells them apart exactly. ids_made: events that came without an id.
    rejected: how many; problems: the first REQUEST_PROBLEMS_COUNT_MAX of them.
    """

    accepted: int
    duplicates: int
    rejected: int
    ids_made: int
    problems: tuple[Problem, ...] = ()
