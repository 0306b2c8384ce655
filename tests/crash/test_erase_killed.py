"""`kill -9` at every named point of an erasure: once asked for it is done, whole, after the next start."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.support.commands import answer, caller, died, fingerprint, run
from tests.support.erasing import files_with
from tests.support.pools import Scratch, event

from yutang.cli.clock import CLOCK_COMMAND, ClockQuestion
from yutang.domains.customers import api as customers
from yutang.kernel.errors import NotFoundError

SETTINGS = {"zone": "UTC", "currency": "USD"}
WHO, VALUES = "member_no:wang-number", ("wang-number", "13800001234")
ERASE = ("erase", WHO, "--reason", "asked", "--yes")

# (point, the time that it is reached at which the process dies)
POINTS = [
    ("echo.committed", 1),
    ("rewriting.written", 1),
    ("rewriting.written", 3),
    ("erasing.rejects_cleaned", 1),
    ("log.before_commit", 1),
    ("log.in_transaction", 1),
    ("log.committed", 1),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A closed pool with three files in its lake that hold Wang's events, a refused row, and a tail."""
    scratch = Scratch(tmp_path_factory.mktemp("whole") / "pool", start="2026-04-01", **SETTINGS)
    for day in range(1, 31):
        at = f"2026-03-{day:02d} 10:00"
        scratch.send(
            event("order_paid", at, (WHO, "phone:+8613800001234"), amount=1_000 * day, note=VALUES[0]),
            event("search", at, f"member_no:other-{day % 5}", target="brand"),
        )
        if day in (8, 16, 24):
            scratch.pool.loop.flush()
    scratch.close()
    (scratch.folder.rejects / "job.ndjson").write_text('{"row":1,"data":{"no":"WANG-number"}}\n{"row":2,"data":{}}\n')
    return scratch.folder.root


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, whole):
    pool = Path(shutil.copytree(whole, tmp_path_factory.mktemp("undisturbed") / "pool"))
    told = answer(pool, *ERASE, **SETTINGS)
    assert told["erasure"]["events"] == 30
    assert told["proof"]["pending"] == []
    return said(pool)


def said(pool: Path):
    with caller(pool, **SETTINGS) as at:
        at.call(CLOCK_COMMAND, ClockQuestion("show"))
        assert at._pool is not None
        desk = at._pool.desk("tester")
        with pytest.raises(NotFoundError):
            customers.find_identity(desk, WHO)
        return fingerprint(desk), [(one.customer, one.events) for one in customers.erasures(desk).erasures]


@pytest.mark.parametrize(("point", "time_reached"), POINTS, ids=[f"{point}-{nth}" for point, nth in POINTS])
def test_killed_at_a_point_it_is_whole_after_the_next_start(tmp_path, whole, undisturbed, point, time_reached):
    pool = Path(shutil.copytree(whole, tmp_path / "pool"))
    killed = run(pool, *ERASE, ok=False, fault=f"{point}:{time_reached}", **SETTINGS)
    assert died(killed), f"the point was never reached\n{killed.stdout}{killed.stderr}"
    assert said(pool) == undisturbed
    for value in VALUES:
        assert files_with(pool, value) == []
    assert (pool / "rejects" / "job.ndjson").read_text() == '{"row":2,"data":{}}\n'
