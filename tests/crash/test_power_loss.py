"""The power fails: what wasn't synced is gone, or there in part, in any order. What was acknowledged is kept.

A process keeps a journal of all that it tells the disk (tests/support/powerloss). Then, for instants of the journal
drawn at random, the folder is made as a power loss at that instant would leave it, opened, and gone on with.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.support.commands import RUN_S_MAX, YUTANG, caller, environment, fingerprint
from tests.support.crashing import EVENTS, SETTINGS, gone_on
from tests.support.powerloss import replay
from tests.support.powerloss.building import shim
from tests.support.powerloss.putting import PARTS, part_events

BUDGET = float(os.environ.get("YUTANG_TEST_BUDGET", "1"))
LOSSES = max(1, int(4 * BUDGET))
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory) -> Path:
    return shim(tmp_path_factory.mktemp("shim"))


class Journal:
    """What a process told the disk about a folder, and the folder as it was before."""

    def __init__(self, folder: Path, preloaded: Path, command: list[str], kill_at_bytes: int = 0) -> None:
        self.disk_folder = folder.resolve()
        self.start = replay.Disk(self.disk_folder)
        path = folder.parent / "journal"
        told = {**environment(folder, **SETTINGS), **replay.environment(preloaded, folder, path)}
        child = subprocess.Popen(
            command, env={**told, "PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        if kill_at_bytes:
            while child.poll() is None and _size(path) < kill_at_bytes:
                time.sleep(0.001)
            child.send_signal(signal.SIGKILL)
        self.said, errors = child.communicate(timeout=RUN_S_MAX)
        assert child.returncode in (0, -signal.SIGKILL), errors
        self.records = replay.read_journals(path)
        assert self.records, "the shim saw nothing"

    def tell_all(self) -> replay.Disk:
        """The disk at the end of the journal."""
        for record in self.records:
            self.start.tell(record)
        return self.start

    def losses(self, seed: int, target: Path, count: int) -> Iterator[tuple[int, Path]]:
        """Power losses at drawn instants, in order: (instant in ns, the folder as it was left)."""
        dice = random.Random(seed)
        places = sorted(dice.sample(range(1, len(self.records)), count))
        disk, at = self.start, 0
        for number, place in enumerate(places):
            for record in self.records[at:place]:
                disk.tell(record)
            at = place
            image = target / f"{number}"
            disk.image(image, dice if number % 3 else None)  # every third: exactly what was synced
            yield self.records[place - 1].time_ns, image


def _size(journal: Path) -> int:
    """The bytes of the journals of all processes; some have none, as they touch nothing."""
    return sum(one.stat().st_size for one in journal.parent.glob(f"{journal.name}.*"))


class TestTheDisk:
    SCRIPT = """
import os, sys
root = sys.argv[1]
def write(name, content, sync=True, how="wb"):
    with open(os.path.join(root, name), how) as file:
        file.write(content)
        file.flush()
        if sync:
            os.fsync(file.fileno())
