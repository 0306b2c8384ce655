"""The tables of import jobs and of webhooks."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import BigInteger, Boolean, Column, Integer, RowMapping, String, Table, Text, func, select

from yutang.domains.intake.contracts import HookRow, ImportJob, ImportState
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
hooks = Table(
    "hooks",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("feed", String(128), nullable=False),
    Column("scheme", Text, nullable=False),
    Column("mapping", Text, nullable=False),
    Column("version", Integer, nullable=False),  # rises over all hooks, removed ones included
    Column("changed_at", BigInteger, nullable=False),
    Column("changed_by", String(128), nullable=False),
    Column("removed_at", BigInteger, nullable=False),  # 0: in force
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


def read_hooks(uow: UnitOfWork) -> tuple[HookRow, ...]:
    """The hooks in force, by name."""
    rows = uow.connection.execute(select(hooks).where(hooks.c.removed_at == 0).order_by(hooks.c.name)).mappings()
    return tuple(HookRow(**row) for row in rows)


def read_hook(uow: UnitOfWork, name: str) -> HookRow | None:
    """A hook in force."""
    row = uow.connection.execute(select(hooks).where(hooks.c.name == name, hooks.c.removed_at == 0)).mappings().first()
    return HookRow(**row) if row else None


def next_hook_version(uow: UnitOfWork) -> int:
    """Above that of every change so far."""
    return int(uow.connection.execute(select(func.max(hooks.c.version))).scalar() or 0) + 1


def write_hook(uow: UnitOfWork, row: HookRow) -> None:
    """Keep a hook, in place of what was kept of it."""
    uow.connection.execute(hooks.delete().where(hooks.c.name == row.name))
    uow.connection.execute(hooks.insert().values(**asdict(row)))
