"""The supervisor's judgement of one child, without the signals; a whole service is in tests/e2e."""

from __future__ import annotations

import sys

import pytest
from tests.support.services import wait_for

from yutang.kernel.clock import SystemClock
from yutang.kernel.errors import UnavailableError
from yutang.runtime.folder import Folder
from yutang.runtime.service import RESTARTS_IN_A_ROW_MAX, Supervisor


@pytest.fixture
def house(tmp_path):
    """A supervisor whose children end at once, and what it does in its pauses."""
    pauses: list[object] = []

    def sleep(_seconds: float) -> None:
        for one in pauses:
            one()

    made = Supervisor(
        Folder(tmp_path), lambda _role: [sys.executable, "-c", "raise SystemExit(3)"], dict, SystemClock(), sleep
    )
    yield made, pauses
    made._end()


def ended(supervisor: Supervisor) -> None:
    wait_for(lambda: supervisor._children["intake"].poll() is not None, "the child ended")


class TestAChildThatDied:
    def test_is_started_anew_a_few_times(self, house):
        supervisor, _ = house
        supervisor._start("intake")
        seen = {supervisor._children["intake"].pid}
        for _ in range(RESTARTS_IN_A_ROW_MAX):
            ended(supervisor)
            supervisor._watch(["intake"])
            seen.add(supervisor._children["intake"].pid)
        assert len(seen) == 1 + RESTARTS_IN_A_ROW_MAX
        ended(supervisor)
        with pytest.raises(UnavailableError) as given_up:
            supervisor._watch(["intake"])
        assert given_up.value.code == "service.dying"

    def test_isnt_once_the_service_was_told_to_stop(self, house):
        supervisor, pauses = house
        supervisor._start("intake")
        ended(supervisor)
        pauses.append(supervisor._stopping.set)
        former = supervisor._children["intake"]
        supervisor._watch(["intake"])
        assert supervisor._children["intake"] is former
