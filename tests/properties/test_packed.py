"""Columns out of packed events against the events themselves, hashes against `kernel.ids`; the sieve forgets none."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from yutang.kernel.event import Event, Identity
from yutang.kernel.ids import hash64
from yutang.timeline.ordering import merge_order, row_order
from yutang.timeline.packed import (
    AT,
    AT_ESTIMATED,
    CHANNEL,
    FIELDS,
    HASHED_AT_ONCE,
    ID,
    IDENTITIES,
    PROPERTIES,
    SOURCE,
    SYSTEM,
    TYPE,
    Texts,
    entries_at,
    floats_at,
    integers_at,
    pack,
    texts_at,
)  # fmt: skip
from yutang.timeline.sieve import Sieve

NAMES = st.text(max_size=5) | st.sampled_from(["", "口红", "a" * 31, "b" * 32, "c" * 200, "d" * 300, "e" * 70_000])
WHOLE = st.integers(-(2**63), 2**64 - 1) | st.sampled_from(
    [0, 127, 128, -32, -33, 255, 256, 65_536, 2**31, -(2**31) - 1]
)
PLAIN = st.none() | st.booleans() | WHOLE | st.floats() | NAMES | st.binary(max_size=300)
VALUES = st.recursive(
    PLAIN,
    lambda one: st.lists(one, max_size=18) | st.dictionaries(st.text(max_size=3), one, max_size=17),
    max_leaves=30,
)
EVENTS = st.builds(
    Event,
    id=NAMES,
    type=st.sampled_from(["order", "view", ""]),
    at=st.integers(-(2**63), 2**63 - 1),
    identities=st.lists(st.builds(Identity, NAMES, NAMES, NAMES), max_size=3).map(tuple),
    properties=st.dictionaries(NAMES, VALUES, max_size=4),
    channel=st.sampled_from(["", "web"]),
    source=st.sampled_from(["", "wechat"]),
    system=st.booleans(),
    at_estimated=st.booleans(),
)


def spelled(texts: Texts) -> list[str]:
    """The texts themselves."""
    ends = zip(texts.begins.tolist(), texts.ends.tolist(), strict=True)
    return [bytes(texts.data[begin:end]).decode() for begin, end in ends]


def content_of(event: Event) -> bytes:
    """What the content's hash is about."""
    when = None if event.at_estimated else event.at
    return msgspec.msgpack.encode((event.type, when, event.properties, event.identities), order="deterministic")


class TestFields:
    def test_the_fields_are_named_in_their_order(self) -> None:
        named = [ID, TYPE, AT, IDENTITIES, PROPERTIES, CHANNEL, SOURCE, SYSTEM, AT_ESTIMATED]
        assert [FIELDS[place] for place in named] == [
            "id", "type", "at", "identities", "properties", "channel", "source", "system", "at_estimated",
        ]  # fmt: skip

    @given(st.lists(EVENTS, max_size=5))
    def test_columns_hold_what_the_events_hold(self, events: list[Event]) -> None:
        packed = pack(events)
        assert spelled(packed.texts(ID)) == [one.id for one in events]
        assert spelled(packed.texts(SOURCE)) == [one.source for one in events]
        assert integers_at(packed.data, packed.begins(AT))[0].tolist() == [one.at for one in events]
        codes, words = packed.texts(TYPE).coded()
        assert [words[code] for code in codes.tolist()] == [one.type for one in events]
        assert packed.texts(ID).differ() == (len({one.id for one in events}) == len(events))
        assert [*map(len, (packed, packed.at(np.arange(0))))] == [len(events), 0]

    @given(st.lists(EVENTS, min_size=1, max_size=3))
    def test_properties_are_found_wherever_they_lie(self, events: list[Event]) -> None:
        packed = pack(events)
        offsets, keys, values = entries_at(packed.data, packed.begins(PROPERTIES))
        assert np.diff(offsets).tolist() == [len(one.properties) for one in events]
        names, there = texts_at(packed.data, keys)
        assert there.all()
        sent: list[Any] = [one.properties[name] for one in events for name in sorted(one.properties)]
        assert spelled(names) == [name for one in events for name in sorted(one.properties)]
        found, whole = integers_at(packed.data, values)
        assert whole.tolist() == [type(one) is int and one < 2**63 for one in sent]
        assert [*found[whole].tolist()] == [one for one, fits in zip(sent, whole.tolist(), strict=True) if fits]
        floats, broken = floats_at(packed.data, values)
        expected = [one for one in sent if type(one) is float]
        assert all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(floats[broken], expected, strict=True))
        texts, worded = texts_at(packed.data, values)
        assert spelled(texts.at(worded)) == [one for one in sent if type(one) is str]


class TestHashes:
    @given(st.lists(EVENTS, max_size=4), st.sampled_from(["shop", "", "门店"]))
    def test_they_are_those_of_the_kernel(self, events: list[Event], feed: str) -> None:
        raw = feed.encode()
        prefix = len(raw).to_bytes(4, "little") + raw
        packed = pack(events)
        assert packed.ties([b"none", prefix], np.ones(len(events), np.int64)).tolist() == [
            hash64(feed, one.id) for one in events
        ]
        assert packed.contents().tolist() == [hash64(content_of(one)) for one in events]

    def test_messages_of_many_lengths_side_by_side(self) -> None:
        # Whole blocks, a byte less and more, groups of lanes that are full and that aren't.
        lengths = [*range(300), *(1_000 * n for n in range(20)), *([5] * HASHED_AT_ONCE)]
        events = [Event("x" * n, "t", n, (), {}) for n in lengths]
        prefix = (4).to_bytes(4, "little") + b"shop"
        ties = pack(events).ties([prefix], np.zeros(len(events), np.int64))
        assert ties.tolist() == [hash64("shop", one.id) for one in events]


class TestOrder:
    @given(st.lists(st.tuples(st.integers(0, 2**40 - 1) | st.integers(0, 3), st.integers(0, 2), st.integers(0, 2))))
    def test_rows_lie_as_a_merge_would_lay_them(self, rows: list[tuple[int, int, int]]) -> None:
        columns = [np.array([row[key] for row in rows], np.int64) for key in range(3)]
        assert row_order(*columns).tolist() == merge_order(*columns).tolist()


class TestSieve:
    @given(st.lists(st.integers(0, 2**63 - 1), max_size=60), st.integers(0, 60))
    @example([2**63 - 1, 0], 1)
    def test_what_was_met_is_met_for_ever(self, ties: list[int], built: int) -> None:
        column = np.array(ties, np.int64)
        sieve = Sieve([column[:built]], len(column[:built]))
        sieve.add(column[built:])
        assert sieve.met(column).all()

    def test_what_is_new_is_mostly_told_to_be(self) -> None:
        dice = np.random.default_rng(1)
        ties = dice.integers(0, 2**63 - 1, 400_000)
        sieve = Sieve([ties[:200_000]], 200_000)
        assert sieve.met(ties[200_000:]).mean() < 0.03

    def test_one_that_is_full_says_so_and_takes_everybody_for_met(self) -> None:
        dice = np.random.default_rng(1)
        sieve = Sieve([], 0)
        assert not sieve.outgrown
        sieve.add(dice.integers(0, 2**63 - 1, 200_000))
        assert sieve.outgrown
        assert sieve.met(np.arange(5)).all()
