"""What fits the vocabulary: codes, pointers and remedies for trees that came from JSON, and the canonical form."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.condition_sample import SAMPLE

from yutang.conditions import nodes as n
from yutang.conditions.checks import check
from yutang.conditions.vocabulary import Kind, Vocabulary
from yutang.kernel.errors import ConditionError

ORDERS = n.Events(("order_paid",))
ONE = n.Number("1")


def refused(test, vocabulary: Vocabulary = SAMPLE) -> tuple[str, str]:
    with pytest.raises(ConditionError) as caught:
        check(test, vocabulary)
    return caught.value.code.removeprefix("condition."), caught.value.where


def counted(events):
    return n.Compare(n.Count(events), n.Op.GE, ONE)


def where(test):
    return n.Happened(n.Events(("order_paid",), where=test))


class TestNames:
    @pytest.mark.parametrize(
        ("test", "code", "place"),
        [
            (
                n.All((n.Always(), counted(n.Events(("nope",))))),
                "unknown_event_type",
                "/tests/1/subject/events/types/0",
            ),
            (n.Happened(n.Events(mark="nope")), "unknown_mark", "/events/mark"),
            (n.Unknown(n.Trait("nope")), "unknown_trait", "/subject/name"),
            (n.AnyRecord("nope"), "unknown_record", "/kind"),
            (n.AnyRecord("child", n.Unknown(n.RecordTrait("nope"))), "unknown_record_trait", "/test/subject/name"),
            (n.InLabel("nope"), "unknown_label", "/label"),
            (n.InLabel("aipl", "Q"), "unknown_label_value", "/value"),
            (n.Moved("aipl", "Q", 1), "unknown_label_value", "/value"),
            (n.Related("nope"), "unknown_relation", "/relation"),
            (where(n.Unknown(n.Property("nope"))), "unknown_property", "/events/where/subject/name"),
            (n.Unknown(n.Aggregate(n.Fold.SUM, ORDERS, "nope")), "unknown_property", "/subject/property"),
        ],
    )
    def test_unknown_ones_are_told_with_their_place(self, test, code, place):
        assert refused(test) == (code, place)

    def test_every_event_has_channel_source_feed(self):
        for name in ("channel", "source", "feed"):
            assert check(where(n.Compare(n.Property(name), n.Op.EQ, n.Text("x"))), SAMPLE)

    def test_a_type_that_nobody_declared_is_taken_leniently_as_text(self):
        lenient = n.Events(("seen-elsewhere",), where=n.Compare(n.Property("any"), n.Op.EQ, n.Text("x")))
        assert check(n.Happened(lenient), SAMPLE)
        number = n.Events(("seen-elsewhere",), where=n.Compare(n.Property("any"), n.Op.GT, ONE))
        assert refused(n.Happened(number))[0] == "operator_misfit"

    def test_everything_means_declared_properties_of_any_type(self):
        assert check(n.Happened(n.Events(where=n.Unknown(n.Property("store")))), SAMPLE)
        assert refused(n.Happened(n.Events(where=n.Unknown(n.Property("any")))))[0] == "unknown_property"

    def test_types_that_disagree_about_a_property_are_told(self):
        other = SAMPLE.events["product_viewed"]
        text = replace(other, properties=(*other.properties, replace(other.properties[0], name="amount")))
        vocabulary = replace(SAMPLE, events={**SAMPLE.events, "product_viewed": text})
        both = n.Events(("order_paid", "product_viewed"), where=n.Unknown(n.Property("amount")))
        assert refused(n.Happened(both), vocabulary)[0] == "property_conflict"


class TestOperatorsAndValues:
    @pytest.mark.parametrize(
        ("trait", "op", "value", "code"),
        [
            ("skin", n.Op.LT, n.Text("x"), "operator_misfit"),
            ("member", n.Op.GE, n.Flag(True), "operator_misfit"),
            ("points", n.Op.CONTAINS, ONE, "operator_misfit"),
            ("likes", n.Op.EQ, n.Text("x"), "operator_misfit"),
            ("likes", n.Op.STARTS, n.Text("x"), "operator_misfit"),
            ("skin", n.Op.EQ, ONE, "value_misfit"),
            ("points", n.Op.EQ, n.Text("1"), "value_misfit"),
            ("points", n.Op.EQ, n.Number("1.5"), "number"),
            ("weight", n.Op.EQ, n.Number("1e5"), "number"),
            ("weight", n.Op.EQ, n.Number("0.1234567"), "number"),
            ("weight", n.Op.EQ, n.Number("9" * 30), "number"),
            ("balance", n.Op.GT, ONE, "value_misfit"),
            ("balance", n.Op.GT, n.Money(1, "USD"), "currency"),
            ("balance", n.Op.GT, n.Money(10**16, "CNY"), "number"),
            ("birthday", n.Op.GT, n.Day("2017-02-30"), "date"),
            ("birthday", n.Op.GT, n.Day("20170201"), "date"),
            ("birthday", n.Op.GT, n.Instant(1), "value_misfit"),
            ("joined_at", n.Op.GT, n.Instant(-1), "instant_range"),
        ],
    )
    def test_misfits(self, trait, op, value, code):
        found, place = refused(n.Compare(n.Trait(trait), op, value))
        assert found == code
        assert place.startswith("/op" if code == "operator_misfit" else "/value")

    def test_spans_that_run_with_the_clock_cant_be_equal(self):
        assert refused(n.Compare(n.Since(ORDERS), n.Op.EQ, n.Span(5)))[0] == "operator_misfit"
        assert refused(n.OneOf(n.Due(n.Trait("birthday")), (n.Span(5),)))[0] == "operator_misfit"
        assert check(n.Compare(n.Anniversary(n.Trait("birthday")), n.Op.EQ, n.Span(0)), SAMPLE)

    def test_one_of(self):
        assert refused(n.OneOf(n.Trait("city"), ())) == ("empty", "/values")
        assert refused(n.OneOf(n.Trait("city"), (n.Text("x"), ONE))) == ("value_misfit", "/values/1")
        assert refused(n.OneOf(n.Trait("member"), (n.Flag(True),)))[0] == "operator_misfit"
        assert refused(n.OneOf(n.Trait("city"), (n.Text("x"),) * 1001))[0] == "too_large"

    @pytest.mark.parametrize("fold", [n.Fold.SUM, n.Fold.AVG, n.Fold.MIN, n.Fold.MAX])
    def test_folds_need_quantities(self, fold):
        assert refused(n.Unknown(n.Aggregate(fold, ORDERS, "store"))) == ("fold_misfit", "/subject/property")

    def test_net_is_of_all_orders_only(self):
        net = n.Aggregate(n.Fold.SUM, ORDERS, "amount", None, True)
        assert check(n.Unknown(net), SAMPLE)
        some = n.Events(("order_paid",), where=n.Unknown(n.Property("store")))
        assert refused(n.Unknown(n.Aggregate(n.Fold.SUM, some, "amount", None, True)))[0] == "net"
        assert refused(n.Unknown(n.Aggregate(n.Fold.AVG, ORDERS, "amount", None, True)))[0] == "net"
        without = {name: known for name, known in SAMPLE.events.items() if name != "order_refunded"}
        assert refused(n.Unknown(net), replace(SAMPLE, events=without))[0] == "net"

    def test_age_due_anniversary_need_dates(self):
        for subject in (n.Age(n.Trait("city")), n.Due(n.Trait("joined_at")), n.Anniversary(n.Trait("points"))):
            assert refused(n.Unknown(subject)) == ("date_trait", "/subject/of")


class TestScopes:
    @pytest.mark.parametrize(
        "test",
        [
            n.Unknown(n.Property("amount")),
            n.Unknown(n.RecordTrait("name")),
            n.Unknown(n.Age(n.RecordTrait("birthday"))),
            where(n.Always()),
            where(n.InLabel("vip")),
            where(n.Unknown(n.Trait("city"))),
            where(n.Not(n.AtLeast(1, (n.Always(),)))),
            n.AnyRecord("child", where(n.Unknown(n.RecordTrait("name")))),
            n.AnyRecord("child", n.AnyRecord("child")),
            n.AllRecords("child", n.Compare(n.RecordCount("child"), n.Op.GT, ONE)),
        ],
    )
    def test_what_stands_where_it_may_not_is_refused(self, test):
        assert refused(test)[0] == "scope"

    def test_tests_of_the_customer_may_stand_beside_those_of_a_record(self):
        both = n.All((n.Unknown(n.RecordTrait("name")), n.Happened(ORDERS)))
        assert check(n.AnyRecord("child", both), SAMPLE)


class TestQuantities:
    @pytest.mark.parametrize(
        ("test", "code"),
        [
            (n.Never(ORDERS, n.Rolling(0)), "span_range"),
            (n.Never(ORDERS, n.Rolling(-5)), "span_range"),
            (n.Never(ORDERS, n.Rolling(10**16)), "span_range"),
            (n.Never(ORDERS, n.Fixed()), "window"),
            (n.Never(ORDERS, n.Fixed(5, 5)), "window"),
            (n.Never(ORDERS, n.Fixed(-5)), "instant_range"),
            (n.Never(ORDERS, n.Last(n.Unit.MONTH, 0)), "count_range"),
            (n.EachPeriod(ORDERS, n.Unit.YEAR, 11), "count_range"),
            (n.Unknown(n.Periods(ORDERS, n.Unit.WEEK, 0)), "count_range"),
            (n.Sequence((n.Step(ORDERS),)), "sequence"),
            (n.Sequence((n.Step(ORDERS, 5), n.Step(ORDERS))), "sequence"),
            (n.Sequence((n.Step(ORDERS), n.Step(ORDERS, 0))), "span_range"),
            (n.Sequence((n.Step(ORDERS),) * 17), "sequence"),
            (n.Returned(ORDERS, 0), "span_range"),
            (n.NotFollowed(ORDERS, ORDERS, 0), "span_range"),
            (n.InLabel("vip", for_ms=0), "span_range"),
            (n.InLabel("vip", at=-1), "instant_range"),
            (n.Moved("vip", "", 0), "span_range"),
            (n.Hold(n.Always(), 0), "span_range"),
            (n.Share("x", 0), "share"),
            (n.Share("x", 10_001), "share"),
            (n.Share(" ", 5), "empty"),
            (n.HasTag(""), "empty"),
            (n.Consent("sms", ""), "empty"),
            (n.Reachable(""), "empty"),
            (n.All(()), "empty"),
            (n.Any(()), "empty"),
            (n.AtLeast(0, (n.Always(),)), "at_least"),
            (n.AtLeast(2, (n.Always(),)), "at_least"),
            (n.Happened(n.Events(("order_paid",), "visit")), "events"),
            (n.Happened(n.Events(("order_paid",) * 65)), "too_large"),
            (n.HasTag("x" * 200_001), "too_large"),
            (n.HasTag("\ud800"), "malformed_text"),
        ],
    )
    def test_must_make_sense(self, test, code):
        assert refused(test)[0] == code

    def test_a_tree_that_is_too_deep_is_refused_without_recursion(self):
        tree = n.Always()
        for _ in range(100_000):
            tree = n.Not(tree)
        assert refused(tree)[0] == "too_deep"
        while isinstance(tree, n.Not):  # taken apart step by step, as freeing it at once would recurse
            tree = tree.test

    def test_a_tree_that_is_too_large_is_refused(self):
        assert refused(n.All((n.Always(),) * 5_000))[0] == "too_large"


class TestCanonicalForm:
    def test_numbers_are_shortest(self):
        def compare(text):
            return n.Compare(n.Trait("weight"), n.Op.EQ, n.Number(text))

        assert check(compare("012.500"), SAMPLE) == compare("12.5")
        assert check(compare("-0.0"), SAMPLE) == compare("0")
        assert check(compare("-00.10"), SAMPLE) == compare("-0.1")

    def test_groups_of_one_are_that_one(self):
        assert check(n.All((n.Not(n.Any((n.Always(),))),)), SAMPLE) == n.Not(n.Always())

    def test_what_is_canonical_stays_as_it_is(self):
        tree = n.All((n.Always(), n.Any((n.Always(), n.InLabel("vip")))))
        assert check(tree, SAMPLE) == tree


def test_every_kind_has_a_trait_in_the_sample():
    assert {trait.kind for trait in SAMPLE.traits.values()} == set(Kind)