def sync(name=""):
    handle = os.open(os.path.join(root, name), os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
write("old", b"unsynced", sync=False, how="r+b")
write("synced", b"1" * 5000); write("nameless", b"2"); write("moved.draft", b"3")
os.makedirs(os.path.join(root, "folder")); write("folder/inside", b"4"); sync("folder")
write("kept", b"5")
"""
    TAIL: ClassVar[dict[str, tuple[str, dict[str, bytes]]]] = {
        "nothing more": ("", {"old": b"original"}),
        "the folder is synced": (
            "sync()",
            {"old": b"original", "synced": b"1" * 5000, "nameless": b"2", "moved.draft": b"3", "folder/inside": b"4",
             "kept": b"5"},
        ),
        "a move is synced, a removal isn't": (
            "os.replace(root + '/moved.draft', root + '/moved'); sync(); os.unlink(root + '/kept')",
            {"old": b"original", "synced": b"1" * 5000, "nameless": b"2", "moved": b"3", "folder/inside": b"4",
             "kept": b"5"},
        ),
    }  # fmt: skip

    @pytest.mark.parametrize("tail", TAIL)
    def test_keeps_what_was_synced_and_no_more(self, tmp_path, preloaded, tail):
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "old").write_bytes(b"original")
        more, expected = self.TAIL[tail]
        disk = Journal(folder, preloaded, [sys.executable, "-c", self.SCRIPT + more, str(folder)]).tell_all()
        disk.image(tmp_path / "image")
        left = {str(path.relative_to(tmp_path / "image")): path.read_bytes()
                for path in (tmp_path / "image").rglob("*") if path.is_file()}  # fmt: skip
        assert left == expected


class TestAnImport:
    def test_the_journal_tells_what_is_there(self, begun, source, preloaded):
        """With everything synced and taken in, the folder that is made is the folder that is."""
        journal = Journal(begun, preloaded, [*YUTANG, "import", str(source)])
        disk = journal.tell_all()
        for folder in (journal.disk_folder, *(one for one in journal.disk_folder.rglob("*") if one.is_dir())):
            disk.tell(replay.Told(0, 0, 0, "G", str(folder).encode(), b""))
        image = begun.parent / "image"
        disk.image(image)
        names = {path.relative_to(image) for path in image.rglob("*")}
        there = {path.relative_to(begun) for path in begun.rglob("*")}
        assert {one for one in names ^ there if one.parts[0] != "cache" and one.suffix != ".db-shm"} == set()
        for path in sorted((image / "lake").glob("*.parquet")):
            assert path.read_bytes() == (begun / "lake" / path.name).read_bytes()

    @pytest.mark.parametrize("seed", [3])
    def test_goes_on_as_if_nothing_had_happened(self, begun, source, undisturbed, preloaded, seed, tmp_path):
        journal = Journal(begun, preloaded, [*YUTANG, "import", str(source)])
        for instant, image in journal.losses(seed, tmp_path / "images", LOSSES):
            assert gone_on(image, source) == undisturbed, f"power lost at {instant}"
            shutil.rmtree(image)
        assert len(undisturbed["events"]) == EVENTS

    def test_killed_and_then_without_power(self, begun, source, undisturbed, preloaded, tmp_path):
        journal = Journal(begun, preloaded, [*YUTANG, "import", str(source)], kill_at_bytes=2_000_000)
        image = tmp_path / "image"
        journal.tell_all().image(image, random.Random(1))
        assert gone_on(image, source) == undisturbed


class TestLivePuts:
    @pytest.mark.parametrize("fresh", [False, True])
    def test_what_was_acknowledged_is_there_once(self, begun, preloaded, tmp_path, fresh):
        if fresh:  # the pool itself is made under the journal
            shutil.rmtree(begun)
            begun.mkdir()
        command = [sys.executable, "-m", "tests.support.powerloss.putting", str(begun)]
        journal = Journal(begun, preloaded, command)
        acknowledged = [int(line) for line in journal.said.split()]  # instants, part by part
        assert len(acknowledged) == PARTS
        for instant, image in journal.losses(5, tmp_path / "images", LOSSES):
            found, labels = _seen(image)
            assert max(found.values(), default=1) == 1, "counted twice"
            for part, acked in enumerate(acknowledged):
                ids = {event.id for event in part_events(part)}
                if acked <= instant:
                    assert ids <= set(found), f"part {part} was acknowledged and is lost"
                assert not ids & set(found) or ids <= set(found), "a batch is there in part"
            assert labels == _recomputed(image)
            shutil.rmtree(image)


def _seen(pool: Path) -> tuple[Counter[str], Any]:
    with caller(pool, **SETTINGS) as at:
        for _ in at.wait_processed():
            pass
        assert at._pool is not None
        at._pool.loop.flush()
        said = fingerprint(at._pool.desk("tester"))
    return Counter(row[1] for row in said["events"]), said["labels"]


def _recomputed(pool: Path) -> Any:
    return _seen(pool)[1]
