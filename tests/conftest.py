"""Fixtures of every kind of test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


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
