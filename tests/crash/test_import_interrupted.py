"""`kill -9` of an import again and again, at points and at random times: it goes on where it was."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from tests.support.commands import RUN_S_MAX, died, run, start
from tests.support.crashing import SETTINGS, gone_on

BUDGET = float(os.environ.get("YUTANG_TEST_BUDGET", "1"))
FIRST_S = 0.8  # a process doesn't get to work sooner


class TestKilledAtPoints:
    def test_dying_again_and_again_on_the_way(self, begun, source, undisturbed):
        for point in ("log.committed:5", "flush.renamed:2", "log.in_transaction:4", "flush.committed:1"):
            assert died(run(begun, "import", str(source), ok=False, fault=point, **SETTINGS))
        assert gone_on(begun, source) == undisturbed


class TestKilledAtRandom:
    @pytest.mark.parametrize("seed", range(max(1, int(3 * BUDGET))))
    def test_again_and_again(self, begun, source, undisturbed, seed):
        dice = random.Random(seed)
        for _ in range(4):
            child = start(begun, "import", str(source), **SETTINGS)
            time.sleep(FIRST_S + dice.random() * 1.5)
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=RUN_S_MAX)
        assert gone_on(begun, source) == undisturbed
