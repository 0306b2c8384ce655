"""`kill -9` at every named point of a definition: once accepted it comes into force, once, as if nothing was."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.support.commands import caller, died, fingerprint, run
from tests.support.pools import Scratch, event

from yutang.domains.audience.api import checkpoints
from yutang.domains.audience.commands.labels import BUILDING, LABELS, BuildingQuestion, LabelsQuestion

SETTINGS = {"zone": "UTC", "currency": "USD"}
DEFINE = ("label", "define", "fans", "count(order_paid, 40d) >= 4 and in(keen)")

# (point, the time that it is reached at which the process dies); two transactions: accepted, in force
POINTS = [
    ("echo.committed", 1),
    ("log.before_commit", 1),
    ("log.in_transaction", 1),
    ("log.committed", 1),
    ("building.part", 1),
    ("building.built", 1),
    ("echo.committed", 2),
    ("log.before_commit", 2),
    ("log.in_transaction", 2),
    ("log.committed", 2),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    scratch = Scratch(tmp_path_factory.mktemp("whole") / "pool", start="2026-04-01", **SETTINGS)
    scratch.define("keen", "count(search, 30d) >= 2")
    for day in range(1, 31):
        at = f"2026-03-{day:02d} 10:00"
        scratch.send(
            event("order_paid", at, f"member_no:m{day % 7}", amount=1_000 * day),
            event("search", at, f"member_no:m{day % 5}", target="brand"),
        )
    scratch.close()
    return scratch.folder.root


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, whole):
    pool = Path(shutil.copytree(whole, tmp_path_factory.mktemp("undisturbed") / "pool"))
    run(pool, *DEFINE, **SETTINGS)
    found = said(pool)
    assert any(change["label"] == "fans" for change in found[0]["changes"])
    return found


def said(pool: Path):
    """What the pool says once whatever waits is in force."""
    with caller(pool, **SETTINGS) as at:
        while at.call(BUILDING, BuildingQuestion("fans", 0, 1_000)).building is not None:
            pass
        assert not any(one.label.building for one in at.call(LABELS, LabelsQuestion()).labels)
        assert at._pool is not None
        desk = at._pool.desk("tester")
        held = checkpoints.held_then(desk, "fans", desk.now_ms, desk.now_ms)
        return fingerprint(desk), held.heads.tolist()


@pytest.mark.parametrize(("point", "time_reached"), POINTS, ids=[f"{point}-{nth}" for point, nth in POINTS])
def test_killed_at_a_point_it_comes_into_force_after_the_next_start(tmp_path, whole, undisturbed, point, time_reached):
    pool = Path(shutil.copytree(whole, tmp_path / "pool"))
    killed = run(pool, *DEFINE, ok=False, fault=f"{point}:{time_reached}", **SETTINGS)
    assert died(killed), f"the point was never reached\n{killed.stdout}{killed.stderr}"
    assert said(pool) == undisturbed
