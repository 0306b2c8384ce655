"""Figures by period: every one of them is the size of its set, and small pools say what was reckoned by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.support.pools import Scratch, event, ms

from yutang.domains.customers import api as customers
from yutang.domains.insight.api import counts, recency, repurchase, retention, rfm, sets, stickiness, value
from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.counts import CountQuestion
from yutang.domains.insight.contracts.figures import Amount
from yutang.domains.insight.contracts.recency import RecencyQuestion
from yutang.domains.insight.contracts.repurchase import RepurchaseQuestion
from yutang.domains.insight.contracts.retention import RetentionQuestion
from yutang.domains.insight.contracts.rfm import RfmQuestion
from yutang.domains.insight.contracts.sets import SetOf
from yutang.domains.insight.contracts.stickiness import StickinessQuestion
from yutang.domains.insight.contracts.value import ValueQuestion
from yutang.kernel.errors import ConditionError, InvalidError
from yutang.kernel.instants import DAY_MS

PEOPLE = 50
SINCE, UNTIL = "2026-01-10T00:00:00Z", "2026-04-20T09:30:00Z"
SCOPE = Scope(since=SINCE, as_of=UNTIL)
CITIES = ("上海", "北京", "广州")
BY = {
    "nobody apart": {}, "by trait": {"by": "trait.city", "groups": 2}, "by label": {"by": "label.aipl"},
    "by source": {"by": "source"}, "of some": {"who": "count(order_paid) >= 2 and trait.city = \"上海\""},
    "of nobody": {"who": "count(order_paid) > 1000"},
}  # fmt: skip


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """Customers who come and buy, get money back, and are merged; the newest events wait in memory."""
    scratch = Scratch(tmp_path_factory.mktemp("figures") / "pool", start="2026-05-01", flush_rows=200)
    draw = np.random.default_rng(11)
    for number in range(PEOPLE):
        who, events = "openid:wx:9" if number == 9 else f"member_no:{number}", []
        for turn in range(int(draw.integers(1, 14))):
            kind = ("page_viewed", "order_paid", "order_paid", "search", "order_refunded")[int(draw.integers(0, 5))]
            at = ms("2025-12-20") + int(draw.integers(0, 130 * DAY_MS)) // 60_000 * 60_000
            more: dict[str, Any] = {"amount": int(draw.integers(1, 60)) * 100} if kind.startswith("order") else {}
            if kind == "order_paid":
                more["store"] = "ABC"[int(draw.integers(0, 3))]
            events.append(event(kind, at, who, id_=f"{number}-{turn}", **more))
        if number % 4:
            events.append(
                event("trait_set", "2026-01-05", who, id_=f"c{number}", trait="city", text=CITIES[number % 3])
            )
        scratch.send(*events)
    scratch.send(
        event("order_paid", "2026-03-31", ("member_no:2", "openid:wx:9"), id_="joins", amount=700, store="A"),
    )
    yield scratch
    scratch.close()


def size(pool: Scratch, question: Any, **cell: str | None) -> int:
    """Of the set behind a figure."""
    kind = type(question).__name__.removesuffix("Question").lower()
    kept = {name: said for name, said in cell.items() if said}
    return len(sets.members(pool.desk(), SetOf(**{kind: question}, cell=kept)))


def scope_of(which: str, **more: Any) -> Scope:
    return Scope(**{"since": SINCE, "as_of": UNTIL, **BY[which], **more})


class TestRetention:
    @pytest.mark.parametrize("which", [*BY, "by property"])
    @pytest.mark.parametrize("shape", [
        {"per": "month"}, {"per": "week", "returns": ("order_paid", "search")}, {"per": "14d", "later": True},
        {"per": "month", "beginning": "first", "later": True},
    ], ids=str)  # fmt: skip
    def test_every_figure_is_the_size_of_its_set(self, pool, which, shape):
        scope = Scope(since=SINCE, as_of=UNTIL, by=".store", groups=2) if which == "by property" else scope_of(which)
        question = RetentionQuestion("order_paid", periods=4, scope=scope, **shape)
        answer = retention.retention(pool.desk(), question)
        for row in [*answer.rows[:3], *answer.rows[-2:]]:
            assert size(pool, question, cohort=row.cohort, group=row.group) == row.size
            for line in row.returned:
                for k, cell in list(enumerate(line.cells))[1:3]:
                    place = {"cohort": row.cohort, "group": row.group, "period": str(k), "returns": line.returns}
                    if not row.cohort and not cell.of:
                        continue
                    assert size(pool, question, **place) == cell.customers
                    assert size(pool, question, **place, came="no") == cell.of - cell.customers

    def test_cohorts_and_groups_add_up(self, pool):
        whole = retention.retention(pool.desk(), RetentionQuestion("order_paid", per="month", scope=SCOPE))
        apart = retention.retention(
            pool.desk(), RetentionQuestion("order_paid", per="month", scope=scope_of("by trait"))
        )
        assert apart.asked.groups[-1] == "other"
        for row in whole.rows:
            same = [one for one in apart.rows if one.cohort == row.cohort]
            assert sum(one.size for one in same) == row.size
            for k, cell in enumerate(row.returned[0].cells):
                assert sum(one.returned[0].cells[k].customers for one in same) == cell.customers

    def test_what_was_reckoned_by_hand(self, scratch):
        pool = scratch()
        pool.send(
            event("order_paid", "2026-01-05 10:00", "member_no:a", amount=100),
            event("order_paid", "2026-02-05 10:00", "member_no:a", amount=100),
            event("order_paid", "2026-01-31 23:59", "member_no:b", amount=100),
            event("page_viewed", "2026-02-28 10:00", "member_no:b"),
            event("order_paid", "2026-02-01 00:00", "member_no:c", amount=100),
        )
        pool.at("2026-03-10")
        question = RetentionQuestion("order_paid", ("order_paid", "page_viewed"), per="month", periods=3)
        rows = {row.cohort: row for row in retention.retention(pool.desk(), question).rows}
        january, february = rows["2026-01-01"], rows["2026-02-01"]
        assert (january.size, february.size, rows["2026-03-01"].size) == (2, 1, 0)
        cells = {line.returns: [(one.customers, one.of, one.complete) for one in line.cells] for line in
                 january.returned}  # fmt: skip
        assert cells["1"] == [(2, 2, True), (1, 2, True), (0, 2, False)]
        assert cells["2"] == [(0, 2, True), (1, 2, True), (0, 2, False)]
        assert cells["any"] == [(2, 2, True), (2, 2, True), (0, 2, False)]
        # March isn't over: it is shown, and counts in no average; February's own March neither.
        average = [(one.customers, one.of) for one in rows[""].returned[0].cells]
        assert average == [(3, 3), (1, 2), (0, 0)]

    def test_beginnings_of_any_kind_make_members_of_several_cohorts(self, scratch):
        pool = scratch()
        for month in (1, 2, 3):
            pool.send(event("order_paid", f"2026-0{month}-05 10:00", "member_no:a", amount=100))
        pool.at("2026-04-10")
        question = RetentionQuestion("order_paid", per="month", periods=4, beginning="any")
        sizes = [row.size for row in retention.retention(pool.desk(), question).rows]
        assert sizes == [1, 1, 1, 0, 3]
        assert size(pool, question) == 1

    def test_who_joined_counts_once(self, pool):
        desk = pool.desk()
        question = RetentionQuestion("*", per="month", scope=Scope(since="2025-12-01", as_of=UNTIL))
        answer = retention.retention(desk, question)
        assert answer.rows[-1].size == answer.asked.customers == PEOPLE - 1


class TestCounts:
    @pytest.mark.parametrize("which", [*BY, "by property"])
    @pytest.mark.parametrize("measure", ["customers", "events", "sum:amount", "distinct:store"])
    def test_every_figure_of_customers_is_the_size_of_its_set(self, pool, which, measure):
        scope = Scope(since=SINCE, as_of=UNTIL, by=".store", groups=2) if which == "by property" else scope_of(which)
        question = CountQuestion("order_paid", measure, "month", scope=scope)
        answer = counts.count(pool.desk(), question)
        people = counts.count(pool.desk(), CountQuestion("order_paid", "customers", "month", scope=scope))
        assert [row.group for row in answer.rows] == [row.group for row in people.rows]
        for row in people.rows:
            assert size(pool, question, group=row.group) == row.total.value
            for name, figure in zip(people.periods, row.figures, strict=True):
                assert size(pool, question, group=row.group, period=name) == figure.value

    @pytest.mark.parametrize("which", ["by trait", "by label", "by property"])
    def test_groups_and_periods_add_up(self, pool, which):
        scope = Scope(since=SINCE, as_of=UNTIL, by=".store") if which == "by property" else scope_of(which)
        answer = counts.count(pool.desk(), CountQuestion("order_paid", "sum:amount", "week", scope=scope))
        *groups, whole = answer.rows
        for place, figure in enumerate(whole.figures):
            assert sum(row.figures[place].amount.minor for row in groups) == figure.amount.minor
        assert sum(one.amount.minor for one in whole.figures) == whole.total.amount.minor

    def test_what_was_reckoned_by_hand(self, scratch):
        pool = scratch()
        orders = [("a", "2026-01-05", 100, "x"), ("a", "2026-01-06", 301, "y"), ("b", "2026-01-07", 50, "x"),
                  ("b", "2026-03-01", 7, "x")]  # fmt: skip
        for who, day, amount, store in orders:
            pool.send(event("order_paid", f"{day} 10:00", f"member_no:{who}", amount=amount, store=store))
        pool.send(event("page_viewed", "2026-01-08 10:00", "member_no:c"))
        pool.at("2026-03-10")

        def figures(measure: str, share: bool = False) -> list[Any]:
            answer = counts.count(pool.desk(), CountQuestion("order_paid", measure, share=share))
            assert answer.periods == ("2026-01-01", "2026-02-01", "2026-03-01")
            assert answer.complete == (True, True, False)
            (row,) = answer.rows
            return [*row.figures, row.total]

        assert [one.value for one in figures("customers")] == [2, 0, 1, 2]
        assert [one.share for one in figures("customers", share=True)] == [2 / 3, None, 1.0, 2 / 3]
        assert [one.value for one in figures("events")] == [3, 0, 1, 4]
        assert [one.amount for one in figures("sum:amount")] == [Amount(n, "CNY") for n in (451, 0, 7, 458)]
        assert [one.amount for one in figures("average:amount")] == [
            Amount(150, "CNY"), None, Amount(7, "CNY"), Amount(115, "CNY")]  # fmt: skip
        assert [one.amount for one in figures("min:amount")][:3] == [Amount(50, "CNY"), None, Amount(7, "CNY")]
        assert figures("max:amount")[-1].amount == Amount(301, "CNY")
        assert [one.value for one in figures("distinct:store")] == [2, 0, 1, 2]

    def test_shares_are_of_the_same_group(self, pool):
        answer = counts.count(pool.desk(), CountQuestion("order_paid", "customers", share=True,
                                                         scope=scope_of("by trait")))  # fmt: skip
        active = counts.count(pool.desk(), CountQuestion("*", "customers", scope=scope_of("by trait")))
        assert answer.periods == active.periods
        for row, whole in zip(answer.rows, active.rows, strict=True):
            for one, of in zip([*row.figures, row.total], [*whole.figures, whole.total], strict=True):
                assert one.share == (one.value / of.value if of.value else None)

    def test_numbers_and_texts_that_read_as_numbers(self, scratch):
        pool = scratch()
        for n in (1, 2):
            pool.send(event("page_viewed", f"2026-01-0{n} 10:00", "member_no:a", seconds=n * 1.5))
            pool.send(event("quiz_ended", f"2026-01-0{n} 11:00", "member_no:a", level=f"{n}.5"))
        (row,) = counts.count(pool.desk(), CountQuestion("page_viewed", "sum:seconds")).rows
        assert row.total.value == 4.5
        (row,) = counts.count(pool.desk(), CountQuestion("quiz_ended", "average:level")).rows
        assert row.total.value == 2.0


class TestByAPropertyOfTheFirstEvent:
    """Recency, stickiness, RFM, repurchase, value: of the customer's first event of the set, up to `as_of`."""

    def test_who_has_had_none_makes_no_group_large(self, scratch):
        pool = scratch()
        pool.send(*(event("page_viewed", "2026-01-01 10:00", f"member_no:{n}") for n in range(9)))
        pool.send(*(event("order_paid", "2026-02-01 10:00", f"member_no:{n}", amount=5, store="A") for n in (0, 1)))
        scope = Scope(as_of="2026-02-10", by=".store", groups=1)
        rows = repurchase.repurchase(pool.desk(), RepurchaseQuestion(scope=scope)).rows
        assert [(row.group, row.cohorts[-1].buyers) for row in rows] == [("A", 2), ("", 2)]
        answer = recency.recency(pool.desk(), RecencyQuestion("order_paid", scope))
        assert answer.asked.groups == ("unknown", "other"), "who never bought counts there"
        assert [(row.group, row.never) for row in answer.rows] == [("unknown", 7), ("other", 0), ("", 7)]

    def test_what_comes_later_changes_nothing(self, scratch):
        pool = scratch()
        pool.send(event("order_paid", "2026-01-10 10:00", "member_no:a", amount=5, store="A"))
        asked = RfmQuestion(scope=Scope(as_of="2026-02-01", by=".store", groups=1))
        before = rfm.rfm(pool.desk(), asked)
        pool.send(*(event("order_paid", "2026-02-10 10:00", f"member_no:{n}", amount=5, store="B") for n in range(5)),
                  *(event("page_viewed", "2026-01-10 10:00", f"member_no:{n}") for n in range(5)))  # fmt: skip
        after = rfm.rfm(pool.desk(), asked)
        assert (before.rows, before.asked.groups) == (after.rows, after.asked.groups)
        assert [row.group for row in after.rows] == ["A", ""]


