"""A pool that isn't one: what an import or a check needs of it, in memory, and a door that may break."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from yutang.conditions.vocabulary import Vocabulary
from yutang.domains.catalogue import api as catalogue_api
from yutang.domains.catalogue.contracts import Catalogue
from yutang.domains.customers.rules.kinds import kinds_with
from yutang.domains.intake.api import importing, jobs
from yutang.domains.intake.api.checking import make_checker
from yutang.domains.intake.contracts import (
    BeginImport,
    FinishImport,
    ImportBasis,
    ImportJob,
    ImportReport,
    ImportState,
)
from yutang.domains.intake.rules.checker import Checker
from yutang.kernel.event import Event, EventBlob, decode_blob

NOW_MS = 1_514_779_280_000  # 2018-01-01T04:01:20Z


@cache
def vocabulary() -> Vocabulary:
    return catalogue_api.built_in_vocabulary("UTC", "USD")


def catalogue_with(declarations: str = "") -> Catalogue:
    """The built-in catalogue and what a YAML text declares."""
    base = Catalogue(0, vocabulary())
    if not declarations:
        return base
    from yutang.domains.catalogue.rules.declare import apply_declarations

    return apply_declarations(base, catalogue_api.read_declarations(declarations, "own.yaml"))[0]


def checker(*, strict: bool = False, catalogue: Catalogue | None = None) -> Checker:
    return make_checker(catalogue or catalogue_with(), kinds_with(), country="CN", strict=strict, now_ms=NOW_MS)


def raw_event(**changes: object) -> dict[str, Any]:
    """An event that is right, with changes; a change to ... takes the key away."""
    event: dict[str, Any] = {
        "id": "e1",
        "type": "order_paid",
        "at": "2017-03-01T10:00:00Z",
        "identities": {"member_no": "M1"},
        "properties": {"order_id": "o1", "amount": 12.5},
    }
    event.update(changes)
    return {key: value for key, value in event.items() if value is not ...}


class DoorBrokeError(Exception):
    """What a door raises where a test wants the process to die."""


@dataclass
class MemoryDoor:
    """An inbox in memory. breaks_after: parts that it takes before it raises, once; lost: the last is kept or not."""

    breaks_after: int | None = None
    keeps_last: bool = True
    rows: dict[str, int] = field(default_factory=dict)
    blobs: list[EventBlob] = field(default_factory=list)
    offered: int = 0

    def progress(self, job: str) -> int:
        return self.rows.get(job, 0)

    def put(self, blob: bytes, *, lane: str, job: str, rows_from: int, next_row: int, count: int) -> None:
        assert lane == "bulk"
        breaking = self.breaks_after is not None and self.offered >= self.breaks_after
        self.offered += 1
        if breaking and not self.keeps_last:
            self.breaks_after = None
            raise DoorBrokeError
        if self.progress(job) == rows_from:
            decoded = decode_blob(blob)
            assert len(decoded.events) == count
            self.rows[job] = next_row
            if count:
                self.blobs.append(decoded)
        if breaking:
            self.breaks_after = None
            raise DoorBrokeError

    @property
    def events(self) -> list[Event]:
        return [event for blob in self.blobs for event in blob.events]


@dataclass
class Rejected:
    rejects: Path


@dataclass
class MemoryCaller:
    """A pool's side without a pool: jobs in a dict, the door in memory."""

    folder: Rejected
    door: MemoryDoor = field(default_factory=MemoryDoor)
    strict: bool = False
    catalogue: Catalogue = field(default_factory=catalogue_with)
    zone: str = "UTC"
    jobs: dict[str, ImportJob] = field(default_factory=dict)

    def call(self, command: Any, question: Any) -> Any:
        if command is jobs.PREPARE:
            return ImportBasis(self.catalogue, kinds_with(), NOW_MS, self.zone, "USD", "CN", self.strict, 16_384)
        if isinstance(question, BeginImport):
            name = f"{question.key}-1"
            made = ImportJob(
                name, question.key, 1, ImportState.RUNNING, question.file, question.mapping, question.feed,
                question.history, "test", NOW_MS,
            )  # fmt: skip
            return self.jobs.setdefault(name, made)
        assert isinstance(question, FinishImport)
        return self.jobs[question.job]

    def process_waiting(self) -> None:
        return None

    def wait_processed(self) -> Iterator[int]:
        return iter(())


class Stopwatch:
    """Machine time that stands."""

    def now_ms(self) -> int:
        return NOW_MS

    def stopwatch_s(self) -> float:
        return 0.0


def run_import(
    caller: MemoryCaller, file: Path, mapping: Path | None = None, *, history: bool = False, dry_run: bool = False
) -> ImportReport:
    options = importing.ImportOptions(mapping, history=history, dry_run=dry_run)
    return importing.import_file(caller, file, options, Stopwatch(), lambda *_: None)
