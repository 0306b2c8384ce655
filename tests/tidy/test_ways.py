"""ARCHITECTURE.md names the files through which a question goes: few enough to be followed, and really on the way."""

from __future__ import annotations

import ast
import re

from tests.tidy.source import ROOT

FILES_COUNT_MAX = 6
STEP = re.compile(r"^\d\. `(src/[^`]+)`", re.MULTILINE)


def _way() -> list[str]:
    found: list[str] = STEP.findall((ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    return found


def _imported(path: str) -> set[str]:
    """The files that a module's imports name; a member of a module names the module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return {f"src/{name.replace('.', '/')}.py" for name in names}


def test_a_question_goes_through_at_most_six_files() -> None:
    assert 0 < len(_way()) <= FILES_COUNT_MAX
    assert all((ROOT / path).is_file() for path in _way())


def test_each_is_reached_from_one_before_it() -> None:
    way = _way()
    for place, path in enumerate(way[1:], start=1):
        assert any(path in _imported(before) for before in way[:place]), path


def test_the_way_ends_in_a_kernel_that_calls_nothing_of_ours_but_kernels() -> None:
    ours = {path for path in _imported(_way()[-1]) if (ROOT / path).is_file()}
    allowed = ("src/yutang/timeline/kernels/", "src/yutang/timeline/steps.py", "src/yutang/kernel/")
    assert not [path for path in ours if not path.startswith(allowed)]