class TestStickiness:
    @pytest.mark.parametrize("which", BY)
    def test_every_figure_is_the_size_of_its_set(self, pool, which):
        question = StickinessQuestion("*", 3, Scope(as_of=UNTIL, **BY[which]))
        answer = stickiness.stickiness(pool.desk(), question)
        for row in answer.rows:
            last = row.days[-1]
            for window, count in (("1", last.daily), ("7", last.weekly), ("30", last.monthly)):
                assert size(pool, question, day=last.day, window=window, group=row.group) == count
            assert sum(row.active_days) == last.monthly
            assert size(pool, question, active_days="2", group=row.group) == row.active_days[1]

    def test_the_first_day_that_is_shown_has_a_whole_month_behind_it(self, scratch):
        pool = scratch()
        pool.send(event("page_viewed", "2026-02-01 10:00", "member_no:a"))
        pool.at("2026-03-03 12:00")
        (row,) = stickiness.stickiness(pool.desk(), StickinessQuestion(days=2)).rows
        assert [(one.day, one.monthly, one.complete) for one in row.days] == [
            ("2026-03-02", 1, True), ("2026-03-03", 0, False)]  # fmt: skip
        assert row.days[0].daily_of_monthly == 0.0
        assert row.days[1].daily_of_monthly is None
        assert row.stickiness == 0.0


