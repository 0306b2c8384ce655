"""Retention, counts, stickiness, repurchase, value and recency against plain loops over dates and events.

`YUTANG_TEST_BUDGET` multiplies the number of examples.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby, pairwise
from statistics import median as plain_median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.condition_sample import SAMPLE
from tests.support.memory_view import MemoryView
from tests.support.slow_figures import TYPES, World, begin_of, worlds

from yutang.conditions.nodes import Events, Unit
from yutang.conditions.vocabulary import Kind
from yutang.kernel.instants import BEGINNING, DAY_MS, NEVER
from yutang.timeline.boundaries import calendar
from yutang.timeline.kernels import periods as kernels
from yutang.timeline.kernels.periods import BITS
from yutang.timeline.kernels.presence import QUARTER_MS, united
from yutang.timeline.presence import Presence, Presences, Quarters
from yutang.timeline.questions import counts, recency, repurchase, retention, stickiness, value
from yutang.timeline.questions.buckets import DAYS, TIMES, median
from yutang.timeline.questions.periods import (
    Periods,
    bits_count,
    holds,
    lowest,
    marked,
    periods_back,
    periods_between,
    up_to_last,
)
from yutang.timeline.questions.retention import Beginning
from yutang.timeline.ranking import fifths

BUDGET = max(1, int(os.environ.get("YUTANG_TEST_BUDGET", "1")))
MANY = settings(max_examples=150 * BUDGET)
GROUPS = 2
SETS = {
    "orders": Events(("order_paid",)),
    "views": Events(("product_viewed",)),
    "both": Events(("order_paid", "product_viewed")),
    "visit": Events(mark="visit"),
    "all": Events(),
}
MEANT = {"orders": TYPES[:1], "views": TYPES[2:], "both": (TYPES[0], TYPES[2]), "visit": TYPES[2:], "all": TYPES}


def codes_of(world: World):
    return np.array(world.codes, np.int64)


class TestPeriods:
    def test_a_day_that_a_zone_skipped_keeps_its_name_and_is_empty(self):
        apia = calendar("Pacific/Apia")
        since, until = (begin_of(day, "Pacific/Apia") for day in (date(2011, 12, 29), date(2012, 1, 1)))
        periods = periods_between(apia, Unit.DAY, since, until)
        assert periods.names == ("2011-12-29", "2011-12-30", "2011-12-31", "2012-01-01")
        assert np.diff(periods.begins[:3]).tolist() == [DAY_MS, 0]

    @MANY
    @given(worlds())
    def test_they_are_those_of_the_calendar(self, world):
        periods = world.periods
        days = world.days()
        assert list(periods.names) == [day.isoformat() for day in days]
        assert periods.begins[:-1].tolist() == [begin_of(day, world.zone) for day in days]
        at = np.array([fact.at for fact in world.facts], np.int64)
        found = [None if place < 0 else place for place in periods.of(at).tolist()]
        assert found == [world.period(fact.at) for fact in world.facts]
        assert periods.complete[:-1] == (True,) * (periods.count - 1)
        assert periods.complete[-1] == (periods.begins[-1] - 1 <= world.until)

    @MANY
    @given(worlds(), st.sampled_from(sorted(SETS)))
    def test_bits_say_in_which_periods_events_are(self, world, which):
        words = world.periods.words
        masks = marked(world.view, SETS[which], world.periods).reshape(-1, words).tolist()
        for customer, row in enumerate(masks):
            bits = {w * BITS + b for w, word in enumerate(row) for b in range(BITS) if word >> b & 1}
            facts = [fact for fact in world.of(customer, MEANT[which]) if fact.at <= world.until]
            expected = {0 if fact.at < world.since else 1 + (world.period(fact.at) or 0) for fact in facts}
            assert bits == expected

    def test_so_many_back_end_with_the_instants_own(self):
        until = begin_of(world_day(2026, 3, 15), "Asia/Shanghai")
        periods = periods_back(calendar("Asia/Shanghai"), Unit.MONTH, 3, until)
        assert periods.names == ("2026-01-01", "2026-02-01", "2026-03-01")


def world_day(year: int, month: int, day: int):
    from datetime import date

    return date(year, month, day)


class Present(MemoryView):
    """A view that knows when its customers were there, by some of its types."""

    def __init__(self, world: World, types: tuple[str, ...]) -> None:
        super().__init__(SAMPLE, len(world.codes), world.facts)
        firsts = [
            [min(group) for _, group in groupby((f.at for f in world.of(customer, types)), lambda at: at // QUARTER_MS)]
            for customer in range(len(world.codes))
        ]
        offsets = np.cumsum([0, *map(len, firsts)]).astype(np.int64)
        every = np.array([at for own in firsts for at in own], np.int64)
        self._present = Presence(frozenset(types), offsets, Quarters.of(offsets, every))

    def presence(self) -> Presence | None:
        return self._present


@dataclass(frozen=True, eq=False)
class Lists:
    """What is read of an arrangement."""

    starts: np.ndarray
    at: np.ndarray


class TestPresence:
    @MANY
    @given(worlds(), st.sampled_from((TYPES, TYPES[:2])), st.integers(0, 2 * QUARTER_MS))
    def test_a_first_instant_each_quarter_says_the_same(self, world, types, later):
        """Whatever instant the range ends with; other sets of events, and odd beginnings, are read as they lie."""
        for periods in (
            world.periods,
            periods_between(calendar(world.zone), world.unit, world.since, world.until + later),
            periods_between(calendar(world.zone), world.unit, world.since + later, world.until + 2 * later),
        ):
            for events in (Events(), SETS["both"]):
                assert (marked(Present(world, types), events, periods) == marked(world.view, events, periods)).all()

    @MANY
    @given(st.lists(st.tuples(*[st.lists(st.integers(0, 5 * QUARTER_MS)).map(sorted)] * 2), max_size=4), st.booleans())
    def test_lists_are_united(self, lists, fewer):
        first, second = [one for one, _ in lists], [other for _, other in lists]
        second = second[: len(second) // 2] if fewer else second
        starts, at = united(*laid(first), *laid(second))
        found = [at[low:high].tolist() for low, high in pairwise(starts.tolist())]
        expected = []
        for place, one in enumerate(first):
            every = sorted(one + (second[place] if place < len(second) else []))
            expected.append([min(group) for _, group in groupby(every, lambda at: at // QUARTER_MS)])
        assert found == expected

    def test_it_is_made_once_for_the_same_arrangements(self):
        one, other = laid([[1, 2, QUARTER_MS]]), laid([[5]])
        arranged = [Lists(*one), Lists(*other)]
        presences = Presences()
        found = presences.of(arranged)
        assert (found.starts.tolist(), found.at.tolist()) == ([0, 2], [1, QUARTER_MS])
        assert presences.of(list(arranged)) is found
        assert presences.of(arranged[:1]) is not found
        presences.clear()
        assert presences.of(arranged).at.tolist() == found.at.tolist()

    @MANY
    @given(worlds(), st.data())
    def test_a_stretch_of_customers_is_read_where_it_lies(self, world, data):
        """Quarters are of all customers, and a view's are some of them."""
        whole = Present(world, TYPES).presence()
        assert whole is not None
        first = data.draw(st.integers(0, len(world.codes)))
        facts = [replace(fact, customer=fact.customer - first) for fact in world.facts if fact.customer >= first]
        some = MemoryView(SAMPLE, len(world.codes) - first, facts)
        expected = marked(some, Events(), world.periods).tolist()
        stretch = replace(whole, offsets=whole.offsets[first:])
        some.presence = lambda: stretch  # type: ignore[attr-defined]
        assert marked(some, Events(), world.periods).tolist() == expected


