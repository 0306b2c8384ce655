"""Import jobs, on the pool's side: begun, gone on with, finished, listed.

A job is keyed by the contents of file, mapping and joined files. Jobs aren't part of the log: they say who
imported what when; that no row is taken twice is the inbox's doing.
"""

from __future__ import annotations

from dataclasses import replace

from yutang.domains.catalogue import api as catalogue
from yutang.domains.customers import api as customers
from yutang.domains.intake import store
from yutang.domains.intake.contracts import (
    BeginImport,
    FinishImport,
    ImportBasis,
    ImportJob,
    ImportJobs,
    ImportState,
    ListImports,
    PrepareImport,
)
from yutang.kernel.errors import ConflictError, NotFoundError
from yutang.kernel.instants import instant_text
from yutang.kernel.limits import PAGE_ROWS_COUNT_MAX
from yutang.kernel.words import Command, Permission
from yutang.runtime.desk import Desk


def prepare_import(desk: Desk, _question: PrepareImport) -> ImportBasis:
    """What an import must know of the pool to map and check."""
    settings = desk.settings
    return ImportBasis(
        catalogue.read_catalogue(desk),
        desk.epoch[customers.CUSTOMERS].kinds,
        desk.now_ms,
        settings.zone,
        settings.currency,
        settings.country,
        settings.strict,
        settings.part_events,
    )


def begin_import(desk: Desk, question: BeginImport) -> ImportJob:
    """The job to work on: a new one, or the unfinished one of the same key.

    Raises ConflictError: import.finished_already, import.history_differs.
    """
    with desk.database.unit() as uow:
        latest = store.read_latest(uow, question.key)
        if latest is not None and latest.state is ImportState.RUNNING:
            if latest.history != question.history:
                raise ConflictError(
                    "import.history_differs",
                    f"this import was begun {'with' if latest.history else 'without'} --history",
                    where=question.file,
                    remedy=f"go on {'with' if latest.history else 'without'} it",
                )
            return latest
        if latest is not None and not question.again:
            raise ConflictError(
                "import.finished_already",
                f"it was imported at {instant_text(latest.finished_at)} by {latest.actor}: {latest.events} events",
                where=question.file,
                remedy="nothing is missing; to hand it over once more, add --again",
            )
        run = latest.run + 1 if latest else 1
        job = ImportJob(
            f"{question.key}-{run}", question.key, run, ImportState.RUNNING, question.file, question.mapping,
            question.feed, question.history, desk.actor, desk.now_ms,
        )  # fmt: skip
        store.write_job(uow, job)
        return job


def finish_import(desk: Desk, question: FinishImport) -> ImportJob:
    """All rows of the job are handed over. Raises NotFoundError."""
    with desk.database.unit() as uow:
        job = store.read_job(uow, question.job)
        if job is None:
            raise NotFoundError(
                "import.absent", f"there is no import {question.job!r}", remedy="begin it again: `yutang import`"
            )
        done = replace(
            job, state=ImportState.FINISHED, finished_at=desk.now_ms, rows=question.rows, events=question.events,
            rejected=question.rejected,
        )  # fmt: skip
        store.write_job(uow, done)
        return done


def list_imports(desk: Desk, _question: ListImports) -> ImportJobs:
    """The newest jobs."""
    with desk.reading() as uow:
        return ImportJobs(store.read_jobs(uow, PAGE_ROWS_COUNT_MAX))


PREPARE = Command("intake.prepare_import", Permission.IMPORT, PrepareImport, ImportBasis, prepare_import)
BEGIN = Command("intake.begin_import", Permission.IMPORT, BeginImport, ImportJob, begin_import)
FINISH = Command("intake.finish_import", Permission.IMPORT, FinishImport, ImportJob, finish_import)
LIST = Command("intake.imports", Permission.IMPORT, ListImports, ImportJobs, list_imports)