class TestRepurchase:
    @pytest.mark.parametrize("which", [*BY, "by property"])
    def test_every_figure_is_the_size_of_its_set(self, pool, which):
        scope = Scope(since=SINCE, as_of=UNTIL, by=".store", groups=2) if which == "by property" else scope_of(which)
        question = RepurchaseQuestion(within="20d", orders=3, scope=scope)
        answer = repurchase.repurchase(pool.desk(), question)
        for row in answer.rows:
            for one in row.cohorts:
                assert size(pool, question, cohort=one.cohort, group=row.group) == one.buyers
                for figure in one.again:
                    place = {"cohort": one.cohort, "group": row.group, "order": str(figure.order)}
                    assert size(pool, question, **place) == figure.customers
                    assert size(pool, question, **place, came="no") == figure.of - figure.customers
            for step in row.next:
                assert size(pool, question, after=str(step.after), group=row.group) == step.customers
            for part in row.intervals:
                assert size(pool, question, interval=part.days, group=row.group) <= part.count

    def test_who_bought_too_recently_is_in_no_share(self, scratch):
        pool = scratch()
        pool.send(
            event("order_paid", "2026-01-05 10:00", "member_no:a", amount=1),
            event("order_paid", "2026-01-09 10:00", "member_no:a", amount=1),
            event("order_paid", "2026-01-20 10:00", "member_no:b", amount=1),
            event("order_paid", "2026-02-20 10:00", "member_no:c", amount=1),
            event("order_paid", "2026-02-20 11:00", "member_no:c", amount=1),
        )
        pool.at("2026-03-01")
        (row,) = repurchase.repurchase(pool.desk(), RepurchaseQuestion(within="30d", orders=2)).rows
        whole = row.cohorts[-1]
        assert (whole.buyers, whole.again[0].of, whole.again[0].customers) == (3, 2, 1)
        assert row.median_days == pytest.approx((4 + 1 / 24) / 2)
        assert {one.days: one.count for one in row.intervals if one.count} == {"0": 1, "1-7": 1}
        assert [(one.after, one.customers, one.of) for one in row.next] == [(1, 1, 2), (2, 0, 1)]


