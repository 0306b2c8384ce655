"""The made world: exactly as much as was asked for, and of the kind that answers may be compared on."""

from __future__ import annotations

import numpy as np
import pytest
from bench import world as made

EVENTS = 20_000


@pytest.fixture(scope="module")
def world() -> made.World:
    return made.World(EVENTS)


@pytest.fixture(scope="module")
def events(world: made.World) -> made.Happened:
    return made.happened(world)


class TestHappened:
    def test_has_as_many_events_as_were_asked_for(self, events: made.Happened, world: made.World) -> None:
        assert events.count == events.offsets[-1] == EVENTS
        assert len(events.offsets) == world.customers + 1

    def test_a_customers_instants_are_distinct_and_in_order(self, events: made.Happened) -> None:
        same = events.customer()[1:] == events.customer()[:-1]
        assert (np.diff(events.at)[same] > 0).all()

    def test_all_happens_within_the_year(self, events: made.Happened, world: made.World) -> None:
        assert world.begin_ms <= events.at.min() <= events.at.max() <= world.end_ms

    def test_is_the_same_for_the_same_seed(self, events: made.Happened, world: made.World) -> None:
        again = made.happened(world)
        assert all(np.array_equal(getattr(events, name), getattr(again, name)) for name in vars(events))

    def test_every_type_occurs_and_few_customers_do_most(self, events: made.Happened) -> None:
        assert set(events.kind.tolist()) == set(range(len(made.TYPES)))
        each = np.sort(np.diff(events.offsets))[::-1]
        assert each[: len(each) // 5].sum() > EVENTS / 2

    def test_who_views_more_buys_more(self, events: made.Happened) -> None:
        customers = len(events.offsets) - 1
        of = [
            np.bincount(events.customer()[events.kind == kind], minlength=customers)
            for kind in (made.PRODUCT, made.ORDER)
        ]
        assert np.corrcoef(*of)[0, 1] > 0.3


class TestStates:
    def test_are_about_customers_who_did_something_and_not_before_that(
        self, world: made.World, events: made.Happened
    ) -> None:
        first = events.at[np.minimum(events.offsets[:-1], EVENTS - 1)]
        for state in made.states(world, events):
            assert (np.diff(events.offsets)[state.customer] > 0).all()
            assert (state.at >= first[state.customer]).all()
            assert (np.diff(state.customer) >= 0).all()
