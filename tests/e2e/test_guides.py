"""The guides are typed as they stand, and print what they say."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.support import console_blocks

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"


def test_getting_started_is_true(tmp_path: Path) -> None:
    """From the example's file to a label that changes by time alone."""
    folder = tmp_path / "example"
    shutil.copytree(GUIDES / "example", folder)
    console_blocks.check(
        GUIDES / "getting-started.md", folder, console_blocks.shell(folder, {"YUTANG_DATA": "my-pool"})
    )


def test_flows_and_sets_are_true(tmp_path: Path) -> None:
    """A matrix, a series, who stands behind a figure, and a set that is kept."""
    folder = tmp_path / "example"
    shutil.copytree(GUIDES / "example", folder)
    guide = GUIDES / "questions-flows.md"
    console_blocks.check(guide, folder, console_blocks.shell(folder, {"YUTANG_DATA": "my-pool"}))


@pytest.mark.timeout(700)  # the first to ask makes the pool
def test_questions_are_true(made: Path, tmp_path: Path) -> None:
    """Funnels and paths over the demo's pool, and who is behind a figure."""
    guide = GUIDES / "questions.md"
    console_blocks.check(guide, tmp_path, console_blocks.shell(tmp_path, {"YUTANG_DATA": str(made)}))


@pytest.mark.timeout(700)  # the first to ask makes the pool
def test_cohorts_and_counts_are_true(made: Path, tmp_path: Path) -> None:
    """Retention, sums, repurchase, value and quintiles over the demo's pool."""
    guide = GUIDES / "questions-cohorts.md"
    console_blocks.check(guide, tmp_path, console_blocks.shell(tmp_path, {"YUTANG_DATA": str(made)}))