class TestValue:
    @pytest.mark.parametrize("which", [*BY, "by property"])
    @pytest.mark.parametrize("begin", ["first_event", "first_seen"])
    def test_every_figure_is_the_size_of_its_set(self, pool, which, begin):
        scope = Scope(since=SINCE, as_of=UNTIL, by=".store", groups=2) if which == "by property" else scope_of(which)
        question = ValueQuestion(net=True, begin=begin, periods=3, scope=scope)
        for row in value.value(pool.desk(), question).rows:
            assert size(pool, question, cohort=row.cohort, group=row.group) == row.size
            for k, (cell, of) in enumerate(zip(row.cells, row.of, strict=True)):
                if of:
                    assert size(pool, question, cohort=row.cohort, group=row.group, period=str(k)) == cell.payers

    def test_refunds_are_taken_off_and_unfinished_months_marked(self, scratch):
        pool = scratch()
        pool.send(
            event("order_paid", "2026-01-05 10:00", "member_no:a", amount=1000),
            event("order_refunded", "2026-02-05 10:00", "member_no:a", amount=300),
            event("order_paid", "2026-03-05 10:00", "member_no:a", amount=50),
            event("order_paid", "2026-01-06 10:00", "member_no:b", amount=501),
        )
        pool.at("2026-03-10")
        rows = {row.cohort: row for row in value.value(pool.desk(), ValueQuestion(net=True, periods=3)).rows}
        january = rows["2026-01-01"]
        assert [(one.total.minor, one.complete) for one in january.cells] == [(1501, True), (1201, True), (1251, False)]
        assert [one.each.minor for one in january.cells] == [751, 601, 626]
        assert [one.total.minor for one in rows[""].cells] == [1501, 1201, 0]
        gross = value.value(pool.desk(), ValueQuestion(periods=3)).rows
        assert next(row for row in gross if row.size).cells[1].total.minor == 1501