def laid(lists):
    """(starts, at) of a list a customer."""
    starts = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    return starts, np.array([at for own in lists for at in own], np.int64)


WORD = st.integers(0, 2**BITS - 1)


class TestBits:
    """Sets of many words, as Python's integers have them."""

    @MANY
    @given(st.integers(1, 3), st.data(), st.integers(1, 150))
    def test_members_are_tallied_across_words(self, words, data, shown):
        sets = data.draw(st.lists(st.lists(WORD, min_size=words, max_size=words), min_size=1, max_size=3))
        places = st.tuples(st.integers(0, len(sets) - 1), st.integers(0, 1), st.integers(0, words * BITS - 1))
        drawn = data.draw(st.lists(places, max_size=5))
        rows, cells, firsts = (np.array([one[n] for one in drawn], np.int64) for n in range(3))
        masks = np.array(sets, np.int64).reshape(-1)
        numbers = [sum(word << (BITS * place) for place, word in enumerate(one)) for one in sets]
        expected = np.zeros((2, shown), np.int64)
        for row, cell, first in drawn:
            expected[cell] += [numbers[row] >> (first + k) & 1 for k in range(shown)]
        assert (kernels.tally(rows, cells, firsts, masks, words, shown, 2).reshape(2, shown) == expected).all()
        for k in {0, shown - 1}:
            told = holds(masks, words, rows, firsts + k).tolist()
            assert told == [numbers[row] >> (first + k) & 1 for row, _, first in drawn]

    @MANY
    @given(
        st.lists(st.tuples(WORD, WORD, st.integers(-1, 1)), max_size=9), st.integers(1, 70), st.booleans(),
        st.booleans(), st.integers(1, 4),
    )  # fmt: skip
    def test_whoever_follows_is_counted(self, rows, shown, first_ever, every, most):
        """However often lanes are emptied: as many of the same members as a lane can hold are tried apart."""
        begins, masks, codes = (np.array([row[n] for row in rows], np.int64) for n in range(3))
        cohorts = BITS - 1
        found = kernels.followed(begins, masks, codes, 2, cohorts, shown, int(first_ever), int(every), most)
        sizes, counts = np.zeros((2, cohorts), np.int64), np.zeros((2, cohorts, shown), np.int64)
        for begun, mask, code in rows:
            bits = [bit for bit in range(BITS) if begun >> bit & 1 and (bit or first_ever)]
            for bit in [bit for bit in (bits if every else bits[:1]) if bit] if code >= 0 else []:
                if not (first_ever and begun & 1):
                    sizes[code, bit - 1] += 1
                    counts[code, bit - 1] += [mask >> (bit + k) & 1 for k in range(shown)]
        assert found[0].tolist() == sizes.reshape(-1).tolist()
        assert found[1].tolist() == counts.reshape(-1).tolist()

    def test_a_lane_holds_as_many_as_it_is_given(self):
        count = kernels.LANE_MAX + 2
        same = np.full(count, 0b11110, np.int64)
        sizes, counts = kernels.followed(same, same, np.zeros(count, np.int64), 1, 4, 5, 0, 0, kernels.LANE_MAX)
        assert sizes.tolist() == [count, 0, 0, 0]
        assert counts.reshape(4, 5)[0].tolist() == [count] * 4 + [0]

    @MANY
    @given(st.integers(1, 3), st.data())
    def test_bits_are_found_filled_and_counted(self, words, data):
        sets = data.draw(st.lists(st.lists(WORD | st.just(0), min_size=words, max_size=words), min_size=1, max_size=3))
        masks = np.array(sets, np.int64).reshape(-1)
        numbers = [sum(word << (BITS * place) for place, word in enumerate(one)) for one in sets]
        assert lowest(masks, words).tolist() == [(number & -number).bit_length() - 1 for number in numbers]
        filled = up_to_last(masks, words).reshape(-1, words).tolist()
        told = [sum(word << (BITS * place) for place, word in enumerate(one)) for one in filled]
        assert told == [(1 << number.bit_length()) - 1 for number in numbers]
        low, high = sorted(data.draw(st.lists(st.integers(0, words * BITS), min_size=2, max_size=2)))
        counted = [(number >> low & ((1 << (high - low)) - 1)).bit_count() for number in numbers]
        assert bits_count(masks, words, low, high).tolist() == counted
        pairs = [(row, bit) for row, number in enumerate(numbers) for bit in range(words * BITS) if number >> bit & 1]
        assert list(zip(*(one.tolist() for one in kernels.pairs(masks, words)), strict=True)) == pairs


