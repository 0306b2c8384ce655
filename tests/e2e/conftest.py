"""The demo's pool, made once for all workers, as a newcomer makes it (about a minute)."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKE_S_MAX = 600


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, this worker's own copy; what was made stays as it is."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, finished = shared / "demo" / "pool", shared / "demo" / "finished"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            command = [sys.executable, "-m", "demo.run", "--only-import", "--data", str(folder)]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=MAKE_S_MAX)
            finished.touch()
    return shutil.copytree(folder, tmp_path_factory.mktemp("demo") / "pool", ignore=shutil.ignore_patterns("*.sock"))
