"""Retention: events past the time that their type is kept for go, and all that depends on them follows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.commands import fingerprint
from tests.support.erasing import files_with
from tests.support.pools import Scratch, event

from yutang.domains.audience.api.retaining import windows_needed
from yutang.domains.catalogue import api as catalogue
from yutang.domains.catalogue.contracts import RetentionDone, RetentionOrder
from yutang.domains.customers import api as customers
from yutang.kernel.errors import InvalidError

WANG = "unionid:wang-unionid"


@pytest.fixture
def pool(tmp_path) -> Iterator[Scratch]:
    scratch = Scratch(tmp_path / "pool", start="2026-03-01")
    for day in (1, 10, 20, 27):
        at = f"2026-02-{day:02d} 10:00"
        scratch.send(
            event("search", at, WANG, target="brand", note=f"words-of-day-{day}"),
            event("order_paid", at, WANG, amount=10_000),
        )
        scratch.pool.loop.flush()
    yield scratch
    scratch.close()


def keep(scratch: Scratch, type_name: str, days: int) -> RetentionDone:
    return catalogue.set_retention(scratch.desk(), RetentionOrder(type_name, days), windows_needed)


def kinds(scratch: Scratch) -> list[str]:
    return [one.type for one in customers.timeline(scratch.desk(), WANG).events]


class TestApplied:
    def test_what_is_too_old_goes_of_this_type_only(self, pool):
        keep(pool, "search", 10)
        assert catalogue.apply_retention(pool.desk()).events == {"search": 2}
        assert kinds(pool).count("search") == 2
        assert kinds(pool).count("order_paid") == 4
        assert catalogue.apply_retention(pool.desk()).events == {}
        pool.reopen()
        assert kinds(pool).count("search") == 2

    def test_nothing_of_it_is_left_on_disk(self, pool):
        customers.timeline(pool.desk(), WANG)  # so that columns are cached
        keep(pool, "search", 10)
        catalogue.apply_retention(pool.desk())
        assert files_with(pool.folder.root, 'words-of-day-1"') == []
        pool.reopen()
        assert files_with(pool.folder.cache, "words-of-day-10") == []

    def test_labels_equal_a_full_recompute_and_say_why_they_changed(self, pool):
        pool.define("searched", "count(search, 40d) >= 3")
        assert pool.labels(WANG)["searched"] == "in"
        keep(pool, "search", 10)
        catalogue.apply_retention(pool.desk())
        change = pool.changes("searched")[-1]
        assert (change.after, change.cause) == ("none", "retention")
        before = fingerprint(pool.desk())
        pool.reopen()
        assert fingerprint(pool.desk())["labels"] == before["labels"]

    def test_it_is_due_once_an_event_is_a_day_too_old(self, pool):
        keep(pool, "search", 28)
        assert not catalogue.retention_due(pool.desk())
        pool.advance("2d")
        assert catalogue.retention_due(pool.desk())
        catalogue.apply_retention(pool.desk())
        assert not catalogue.retention_due(pool.desk())


class TestSet:
    def test_listed_and_unset(self, pool):
        keep(pool, "search", 30)
        found = catalogue.retentions(pool.desk()).retentions
        assert [(one.type, one.days, one.changed_by) for one in found] == [("search", 30, "tester")]
        keep(pool, "search", 0)
        assert catalogue.retentions(pool.desk()).retentions == ()
        assert catalogue.apply_retention(pool.desk()).events == {}

    def test_labels_that_look_further_back_are_named_with_their_window(self, pool):
        pool.define("searched", "count(search, 40d) >= 3")
        pool.define("ever", "happened(search)")
        pool.define("lately", "happened(search, 5d)")
        pool.define("chain", "sequence(search then order_paid within 2d, 60d)")
        found = {one.label: one.days for one in keep(pool, "search", 30).needs}
        assert (found.get("searched"), found.get("ever"), found.get("lately")) == (40, 0, None)
        assert found["chain"] == 60

    def test_state_events_are_warned_about(self, pool):
        assert keep(pool, "trait_set", 30).system

    @pytest.mark.parametrize(("name", "days"), [("nonsense", 30), ("search", -1), ("search", 40_000)])
    def test_nonsense_is_refused(self, pool, name, days):
        with pytest.raises(InvalidError):
            keep(pool, name, days)