class TestRecency:
    @pytest.mark.parametrize("which", BY)
    def test_every_figure_is_the_size_of_its_set(self, pool, which):
        question = RecencyQuestion("order_paid", scope_of(which))
        for row in recency.recency(pool.desk(), question).rows:
            for one in row.days:
                assert size(pool, question, days=one.range, group=row.group) == one.customers
            for one in row.times:
                assert size(pool, question, times=one.range, group=row.group) == one.customers
            assert size(pool, question, never="yes", group=row.group) == row.never
            assert sum(one.customers for one in row.days) == sum(one.customers for one in row.times)


class TestRfm:
    @pytest.mark.parametrize("which", BY)
    def test_every_figure_is_the_size_of_its_set(self, pool, which):
        question = RfmQuestion(within="90d", scope=Scope(as_of=UNTIL, **BY[which]))
        for row in rfm.rfm(pool.desk(), question).rows:
            assert size(pool, question, group=row.group) == row.customers
            for one in row.cells[:6]:
                triple = {axis: str(getattr(one, axis)) for axis in rfm.AXES}
                assert size(pool, question, **triple, group=row.group) == one.customers
            for one in row.segments:
                assert size(pool, question, segment=one.segment, group=row.group) == one.customers
            assert sum(one.amount.minor for one in row.cells) == row.amount.minor

    def test_at_midnight_it_is_what_the_labels_say(self, pool):
        midnight = "2026-04-20T00:00:00+08:00"
        question = RfmQuestion(scope=Scope(as_of=midnight))
        told: Counter[tuple[str, ...]] = Counter()
        heads = sets.members(pool.desk(), SetOf(rfm=question, cell={}))
        for identity in customers.customer_ids(pool.desk().epoch, heads):
            labels = pool.labels(identity, midnight)
            told[tuple(labels[f"rfm_{axis}"] for axis in rfm.AXES)] += 1
        cells = rfm.rfm(pool.desk(), question).rows[-1].cells
        found = {(str(one.recency), str(one.frequency), str(one.monetary)): one.customers for one in cells}
        assert found == told


