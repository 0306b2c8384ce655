"""The guides are typed as they stand, and print what they say."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support import console_blocks

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"


def test_getting_started_is_true(tmp_path: Path) -> None:
    """From the example's file to a label that changes by time alone."""
    folder = tmp_path / "example"
    shutil.copytree(GUIDES / "example", folder)
    console_blocks.check(
        GUIDES / "getting-started.md", folder, console_blocks.shell(folder, {"YUTANG_DATA": "my-pool"})
    )
