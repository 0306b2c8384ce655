"""A bounded share of fuzzing in every run; YUTANG_TEST_BUDGET makes it longer. A finding's input is printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.seeds import write_seeds

ROOT = Path(__file__).resolve().parents[2]
BUDGET = int(os.environ.get("YUTANG_TEST_BUDGET", "1"))
RUNS = 40_000 * BUDGET
BYTES_MAX = 4_096
SECONDS_AN_INPUT_MAX = 10  # an input that takes longer is a finding too
MEMORY_MB_MAX = 2_048


@pytest.mark.timeout(300 * BUDGET)
def test_nothing_found(tmp_path: Path) -> None:
    write_seeds(tmp_path)
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.fuzz.target", str(tmp_path), f"-runs={RUNS}", f"-max_len={BYTES_MAX}",
            f"-timeout={SECONDS_AN_INPUT_MAX}", f"-rss_limit_mb={MEMORY_MB_MAX}", f"-artifact_prefix={tmp_path}/",
            "-seed=1",
        ],
        cwd=ROOT, capture_output=True, text=True, check=False, errors="replace",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-6_000:]
    assert f"Done {RUNS} runs" in done.stderr
