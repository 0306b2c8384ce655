"""Which wiring a command line wants, told before anything is loaded; and that a supervisor loads little."""

from __future__ import annotations

import subprocess
import sys

import pytest

from yutang.__main__ import serves


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("serve", True),
        ("serve --help", True),
        ("--data pool serve", True),
        ("--data=pool --language zh serve", True),
        ("--data serve label list", False),
        ("--data", False),
        ("--version serve", False),
        ("label list serve", False),
        ("", False),
    ],
)
def test_only_a_plain_serve_is_the_supervisors(line: str, wanted: bool) -> None:
    assert serves(line.split()) is wanted


def test_a_supervisor_loads_no_slice_and_no_engine() -> None:
    code = "import sys, yutang.supervisor; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = ("yutang.domains", "yutang.timeline", "yutang.app", "sqlalchemy", "numpy", "pyarrow", "fastapi", "numba")
    assert [name for name in loaded if name.startswith(heavy)] == []
