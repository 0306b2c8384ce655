"""The end is told once to all, and nobody is waited for longer than by one measure; what can't end in time is left."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from yutang.runtime.daily import doing_chores
from yutang.runtime.ending import GRACE_S, Ending


class Stopwatch:
    """A machine whose time the test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now_ms(self) -> int:
        return int(1_000 * self.seconds)

    def stopwatch_s(self) -> float:
        return self.seconds


class TestTheTimeThatIsLeft:
    def test_runs_from_the_first_time_that_the_end_is_told(self) -> None:
        machine = Stopwatch()
        ending = Ending(machine)
        assert not ending.told()
        assert ending.left_s() > 1_000
        ending.tell()
        machine.seconds += GRACE_S / 2
        ending.tell()
        assert ending.told()
        assert ending.left_s() == pytest.approx(GRACE_S / 2)
        machine.seconds += GRACE_S
        assert ending.left_s() == 0

    def test_whoever_rests_is_woken(self) -> None:
        ending = Ending(Stopwatch())
        assert not ending.wait(0)
        threading.Timer(0.01, ending.tell).start()
        assert ending.wait(60)


class TestAChore:
    @pytest.fixture
    def stuck(self) -> Iterator[threading.Event]:
        """Let go at the end of the test."""
        going = threading.Event()
        yield going
        going.set()

    def test_that_is_in_the_middle_of_something_long_is_left_there(self, stuck: threading.Event) -> None:
        machine, begun = Stopwatch(), threading.Event()

        def chore(_desk: object) -> None:
            begun.set()
            machine.seconds += 1_000  # so that no time is left once the end is told
            stuck.wait(60)

        ending = Ending(machine)
        with doing_chores((chore,), lambda: None, ending, 0.0):  # type: ignore[arg-type, return-value]
            assert begun.wait(60)
            ending.tell()
            machine.seconds += GRACE_S
        assert not stuck.is_set(), "nobody waited for it"

    def test_that_fails_at_the_end_is_no_news(self, capsys: pytest.CaptureFixture[str]) -> None:
        ending, begun = Ending(Stopwatch()), threading.Event()

        def chore(_desk: object) -> None:
            begun.set()
            assert ending.wait(60)
            raise OSError("the database is closed")

        with doing_chores((chore,), lambda: None, ending, 0.0):  # type: ignore[arg-type, return-value]
            assert begun.wait(60)
        assert "chore failed" not in "".join(capsys.readouterr())


def test_leaving_waits_for_no_thread_and_says_what_was_said() -> None:
    code = """
import threading, time
from concurrent.futures import ThreadPoolExecutor
from yutang.runtime.ending import leave
begun = threading.Event()
def work():
    begun.set()
    time.sleep(3600)
ThreadPoolExecutor(1).submit(work)
begun.wait()
print("said", end="")
leave(3)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "said", "")
