"""The READMEs' commands print what the READMEs say, on the demo's pool."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import console_blocks

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pool(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    copy = tmp_path_factory.mktemp("readme") / "pool"
    shutil.copytree(made, copy, ignore=shutil.ignore_patterns("*.sock"))
    yield copy
    shutil.rmtree(copy)


@pytest.mark.timeout(700)  # the first to ask makes the pool
@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_a_readme_is_true(name: str, pool: Path, tmp_path: Path) -> None:
    """Typed as it stands: `.venv/bin/yutang` is the command of this very environment."""
    commands = tmp_path / ".venv" / "bin"
    commands.mkdir(parents=True)
    shell = console_blocks.shell(tmp_path, {"YUTANG_DATA": str(pool)})
    (commands / "yutang").symlink_to(shutil.which("yutang", path=shell["PATH"]) or "yutang")
    console_blocks.check(ROOT / name, tmp_path, shell)
