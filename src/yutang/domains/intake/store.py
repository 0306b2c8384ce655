"""The table of import jobs."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import BigInteger, Boolean, Column, Integer, RowMapping, String, Table, Text, select

from yutang.domains.intake.contracts import ImportJob, ImportState
from yutang.storage.database import UnitOfWork
from yutang.storage.schema import metadata

import_jobs = Table(
    "import_jobs",
    metadata,
    Column("job", String(64), primary_key=True),  # key-run
    Column("key", String(32), nullable=False, index=True),
    Column("run", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("file", Text, nullable=False),
    Column("mapping", Text, nullable=False),
    Column("feed", String(128), nullable=False),
    Column("history", Boolean, nullable=False),
    Column("actor", Text, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
)


def read_latest(uow: UnitOfWork, key: str) -> ImportJob | None:
    """The last run of a key."""
    t = import_jobs
    row = uow.connection.execute(select(t).where(t.c.key == key).order_by(t.c.run.desc()).limit(1)).mappings().first()
    return _job(row) if row else None


def read_job(uow: UnitOfWork, job: str) -> ImportJob | None:
    """A job by its name."""
    row = uow.connection.execute(select(import_jobs).where(import_jobs.c.job == job)).mappings().first()
    return _job(row) if row else None


def read_jobs(uow: UnitOfWork, count_max: int) -> tuple[ImportJob, ...]:
    """The newest jobs, newest first."""
    t = import_jobs
    rows = uow.connection.execute(select(t).order_by(t.c.started_at.desc(), t.c.job).limit(count_max)).mappings()
    return tuple(_job(row) for row in rows)


def write_job(uow: UnitOfWork, job: ImportJob) -> None:
    """Keep a job, in place of what was kept of it."""
    uow.connection.execute(import_jobs.delete().where(import_jobs.c.job == job.job))
    uow.connection.execute(import_jobs.insert().values(**{**asdict(job), "state": job.state.value}))


def _job(row: RowMapping) -> ImportJob:
    return ImportJob(**{**row, "state": ImportState(row["state"])})
