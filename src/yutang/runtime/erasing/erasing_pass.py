"""Erasing's own part in the log, the last of all passes: the tombstone, the log's tables, rejects of imports.

Files of rejects are cleaned before the transaction: should the process die between, the record is processed again,
since it is durable, and finds less to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from yutang.kernel.faults import Faults
from yutang.runtime.erasing import store
from yutang.runtime.erasing.contracts import Forgotten
from yutang.runtime.erasing.needles import Needles, needles_of
from yutang.runtime.folder import Folder
from yutang.runtime.log.contracts import ERASE, Batch, Delta, Epoch, QuietPass, Record
from yutang.runtime.slots import ERASED_ROWS, FORGOTTEN
from yutang.storage.database import Database, UnitOfWork, open_sqlite
from yutang.storage.files import write_durably


@dataclass(frozen=True, slots=True)
class _Rows:
    record: Record
    forgotten: Forgotten
    needles: Needles
    events: int


class ErasingPass(QuietPass):
    """See the module."""

    name = "erasing"

    def __init__(self, folder: Folder, faults: Faults) -> None:
        self._rejects = folder.rejects
        self._database = folder.database
        self._faults = faults

    def ready(self, epoch: Epoch) -> Delta:
        database = open_sqlite(self._database)
        try:
            scrub(database, only_if_due=True)
        finally:
            database.close()
        return Delta()

    def apply(self, batch: Batch, epoch: Epoch) -> Delta | None:
        if batch.record.kind != ERASE:
            return None
        forgotten: Forgotten = batch.notes[FORGOTTEN]
        needles = needles_of(forgotten.gone)
        clean_rejects(self._rejects, needles)
        self._faults.reach("erasing.rejects_cleaned")
        rows = _Rows(batch.record, forgotten, needles, batch.notes[ERASED_ROWS])
        return Delta(rows=rows, verdicts=({"identities": len(forgotten.gone)},))

    def write(self, uow: UnitOfWork, delta: Delta) -> None:
        rows: _Rows = delta.rows
        store.clean_log(uow, rows.needles)
        store.add_erasure(
            uow, seq=rows.record.seq, customer=rows.forgotten.customer, at=rows.record.arrived_at,
            actor=rows.record.actor, reason=rows.forgotten.reason, identities=len(rows.forgotten.gone),
            events=rows.events,
        )  # fmt: skip


def scrub(database: Database, *, only_if_due: bool = False) -> None:
    """Remove what erased rows left in the database's file; a start does it where a crash has prevented it."""
    with database.reading() as uow:
        due = store.unscrubbed(uow)
    if (due or not only_if_due) and database.leave_no_trace(rewrite=only_if_due):
        with database.unit() as uow:
            store.note_scrubbed(uow)


def clean_rejects(folder: Path, needles: Needles) -> None:
    """Take the rows that hold a value out of the files that imports left."""
    for path in sorted(folder.glob("*")) if folder.exists() else []:
        if not path.is_file():
            continue
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not _holds(line, needles)]
        if len(kept) < len(lines):
            write_durably(path, b"".join(kept))


def _holds(line: bytes, needles: Needles) -> bool:
    if needles.within(line):
        return True
    try:
        data = msgspec.json.decode(line).get("data", {})
    except (msgspec.DecodeError, AttributeError):
        return False
    return any(needles.of(str(cell)) for cell in data.values())