class TestWrongQuestions:
    @pytest.mark.parametrize(("ask", "question", "code", "where"), [
        (retention.retention, RetentionQuestion(""), "insight.events_missing", "begin"),
        (retention.retention, RetentionQuestion("*", ("",)), "insight.events_missing", "returns[0]"),
        (retention.retention, RetentionQuestion("*", ("*",) * 9), "insight.returns_too_many", "returns"),
        (retention.retention, RetentionQuestion("*", per="fortnight"), "insight.per_unknown", "per"),
        (retention.retention, RetentionQuestion("*", per="0d"), "insight.count_out_of_range", "per"),
        (retention.retention, RetentionQuestion("*", periods=0), "insight.count_out_of_range", "periods"),
        (retention.retention, RetentionQuestion("*", beginning="last"), "insight.beginning_unknown", "beginning"),
        (retention.retention, RetentionQuestion("*", cohorts="month"), "insight.cohorts_fixed", "cohorts"),
        (retention.retention, RetentionQuestion("*", per="day", scope=Scope(since="1980-01-01")),
         "insight.periods_too_many", "since"),
        (retention.retention, RetentionQuestion("*", scope=Scope(by="colour")), "insight.by_unknown", "by"),
        (counts.count, CountQuestion(" "), "insight.events_missing", "events"),
        (counts.count, CountQuestion("*", "median:amount"), "insight.measure_unknown", "measure"),
        (counts.count, CountQuestion("*", "sum"), "insight.measure_property", "measure"),
        (counts.count, CountQuestion("*", "events:amount"), "insight.measure_property", "measure"),
        (counts.count, CountQuestion("campaign_received", "sum:ends"), "insight.not_a_number", "measure"),
        (counts.count, CountQuestion("*", "events", share=True), "insight.share_of_what", "share"),
        (stickiness.stickiness, StickinessQuestion(days=9_999), "insight.count_out_of_range", "days"),
        (stickiness.stickiness, StickinessQuestion("order_paid", scope=Scope(by=".stor")),
         "condition.unknown_property", "by"),
        (counts.count, CountQuestion("order_paid", "sum:amout"), "condition.unknown_property", "measure"),
        (counts.count, CountQuestion("order_paid", scope=Scope(by=".stor")), "condition.unknown_property", "by"),
        (retention.retention, RetentionQuestion("order_paid", scope=Scope(by=".stor")),
         "condition.unknown_property", "by"),
        (repurchase.repurchase, RepurchaseQuestion(within="soon"), "span.malformed", "within"),
        (repurchase.repurchase, RepurchaseQuestion(orders=1), "insight.count_out_of_range", "orders"),
        (value.value, ValueQuestion(property="store"), "insight.not_money", "property"),
        (value.value, ValueQuestion(begin="birth"), "insight.beginning_unknown", "begin"),
        (value.value, ValueQuestion("cart_added", net=True), "insight.net_of_what", "net"),
        (rfm.rfm, RfmQuestion(property="order_id"), "insight.not_money", "property"),
        (recency.recency, RecencyQuestion(scope=Scope(since="2026-05-01", as_of="2026-04-01")),
         "insight.since_later", "since"),
    ])  # fmt: skip
    def test_they_are_told_what_is_missing(self, pool, ask, question, code, where):
        with pytest.raises(InvalidError) as caught:
            ask(pool.desk(), question)
        assert (caught.value.code, caught.value.where) == (code, where)
        assert caught.value.remedy

    def test_an_unknown_event_is_pointed_at(self, pool):
        with pytest.raises(ConditionError):
            retention.retention(pool.desk(), RetentionQuestion("order_payed"))

    @pytest.mark.parametrize(("question", "cell"), [
        (RetentionQuestion("*", scope=SCOPE), {"cohort": "2031-01-01"}),
        (RetentionQuestion("*", scope=SCOPE), {"period": "99"}),
        (RetentionQuestion("*", scope=SCOPE), {"returns": "2", "period": "1"}),
        (RetentionQuestion("*", scope=SCOPE), {"step": "1"}),
        (CountQuestion("*", scope=SCOPE), {"group": "Shanghai"}),
        (StickinessQuestion("*", scope=SCOPE), {"day": "2026-04-19", "window": "8"}),
        (StickinessQuestion("*", scope=SCOPE), {}),
        (RepurchaseQuestion(scope=SCOPE), {"interval": "2-3"}),
        (ValueQuestion(scope=SCOPE), {"period": "x"}),
        (RecencyQuestion(scope=SCOPE), {"days": "2-3"}),
        (RfmQuestion(scope=SCOPE), {"recency": "6"}),
    ])  # fmt: skip
    def test_so_are_cells(self, pool, question, cell):
        with pytest.raises(InvalidError) as caught:
            size(pool, question, **cell)
        assert caught.value.where.startswith("cell.")


def test_an_empty_pool_has_answers(scratch):
    desk = scratch().desk()
    assert retention.retention(desk, RetentionQuestion("*")).rows[-1].size == 0
    assert counts.count(desk, CountQuestion("*")).rows[-1].total.value == 0
    assert stickiness.stickiness(desk, StickinessQuestion()).rows[-1].average_days is None
    assert repurchase.repurchase(desk, RepurchaseQuestion()).rows[-1].median_days is None
    assert value.value(desk, ValueQuestion()).rows[-1].size == 0
    assert recency.recency(desk, RecencyQuestion()).rows[-1].never == 0
    assert rfm.rfm(desk, RfmQuestion()).rows[-1].customers == 0
