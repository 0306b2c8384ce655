"""The `yutang` command as a process of its own, for tests that kill it; and what is left, seen from here.

A process costs seconds, so only what must die is one: going on and looking happen in the test's own process,
by the same caller that the command uses.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from yutang.app import BLUEPRINT
from yutang.cli.caller import PoolCaller
from yutang.domains.audience.api import feed, questions
from yutang.domains.customers import api as customers
from yutang.domains.insight.api import figures as insight
from yutang.domains.insight.contracts.figures import ReportQuestion, SqlQuestion
from yutang.domains.intake.api.importing import ImportOptions, import_file
from yutang.kernel.clock import SystemClock
from yutang.kernel.errors import ConflictError
from yutang.kernel.faults import NoFaults
from yutang.kernel.limits import PAGE_ROWS_COUNT_MAX
from yutang.runtime.desk import Desk
from yutang.runtime.folder import Folder
from yutang.runtime.settings import Settings
from yutang.runtime.slots import PEOPLE

YUTANG = [sys.executable, "-m", "yutang"]
RUN_S_MAX = 120
EVERY_ROW = 100_000


def environment(pool: Path, **settings: object) -> dict[str, str]:
    """The environment of a command on a pool, with settings as variables; nothing of ours leaks in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YUTANG_")}
    return {**kept, "YUTANG_DATA": str(pool), **{f"YUTANG_{k.upper()}": str(v) for k, v in settings.items()}}


def start(pool: Path, *arguments: str, **settings: object) -> subprocess.Popen[str]:
    """A command at work."""
    return subprocess.Popen(
        [*YUTANG, *arguments], env=environment(pool, **settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def run(pool: Path, *arguments: str, ok: bool = True, **settings: object) -> subprocess.CompletedProcess[str]:
    """One command to its end; fails the test if it fails, unless `ok` is false."""
    done = subprocess.run(
        [*YUTANG, *arguments], env=environment(pool, **settings), capture_output=True, text=True, timeout=RUN_S_MAX,
        check=False,
    )  # fmt: skip
    if ok:
        assert done.returncode == 0, f"{arguments} → {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def run_python(code: str, pool: Path, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Python of a test's own, given a command's arguments, to its end."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment(pool), capture_output=True, text=True, check=True,
        timeout=timeout_s,
    )  # fmt: skip


def answer(pool: Path, *arguments: str, **settings: object) -> Any:
    """The JSON that a command prints."""
    return json.loads(run(pool, *arguments, "--json", **settings).stdout)


def died(done: subprocess.CompletedProcess[str]) -> bool:
    """Whether a command was killed, as by `kill -9`."""
    return done.returncode == -signal.SIGKILL


@contextmanager
def caller(pool: Path, **settings: Any) -> Iterator[PoolCaller]:
    """What a command works with, in this process."""
    made = PoolCaller(
        Folder(pool), Settings(**settings), (), BLUEPRINT, SystemClock(), NoFaults(), time.sleep, "tester"
    )
    try:
        yield made
    finally:
        made.close()


def import_rest(at: PoolCaller, source: Path) -> None:
    """As `yutang import`: all of a file, going on where it was; nothing if it was finished already."""
    try:
        import_file(at, source, ImportOptions(), SystemClock(), lambda *_: None)
    except ConflictError as error:
        assert error.code == "import.finished_already"
    for _ in at.wait_processed():
        pass


def net(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """A fingerprint in which the feed is told as what it comes to, by customer and label: from what to what.

    How much arrives together differs from run to run, and what changes twice within one group is news once. Each
    change must begin where the one before it ended.
    """
    ends: dict[tuple[str, str], tuple[str, str]] = {}
    for change in reversed(found["changes"]):  # the newest come first
        key = (change["customer"], change["label"])
        first, last = ends.get(key, (change["before"], change["before"]))
        assert last == change["before"], f"{key}: {change} follows {last}"
        ends[key] = (first, change["after"])
    return {**found, "changes": ends}


def fingerprint(desk: Desk) -> Mapping[str, Any]:
    """Everything that a pool says which may not depend on how often it was interrupted, feed and verdicts included."""
    own = "type, id, feed, epoch_ms(happened_at) AS instant, channel, source, rest, customer"
    events = insight.run_sql(desk, SqlQuestion(f"SELECT {own} FROM events ORDER BY ALL", EVERY_ROW))
    assert not events.more
    heads = desk.epoch[PEOPLE].heads().tolist()
    changes: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = feed.changes(desk, cursor=cursor, limit=PAGE_ROWS_COUNT_MAX)
        changes += page.changes
        cursor = page.next or None
    return {
        "report": msgspec.to_builtins(insight.report(desk, ReportQuestion())),
        "events": events.rows,
        "labels": {
            customers.customer_ids(desk.epoch, [head])[0]: msgspec.to_builtins(questions.memberships(desk, head))
            for head in heads
        },
        "changes": msgspec.to_builtins(changes),
    }
