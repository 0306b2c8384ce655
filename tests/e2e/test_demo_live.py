"""The demo goes on: its clock runs, its till sends over HTTP, and what arrives is shown."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.commands import answer
from tests.support.services import free_port

ROOT = Path(__file__).resolve().parents[2]
RUN_S_MAX = 300


@pytest.mark.timeout(700)  # the first to ask makes the pool
def test_events_flow_in_over_http(made: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    shutil.copytree(made, pool, ignore=shutil.ignore_patterns("*.sock"))
    before = answer(pool, "sql", "SELECT count(*) AS n FROM events WHERE feed = 'till'")[0]["n"]
    ports = {"YUTANG_LISTEN_PORT": str(free_port()), "YUTANG_INTAKE_PORT": str(free_port())}
    done = subprocess.run(
        [sys.executable, "-m", "demo.run", "--no-serve", "--data", str(pool)], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, **ports}, timeout=RUN_S_MAX, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    acknowledged = re.search(r"till: ([0-9,]+) events acknowledged", done.stdout)
    assert acknowledged is not None, done.stdout[-2_000:]
    sent = int(acknowledged[1].replace(",", ""))
    assert sent > 0
    assert re.search(r"product_viewed +till +member_no:", done.stdout), done.stdout[-2_000:]
    after = answer(pool, "sql", "SELECT count(*) AS n FROM events WHERE feed = 'till'")[0]["n"]
    assert after - before == sent
    assert answer(pool, "clock", "show")["mode"] == "running"
