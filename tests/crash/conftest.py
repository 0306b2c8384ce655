"""Fixtures of the imports that are killed; made once a module."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.support.commands import caller
from tests.support.crashing import EVENTS, NOW, SETTINGS, events, gone_on

from yutang.cli.clock import CLOCK_COMMAND, ClockQuestion


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("source") / "events.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in events(7)))
    return path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """A pool whose clock stands."""
    folder = tmp_path_factory.mktemp("prepared") / "pool"
    with caller(folder, **SETTINGS) as at:
        at.call(CLOCK_COMMAND, ClockQuestion("set", at=NOW))
    return folder


@pytest.fixture
def begun(tmp_path, prepared) -> Path:
    return Path(shutil.copytree(prepared, tmp_path / "pool"))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, prepared, source):
    found = gone_on(Path(shutil.copytree(prepared, tmp_path_factory.mktemp("undisturbed") / "pool")), source)
    assert len(found["events"]) == EVENTS
    return found
