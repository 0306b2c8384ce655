"""Instants, spans, money, ids, clocks, errors: the words that everything else speaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yutang.kernel.clock import ClockMode, PoolClock
from yutang.kernel.errors import DamagedError, InvalidError, YutangError, error_from_dict
from yutang.kernel.event import Event, EventBlob, Identity, decode_blob, encode_blob
from yutang.kernel.ids import SeededDraw, content_key, hash64
from yutang.kernel.instants import BEGINNING, NEVER, instant_from_text, instant_text, span_from_text, span_text
from yutang.kernel.money import major_text, minor_from_major


class TestInstants:
    @pytest.mark.parametrize(
        ("text", "instant"),
        [
            ("1970-01-01T00:00:00Z", 0),
            ("2018-01-01T04:01:20Z", 1_514_779_280_000),
            ("2018-01-01T12:01:20+08:00", 1_514_779_280_000),
            ("2018-01-01T04:01:20.500Z", 1_514_779_280_500),
            ("2017-03-01", 1_488_326_400_000),
        ],
    )
    def test_are_read_with_their_offset(self, text, instant):
        assert instant_from_text(text) == instant

    @pytest.mark.parametrize(
        ("text", "code"),
        [("2018-01-01T04:01:20", "instant.no_offset"), ("yesterday", "instant.malformed"), ("", "instant.malformed")],
    )
    def test_refuse_what_may_mean_several(self, text, code):
        with pytest.raises(InvalidError) as refused:
            instant_from_text(text, where="as_of")
        assert refused.value.code == code
        assert refused.value.where == "as_of"
        assert refused.value.remedy

    @given(st.integers(0, 4_102_444_800_000))
    def test_text_reads_back(self, instant):
        assert instant_from_text(instant_text(instant)) == instant

    def test_the_ends_have_names(self):
        assert (instant_text(BEGINNING), instant_text(NEVER)) == ("beginning", "never")


class TestSpans:
    @given(st.integers(0, 10**12))
    def test_text_reads_back(self, span):
        assert span_from_text(span_text(span)) == span

    @pytest.mark.parametrize("text", ["", "3", "3 months", "d", "3x", "-3d", "3d!"])
    def test_refuse_what_is_none(self, text):
        with pytest.raises(InvalidError):
            span_from_text(text)


class TestMoney:
    @pytest.mark.parametrize(
        ("amount", "currency", "minor"),
        [
            ("12.30", "CNY", 1230),
            (4.34, "USD", 434),
            (0.1, "USD", 10),
            ("1e3", "CNY", 100_000),
            (7, "JPY", 7),
            ("1.234", "KWD", 1234),
            ("-5", "CNY", -500),
        ],
    )
    def test_is_integers_of_the_smallest_unit(self, amount, currency, minor):
        assert minor_from_major(amount, currency) == minor

    @pytest.mark.parametrize(
        ("amount", "currency", "code"),
        [
            ("1.005", "CNY", "money.too_precise"),
            (0.1 + 0.2, "USD", "money.too_precise"),
            ("1.5", "JPY", "money.too_precise"),
            ("many", "CNY", "money.malformed"),
            (float("nan"), "CNY", "money.malformed"),
            ("1e30", "CNY", "money.too_large"),
        ],
    )
    def test_is_never_rounded_in_silence(self, amount, currency, code):
        with pytest.raises(InvalidError) as refused:
            minor_from_major(amount, currency)
        assert refused.value.code == code

    @given(st.integers(-(10**15), 10**15), st.sampled_from(["CNY", "JPY", "KWD"]))
    def test_text_reads_back(self, minor, currency):
        assert minor_from_major(major_text(minor, currency), currency) == minor


class TestIds:
    def test_hashes_are_pinned_because_they_are_stored(self):
        assert hash64("feed", "id") == 7_314_840_531_605_928_663
        assert content_key("x") == "hsijv4bdaehpi4zkhouk467vim"

    def test_keep_their_parts_apart(self):
        assert hash64("ab", "c") != hash64("a", "bc")
        assert content_key("ab", "c") != content_key("a", "bc")

    @given(st.text())
    def test_fit_an_int64_and_are_never_negative(self, text):
        assert 0 <= hash64(text) < 2**63

    def test_a_seed_repeats_its_draws(self):
        assert [SeededDraw(1).token() for _ in range(2)] == [SeededDraw(1).token() for _ in range(2)]
        assert SeededDraw(1).token() != SeededDraw(2).token()


class FakeMachine:
    def __init__(self, now):
        self.now = now

    def now_ms(self):
        return self.now

    def stopwatch_s(self):
        return 0.0


class TestClocks:
    def test_real_is_the_machines(self):
        assert PoolClock().now_ms(FakeMachine(5)) == 5
        assert not PoolClock().simulated

    def test_standing_stands(self):
        clock = PoolClock(ClockMode.STANDING, 100)
        assert [clock.now_ms(FakeMachine(now)) for now in (1, 999)] == [100, 100]

    def test_running_keeps_its_distance(self):
        clock = PoolClock(ClockMode.RUNNING, at_ms=1_000, machine_ms=50)
        assert clock.now_ms(FakeMachine(80)) == 1_030
        assert clock.simulated


class TestErrors:
    def test_cross_a_socket_as_themselves(self):
        error = DamagedError("lake.file_damaged", "it is gone", where="x.parquet", remedy="restore it")
        back = error_from_dict("DamagedError", error.as_dict())
        assert type(back) is DamagedError
        assert str(back) == str(error) == "x.parquet: it is gone → restore it [lake.file_damaged]"

    def test_of_a_class_from_elsewhere_are_still_errors(self):
        fields = {"code": "a.b", "message": "m", "where": "", "remedy": ""}
        assert type(error_from_dict("Unheard", fields)) is YutangError


class TestBlobs:
    def test_decode_to_what_was_encoded(self):
        event = Event("1", "order_paid", 5, (Identity("phone", "", "+8613800138000"),), {"amount": 5, "备注": "🐟"})
        blob = EventBlob("shop", True, 3, [event])
        assert decode_blob(encode_blob(blob)) == blob
