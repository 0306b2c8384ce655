"""`kill -9` at every named point of an import: it goes on where it was, nothing lost, nothing twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.crash.test_erase_killed import POINTS as ERASING
from tests.support.commands import died, run
from tests.support.crashing import NOW, SETTINGS, gone_on

SOURCE = Path(__file__).resolve().parents[2] / "src"

# (point, the time that it is reached at which the process dies)
POINTS = [
    ("intake.before_commit", 3),
    ("intake.committed", 3),
    ("log.before_commit", 2),
    ("log.in_transaction", 2),
    ("log.committed", 2),
    ("echo.committed", 1),
    ("flush.before_write", 2),
    ("flush.written", 1),
    ("flush.renamed", 2),
    ("flush.committed", 2),
    ("flush.published", 1),
    ("flush.trimmed", 1),
    ("compaction.written", 1),
    ("compaction.committed", 1),
    ("compaction.unlinked", 2),
]


# Reached by the listener, by webhooks, and by definitions only: tests/crash/test_killed_under_load.py,
# tests/e2e/test_hooks.py, tests/crash/test_define_killed.py.
ELSEWHERE = ("intake.answered", "payloads.", "building.")


class TestKilledAtAPoint:
    def test_every_point_is_tried(self):
        named = {
            point
            for path in SOURCE.rglob("*.py")
            for point in re.findall(r'\breach\("([\w.]+)"\)', path.read_text("utf-8"))
        }
        named = {point for point in named if not point.startswith(ELSEWHERE)}
        assert named == {point for point, _ in (*POINTS, *ERASING)}

    @pytest.mark.parametrize(("point", "time_reached"), POINTS, ids=[point for point, _ in POINTS])
    def test_going_on_ends_as_if_nothing_had_happened(self, begun, source, undisturbed, point, time_reached):
        command = ("clock", "set", NOW) if point == "echo.committed" else ("import", str(source))
        killed = run(begun, *command, ok=False, fault=f"{point}:{time_reached}", **SETTINGS)
        assert died(killed), f"the point was never reached\n{killed.stderr}"
        assert gone_on(begun, source) == undisturbed
