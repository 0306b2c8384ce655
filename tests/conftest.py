"""Fixtures of every kind of test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# The same examples at every run, so that a red suite is the change's doing; a larger budget draws others.
settings.register_profile("house", derandomize=os.environ.get("YUTANG_TEST_BUDGET", "1") == "1", deadline=None)
settings.load_profile("house")


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Makes pools in scratch folders and closes them."""
    from tests.support.pools import Scratch

    opened: list[Scratch] = []

    def make(name: str = "pool", **settings: Any) -> Scratch:
        opened.append(Scratch(tmp_path / name, **settings))
        return opened[-1]

    yield make
    for one in opened:
        one.close()
