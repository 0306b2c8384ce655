"""Keys at the intake's doors, and what it remembers of the events accepted lately."""

from __future__ import annotations

import pytest
from tests.support.receiving import KEY, SECRET, api_key

from yutang.domains.intake.api.desk import GENERATIONS, Lately
from yutang.domains.intake.api.gate import BURST_S, Gate, shown_key
from yutang.kernel.errors import LimitError, UnauthorizedError


class Machine:
    """A machine clock in a test's hands."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now_ms(self) -> int:
        return int(self.seconds * 1_000)

    def stopwatch_s(self) -> float:
        return self.seconds


class TestKeys:
    def test_a_former_secret_ends_in_time_though_it_was_verified_before(self) -> None:
        machine = Machine()
        gate = Gate(machine)
        gate.renew((api_key(former_digest=api_key(secret="old").digest, former_until=1_005_000),))
        assert gate.authorize({"x-api-key": "yk_k1_old"}, "").id == "k1"
        machine.seconds += 6
        with pytest.raises(UnauthorizedError):
            gate.authorize({"x-api-key": "yk_k1_old"}, "")
        assert gate.authorize({"x-api-key": KEY}, "").id == "k1"

    def test_no_former_secret_is_no_secret(self) -> None:
        gate = Gate(Machine())
        gate.renew((api_key(former_digest="", former_until=9_999_999_999_999),))
        for shown in ("yk_k1_", "yk_k1_" + "0" * 64, f"yk__{SECRET}", f"xx_k1_{SECRET}"):
            with pytest.raises(UnauthorizedError):
                gate.authorize({"x-api-key": shown}, "")

    def test_what_the_body_carried_goes_first(self) -> None:
        gate = Gate(Machine())
        gate.renew((api_key(), api_key("k2", "s2")))
        assert gate.authorize({"x-api-key": KEY}, "yk_k2_s2").id == "k2"

    @pytest.mark.parametrize("header", ["Digest x", "Basic ***", "Basic gICAgA==", "Basic " + "A" * 10_000])
    def test_other_ways_to_show_one(self, header: str) -> None:
        with pytest.raises(UnauthorizedError):
            shown_key({"authorization": header})


class TestRates:
    def test_events_come_back_with_time(self) -> None:
        machine = Machine()
        gate, key = Gate(machine), api_key(rate_events_per_s=10)
        gate.spend(key, 10 * BURST_S)
        with pytest.raises(LimitError) as refused:
            gate.spend(key, 5)
        assert refused.value.retry_after_s == 1
        machine.seconds += 0.5
        gate.spend(key, 5)

    def test_a_batch_larger_than_a_burst_is_taken_and_paid_off(self) -> None:
        machine = Machine()
        gate, key = Gate(machine), api_key(rate_events_per_s=10)
        gate.spend(key, 100)
        with pytest.raises(LimitError) as refused:
            gate.spend(key, 1)
        assert refused.value.retry_after_s == 9
        machine.seconds += 8.2
        gate.spend(key, 1)


class TestLately:
    def test_within_and_between_requests_by_feed(self) -> None:
        lately = Lately(1_000)
        assert lately.repeats("a", ["1", "2", "1"]) == 1
        assert lately.repeats("a", ["2", "3"]) == 1
        assert lately.repeats("b", ["1", "2"]) == 0

    def test_remembers_as_many_as_it_says_and_not_all(self) -> None:
        lately = Lately(1_000)
        for start in range(0, 5_000, 50):
            assert lately.repeats("a", [str(n) for n in range(start, start + 50)]) == 0
        assert lately.repeats("a", [str(n) for n in range(4_000, 5_000)]) == 1_000
        held = sum(len(ids) for one in [lately._young, *lately._old] for ids in one.values())
        assert held <= 1_000 * (GENERATIONS + 2) // GENERATIONS + 1_000
        assert lately.repeats("a", [str(n) for n in range(1_000)]) == 0