class TestRetention:
    @MANY
    @given(
        worlds(), st.sampled_from(sorted(SETS)), st.lists(st.sampled_from(sorted(SETS)), min_size=1, max_size=2),
        st.sampled_from(Beginning), st.integers(1, 70), st.booleans(), st.sampled_from((0, 0, DAY_MS, 7 * DAY_MS)),
    )  # fmt: skip
    def test_agrees_with_a_loop(self, world, begin, returns, beginning, shown, later, width):
        plan = retention.Plan(
            SETS[begin], tuple(SETS[name] for name in returns), world.periods, shown, beginning, width, later
        )
        found = retention.members_of(world.view, plan)
        cohorts = world.periods.count
        codes = codes_of(world)[found.owner]
        cells = np.where(codes >= 0, codes * cohorts + found.cohort, -1)
        sizes = found.sizes(cells, GROUPS * cohorts)
        counted = found.counts(cells, GROUPS * cohorts, shown)
        assert len(counted) == len(returns) + (len(returns) > 1)
        expected, expected_sizes = Counter(), Counter()
        for customer, code in enumerate(world.codes):
            for cohort, begun in slow_memberships(world, customer, MEANT[begin], beginning):
                if code < 0:
                    continue
                expected_sizes[code * cohorts + cohort] += 1
                came = [slow_returns(world, customer, MEANT[name], cohort, begun, width) for name in returns]
                for number, places in enumerate([*came, set().union(*came)] if len(came) > 1 else came):
                    for k in range(shown):
                        if (any(place >= k for place in places)) if later else k in places:
                            expected[number, code * cohorts + cohort, k] += 1
        assert {place: size for place, size in enumerate(sizes.tolist()) if size} == expected_sizes
        places = zip(*np.nonzero(counted), strict=True)
        assert {tuple(map(int, place)): int(counted[place]) for place in places} == expected
        for k in {0, shown // 2, shown - 1}:
            mine = found.returned(len(counted) - 1, k) & (cells >= 0)
            assert int(mine.sum()) == int(counted[-1, :, k].sum())
        told = retention.figures(world.view, plan, codes_of(world), GROUPS)
        assert (told[0] == sizes).all()
        assert (told[1] == counted).all()

    @MANY
    @given(worlds(), st.integers(1, 5), st.sampled_from((0, DAY_MS, 7 * DAY_MS)))
    def test_a_period_is_complete_once_all_members_have_had_it(self, world, shown, width):
        events = SETS["orders"]
        plan = retention.Plan(events, (events,), world.periods, shown, Beginning.ANY, width)
        days = world.days()
        ends = [*(begin_of(day, world.zone) for day in days), int(world.periods.begins[-1])]
        complete, begun = plan.complete(), plan.begun()
        for cohort in range(len(days)):
            for k in range(shown):
                if width:
                    assert complete[cohort, k] == (ends[cohort + 1] - 1 + (k + 1) * width - 1 <= world.until)
                    assert begun[cohort, k] == (ends[cohort] + k * width <= world.until)
                else:
                    assert begun[cohort, k] == (cohort + k < len(days))
                    over = cohort + k + 1 < len(ends) and ends[cohort + k + 1] - 1 <= world.until
                    assert complete[cohort, k] == over

    @MANY
    @given(worlds(), st.sampled_from(Beginning))
    def test_the_property_is_that_of_the_beginning_event(self, world, beginning):
        events = SETS["orders"]
        plan = retention.Plan(events, (events,), world.periods, 1, beginning, prop="store")
        found = retention.members_of(world.view, plan)
        column = found.column_of(np.ones(len(found.owner), np.bool_))
        stores = [None if code < 0 else column.words[code] for code in column.values.tolist()]
        members = zip(found.owner.tolist(), found.cohort.tolist(), stores, strict=True)
        expected = [
            (customer, cohort, next(f for f in world.of(customer, TYPES[:1]) if f.at == begun).props.get("store"))
            for customer in range(len(world.codes))
            for cohort, begun in slow_memberships(world, customer, TYPES[:1], beginning)
        ]
        assert list(members) == expected


def slow_memberships(world: World, customer: int, types, beginning: Beginning) -> list[tuple[int, int]]:
    """(cohort, the instant that begins it) of a customer."""
    found: dict[int, int] = {}
    events = [fact for fact in world.of(customer, types) if fact.at <= world.until]
    if beginning is Beginning.FIRST_EVER:
        events = events[:1]
    for fact in events:
        place = world.period(fact.at)
        if place is not None:
            found.setdefault(place, fact.at)
    return list(found.items())[: None if beginning is Beginning.ANY else 1]


def slow_returns(world: World, customer: int, types, cohort: int, begun: int, width: int) -> set[int]:
    """In which periods after the beginning a customer has such events."""
    facts = world.of(customer, types)
    if width:
        return {(fact.at - begun) // width for fact in facts if begun <= fact.at <= world.until}
    places = [world.period(fact.at) for fact in facts]
    return {place - cohort for place in places if place is not None and place >= cohort}


class TestCounts:
    @MANY
    @given(worlds(), st.sampled_from(counts.Measure), st.booleans(), st.sampled_from(("orders", "both")))
    def test_agrees_with_a_loop(self, world, measure, by_store, which):
        of_property = measure not in (counts.Measure.CUSTOMERS, counts.Measure.EVENTS)
        prop = "" if not of_property else "store" if measure is counts.Measure.DISTINCT else "amount"
        groups = {"A": 0, "B": 1, "unknown": 2} if by_store else None
        plan = counts.Plan(
            SETS[which], world.periods, measure, prop, Kind.STRING if prop == "store" else Kind.MONEY,
            "store" if by_store else "", groups, 2, 3 if by_store else GROUPS,
            lambda column: ["unknown" if code < 0 else column.words[code] for code in column.values.tolist()],
        )  # fmt: skip
        found = counts.added([counts.figures(world.view, plan, codes_of(world))])
        cells: dict[int, list] = {}
        for customer, code in enumerate(world.codes):
            for fact in world.of(customer, MEANT[which]):
                place = world.period(fact.at)
                known = not prop or fact.props.get(prop) is not None
                if code >= 0 and place is not None and known:
                    group = groups[fact.props.get("store", "unknown")] if groups else code
                    cells.setdefault(group * world.periods.count + place, []).append(fact)
        for cell in range(plan.cells_count):
            facts = cells.get(cell, [])
            assert figure_of(found, plan, cell) == expected_of(measure, prop, facts)
        for group in range(plan.groups_count):
            mine = [f for cell, facts in cells.items() if cell // world.periods.count == group for f in facts]
            if measure is counts.Measure.CUSTOMERS:
                assert found.customers_whole[group] == len({fact.customer for fact in mine})
            flags = counts.has_events(world.view, plan, codes_of(world), None, group)
            assert set(np.flatnonzero(flags).tolist()) == {fact.customer for fact in mine}
        place = world.periods.count // 2
        flags = counts.has_events(world.view, plan, codes_of(world), place, None)
        mine = [f for cell, facts in cells.items() if cell % world.periods.count == place for f in facts]
        assert set(np.flatnonzero(flags).tolist()) == {fact.customer for fact in mine}

    @MANY
    @given(worlds())
    def test_the_earliest_is_the_first_event_of_who_counts(self, world):
        plan = counts.Plan(SETS["both"], world.periods, counts.Measure.EVENTS)
        mine = [f.at for f in world.facts if world.codes[f.customer] >= 0 and f.type in MEANT["both"]]
        assert counts.earliest(world.view, plan, codes_of(world)) == min(mine, default=NEVER)


def figure_of(found: counts.Figures, plan: counts.Plan, cell: int) -> object:
    match plan.measure:
        case counts.Measure.CUSTOMERS:
            return int(found.customers[cell])
        case counts.Measure.EVENTS:
            return int(found.rows[cell])
        case counts.Measure.DISTINCT:
            return sum(cell in cells.tolist() for cells in found.words.values())
        case counts.Measure.MIN:
            return int(found.least[cell])
        case counts.Measure.MAX:
            return int(found.greatest[cell])
    total = (int(found.high[cell]) << 32) + int(found.low[cell])
    return total if plan.measure is counts.Measure.SUM else (total, int(found.rows[cell]))


def expected_of(measure: counts.Measure, prop: str, facts) -> object:
    values = [fact.props.get(prop) for fact in facts]
    match measure:
        case counts.Measure.CUSTOMERS:
            return len({fact.customer for fact in facts})
        case counts.Measure.EVENTS:
            return len(facts)
        case counts.Measure.DISTINCT:
            return len(set(values))
        case counts.Measure.MIN:
            return min(values, default=NEVER)
        case counts.Measure.MAX:
            return max(values, default=BEGINNING)
    return sum(values) if measure is counts.Measure.SUM else (sum(values), len(values))


class TestStickiness:
    @MANY
    @given(worlds(units=(Unit.DAY,)))
    def test_agrees_with_a_loop(self, world):
        plan = stickiness.Plan(SETS["both"], world.periods)
        rolled, spread = stickiness.active(world.view, plan, codes_of(world), GROUPS)
        days = [
            {world.period(fact.at) for fact in world.of(customer, MEANT["both"])} - {None}
            for customer in range(len(world.codes))
        ]
        count = world.periods.count
        for number, width in enumerate(stickiness.WINDOWS_DAYS):
            for day in range(count):
                mine = [any(day - width < one <= day for one in own) for own in days]
                for group in range(GROUPS):
                    size = sum(came for came, code in zip(mine, world.codes, strict=True) if code == group)
                    assert rolled[group, number, day] == size
                assert stickiness.in_window(world.view, plan, day, width).tolist() == mine
        often = [sum(one >= count - stickiness.MONTH_DAYS for one in own) for own in days]
        for group in range(GROUPS):
            mine = [n for n, code in zip(often, world.codes, strict=True) if code == group]
            assert spread[group].tolist() == [mine.count(n) for n in range(1, stickiness.MONTH_DAYS + 1)]
        assert stickiness.on_days(world.view, plan, 2).tolist() == [n == 2 for n in often]


class TestRepurchase:
    @MANY
    @given(worlds(), st.integers(2, 4), st.sampled_from((0, DAY_MS, 40 * DAY_MS)))
    def test_agrees_with_a_loop(self, world, orders, within):
        plan = repurchase.Plan(SETS["orders"], within, orders, world.periods)
        found = repurchase.bought(world.view, plan)
        count = world.periods.count
        expected = {name: Counter() for name in ("buyers", "ready", "again", "of", "next")}
        spans, following_spans, with_gap = [], [], set()
        for customer, code in enumerate(world.codes):
            ats = [fact.at for fact in world.of(customer, TYPES[:1]) if fact.at <= world.until]
            pairs = [(a, b) for a, b in pairwise(ats) if b >= world.since]
            with_gap |= {customer for a, b in pairs if DAYS.of(np.array([(b - a) // DAY_MS]))[0] == 1}
            if code < 0 or not ats:
                continue
            spans += [b - a for a, b in pairs]
            following_spans += [b - a for a, b in pairwise(ats[:2]) if a >= world.since]
            place = world.period(ats[0])
            if place is not None:
                expected["buyers"][code, place] += 1
                if ats[0] + within <= world.until:
                    expected["ready"][code, place] += 1
                    for n in range(2, orders + 1):
                        expected["again"][n - 2, code, place] += len(ats) >= n and ats[n - 1] - ats[0] <= within
            for n in range(1, orders + 1):
                if len(ats) >= n and world.since <= ats[n - 1] <= world.until - within:
                    expected["of"][n - 1, code] += 1
                    expected["next"][n - 1, code] += len(ats) > n and ats[n] - ats[n - 1] <= within
        buyers, ready, again = repurchase.cohorts(found, codes_of(world), GROUPS)
        assert same(buyers, expected["buyers"])
        assert same(ready, expected["ready"])
        assert again.shape == (orders - 1, GROUPS, count)
        assert same(again, expected["again"])
        curve = repurchase.following(found, codes_of(world), GROUPS)
        assert same(curve[:, :, 0], expected["of"])
        assert same(curve[:, :, 1], expected["next"])
        assert sorted(repurchase.gaps(found, codes_of(world))[1].tolist()) == sorted(spans)
        assert sorted(repurchase.next_gaps(found, codes_of(world), 1)[1].tolist()) == sorted(following_spans)
        assert set(np.flatnonzero(repurchase.has_gap(found, 1)).tolist()) == with_gap


def same(table: np.ndarray, expected: Counter) -> bool:
    found = {tuple(map(int, place)): int(table[place]) for place in zip(*np.nonzero(table), strict=True)}
    return found == {place: count for place, count in expected.items() if count}


class TestValue:
    @MANY
    @given(worlds(), st.booleans(), st.booleans(), st.integers(1, 6))
    def test_agrees_with_a_loop(self, world, net, first_seen, shown):
        less = Events(("order_refunded",)) if net else None
        plan = value.Plan(None if first_seen else SETS["orders"], SETS["orders"], "amount", less, world.periods, shown)
        found = value.paid(world.view, plan, codes_of(world), GROUPS)
        sizes, amounts, first = Counter(), Counter(), Counter()
        payers = {k: set() for k in range(shown)}
        for customer, code in enumerate(world.codes):
            begun = world.of(customer, TYPES if first_seen else TYPES[:1])
            cohort = world.period(begun[0].at) if begun else None
            if cohort is None:
                continue
            mine = [(fact, world.period(fact.at)) for fact in world.of(customer, TYPES[:2])]
            mine = [(fact, place - cohort) for fact, place in mine if place is not None and "amount" in fact.props]
            paid = [k for fact, k in mine if fact.type == "order_paid" and 0 <= k < shown]
            for k in range(shown):
                payers[k] |= {customer} if paid and min(paid) <= k else set()
            if code < 0:
                continue
            sizes[code, cohort] += 1
            if paid:
                first[code, cohort, min(paid)] += 1
            for fact, k in mine:
                sign = 1 if fact.type == "order_paid" else -1 if net else 0
                if 0 <= k < shown:
                    amounts[code, cohort, k] += sign * fact.props["amount"]
        assert same(found.sizes, sizes)
        assert same(found.payers, first)
        assert same((found.high << 32) + found.low, amounts)
        everyone = np.ones((world.periods.count, shown), np.bool_)
        for k in range(shown):
            assert set(np.flatnonzero(value.payers(world.view, plan, None, k, everyone)).tolist()) == payers[k]


class TestRecency:
    @MANY
    @given(worlds())
    def test_agrees_with_a_loop(self, world):
        zone = calendar(world.zone)
        found = recency.last_events(world.view, SETS["both"], zone, world.since - 1, world.until, "amount")
        for customer in range(len(world.codes)):
            mine = [f for f in world.of(customer, MEANT["both"]) if world.since <= f.at <= world.until]
            paid = [f.props.get("amount", 0) for f in mine]
            expected = (max((f.at for f in mine), default=BEGINNING), len(mine), sum(paid))
            assert tuple(int(column[customer]) for column in found) == expected


class TestFifths:
    @MANY
    @given(st.lists(st.integers(-3, 9), max_size=60))
    def test_they_count_who_is_strictly_worse(self, scores):
        found = fifths(np.array(scores, np.int64)).tolist()
        assert found == [5 * sum(other < one for other in scores) // len(scores) for one in scores]


class TestBuckets:
    @given(st.lists(st.integers(0, 1_000), max_size=30))
    def test_every_number_is_in_the_range_that_is_named(self, numbers):
        for buckets in (DAYS, TIMES):
            for number, place in zip(numbers, buckets.of(np.array(numbers, np.int64)).tolist(), strict=True):
                low, _, high = buckets.names[max(place, 0)].rstrip("+").partition("-")
                if number >= buckets.begins[0]:
                    assert int(low) <= number
                    assert number <= int(high or low) or place == len(buckets.names) - 1
                else:
                    assert place == -1

    @given(st.lists(st.integers(-50, 50), max_size=20))
    def test_the_median_is_the_middle(self, numbers):
        assert median(np.array(numbers, np.int64)) == (plain_median(numbers) if numbers else None)


@pytest.mark.parametrize("count", [1, BITS - 1, BITS, 3 * BITS])
def test_days_of_any_number_fit_their_words(count):
    since = begin_of(world_day(2026, 1, 1), "Asia/Shanghai")
    periods = periods_between(calendar("Asia/Shanghai"), Unit.DAY, since, since + (count - 1) * DAY_MS)
    assert isinstance(periods, Periods)
    assert periods.count == count
    assert periods.words == count // BITS + 1
