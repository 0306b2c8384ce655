"""Text → tree: one class an operator, and the errors with their places and remedies."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from tests.support.condition_sample import SAMPLE

from yutang.conditions import nodes as n
from yutang.conditions.grammar import parse
from yutang.conditions.limits import DEPTH_MAX, TEXT_CHARS_MAX
from yutang.kernel.errors import ConditionError
from yutang.kernel.instants import DAY_MS, HOUR_MS, instant_from_text

ORDERS = n.Events(("order_paid",))


def read(text, vocabulary=SAMPLE):
    return parse(text, vocabulary)


def refused(text, vocabulary=SAMPLE) -> ConditionError:
    with pytest.raises(ConditionError) as caught:
        parse(text, vocabulary)
    return caught.value


class TestTheExampleOfTheDesign:
    def test_reads_as_three_typed_tests(self):
        tree = read(
            'count(product_viewed where category = "lipstick", 30d) >= 3'
            " and never(order_paid, 90d) and sum(order_paid.amount) > 500"
        )
        lipstick = n.Compare(n.Property("category"), n.Op.EQ, n.Text("lipstick"))
        viewed = n.Count(n.Events(("product_viewed",), where=lipstick), n.Rolling(30 * DAY_MS))
        assert tree == n.All(
            (
                n.Compare(viewed, n.Op.GE, n.Number("3")),
                n.Never(ORDERS, n.Rolling(90 * DAY_MS)),
                n.Compare(n.Aggregate(n.Fold.SUM, ORDERS, "amount"), n.Op.GT, n.Money(50000, "CNY")),
            )
        )


class TestLogic:
    def test_and_binds_closer_than_or_and_not_closest(self):
        a, b, c = n.InLabel("vip"), n.Always(), n.InLabel("90后")
        assert read('in(vip) or everyone and not in("90后")') == n.Any((a, n.All((b, n.Not(c)))))

    def test_parentheses_keep_a_group_and_chains_are_flat(self):
        a = n.Always()
        assert read("everyone and everyone and everyone") == n.All((a, a, a))
        assert read("(everyone and everyone) and everyone") == n.All((n.All((a, a)), a))

    def test_keywords_in_any_case(self):
        assert read("NOT In(vip) AND Count(order_paid, LAST 3 Months) > 1") == read(
            "not in(vip) and count(order_paid, last 3 months) > 1"
        )

    def test_between_is_two_comparisons_in_the_same_chain(self):
        assert read("trait.points between 1 and 5 and in(vip)") == read(
            "trait.points >= 1 and trait.points <= 5 and in(vip)"
        )
        assert read("not trait.points between 1 and 5") == n.Not(read("trait.points between 1 and 5"))

    def test_not_in_is_not_of_in(self):
        assert read('trait.city not in ("上海")') == read('not trait.city in ("上海")')

    def test_at_least(self):
        assert read("at least 2 of (everyone, in(vip), everyone)") == n.AtLeast(
            2, (n.Always(), n.InLabel("vip"), n.Always())
        )
        assert refused("at least 3 of (everyone, in(vip))").code == "condition.at_least"

    def test_hold(self):
        assert read("hold(in(vip), 3d)") == n.Hold(n.InLabel("vip"), 3 * DAY_MS)


class TestLiterals:
    def test_money_counts_in_minor_units_of_the_pools_currency(self):
        assert read("sum(order_paid.amount) > 12.3").value == n.Money(1230, "CNY")
        assert read("sum(order_paid.amount) > 12", replace(SAMPLE, currency="JPY")).value == n.Money(12, "JPY")

    def test_more_digits_than_the_currency_has_are_refused(self):
        error = refused("sum(order_paid.amount) > 12.345")
        assert (error.code, error.where) == ("money.too_precise", "character 26")
        assert refused("sum(order_paid.amount) > 1.5", replace(SAMPLE, currency="JPY")).code == "money.too_precise"

    def test_dates_spans_numbers_flags(self):
        assert read("trait.birthday < 1990-05-01").value == n.Day("1990-05-01")
        assert read("since_last(order_paid) >= 1d12h").value == n.Span(36 * HOUR_MS)
        assert read("due_in(trait.due_date) > -7d").value == n.Span(-7 * DAY_MS)
        assert read("trait.weight > 12.50").value == n.Number("12.5")
        assert read("trait.weight > -0.0").value == n.Number("0")
        assert read("trait.member = TRUE").value == n.Flag(True)

    def test_an_instant_or_a_midnight_of_the_zone(self):
        assert read("trait.joined_at < 2017-03-01T10:00:00+08:00").value == n.Instant(
            instant_from_text("2017-03-01T02:00:00Z")
        )
        assert read("trait.joined_at < 2017-03-01").value == n.Instant(instant_from_text("2017-02-28T16:00:00Z"))

    def test_integers_refuse_fractions(self):
        assert refused("trait.points > 1.5").code == "condition.number"
        assert refused("count(order_paid) > 1.5").code == "condition.number"
        assert read("avg(order_paid.items) > 1.5").value == n.Number("1.5")

    def test_texts_have_the_escapes_of_json(self):
        assert read(r'trait.city = "a\"b\\\u4e2d\n"').value == n.Text('a"b\\中\n')
        assert read('trait.city = "😀上海"').value == n.Text("😀上海")

    @pytest.mark.parametrize(
        ("text", "remedy"),
        [
            ("trait.city = oily", 'put it into quotes: "oily"'),
            ("trait.city = 5", 'put it into quotes: "5"'),
            ('trait.points = "5"', "leave the quotes out"),
            ("since_last(order_paid) >= 30", "write 30d for days"),
            ("trait.member = 1", "write true or false"),
            ("trait.birthday < 2017-03-01T10:00:00Z", "write the day alone: 2017-03-01"),
            ("never(order_paid, 90)", "write it like 30d, last 3 months"),
            ("trait.points == 5", "write a single ="),
            ("trait.member", "write = true"),
        ],
    )
    def test_what_doesnt_fit_is_told_how_to_mend(self, text, remedy):
        assert remedy in refused(text).remedy


class TestWindows:
    def test_all_kinds(self):
        def window(text):
            return read(f"count(order_paid, {text}) > 1").subject.window

        assert window("30d") == n.Rolling(30 * DAY_MS)
        assert window("last 3 months") == n.Last(n.Unit.MONTH, 3)
        assert window("last week") == n.Last(n.Unit.WEEK, 1)
        assert window("this month") == n.This(n.Unit.MONTH)
        start, end = instant_from_text("2016-12-31T16:00:00Z"), instant_from_text("2017-01-31T16:00:00Z")
        assert window("from 2017-01-01 to 2017-02-01") == n.Fixed(start, end)
        assert window("from 2017-01-01") == n.Fixed(start)
        assert window("to 2017-02-01") == n.Fixed(None, end)

    def test_dates_are_midnights_of_the_vocabularys_zone(self):
        tree = read("count(order_paid, from 2018-11-04) > 1", replace(SAMPLE, zone="America/Sao_Paulo"))
        # Clocks went from 00:00 to 01:00: the day's first instant is 01:00 there.
        assert tree.subject.window == n.Fixed(instant_from_text("2018-11-04T03:00:00Z"))


class TestEventSets:
    def test_types_marks_everything_and_quoted_names(self):
        def events(text):
            return read(f"happened({text})").events

        assert events("order_paid | order_refunded") == n.Events(("order_paid", "order_refunded"))
        assert events("#visit") == n.Events(mark="visit")
        assert events("*") == n.Events()
        assert events('"seen-elsewhere"') == n.Events(("seen-elsewhere",))
        assert events('"where" where "where" = "x"') == n.Events(
            ("where",), where=n.Compare(n.Property("where"), n.Op.EQ, n.Text("x"))
        )

    def test_filters_have_their_own_logic(self):
        tree = read('happened(order_paid where not (amount > 5 or unknown(store)) and store in ("1", "2"), 30d)')
        amount = n.Compare(n.Property("amount"), n.Op.GT, n.Money(500, "CNY"))
        left = n.Not(n.Any((amount, n.Unknown(n.Property("store")))))
        assert tree.events.where == n.All((left, n.OneOf(n.Property("store"), (n.Text("1"), n.Text("2")))))

    def test_filters_hold_only_properties(self):
        assert refused("happened(order_paid where count(order_paid) > 1)").code == "condition.scope"
        assert refused("happened(order_paid where trait.city = 1)").code == "condition.scope"

    def test_whose_property_is_folded_must_be_told(self):
        both = n.Events(("order_paid", "order_refunded"))
        assert read("sum((order_paid | order_refunded).amount) > 1").subject == n.Aggregate(n.Fold.SUM, both, "amount")
        assert "(order_paid | order_refunded).property" in refused("sum(order_paid | order_refunded.amount) > 1").remedy


class TestTests:
    def test_sequence(self):
        tree = read(
            'sequence(product_viewed where category in ("a") then order_paid within 1d without message_in'
            " then order_refunded in 7d, 30d)"
        )
        where = n.OneOf(n.Property("category"), (n.Text("a"),))
        assert tree == n.Sequence(
            (
                n.Step(n.Events(("product_viewed",), where=where)),
                n.Step(ORDERS, DAY_MS, n.Events(("message_in",))),
                n.Step(n.Events(("order_refunded",))),
            ),
            7 * DAY_MS,
            n.Rolling(30 * DAY_MS),
        )

    def test_not_followed_and_returned(self):
        tree = read("not_followed(message_in by message_out within 1h, 30d)")
        message_in, message_out = n.Events(("message_in",)), n.Events(("message_out",))
        assert tree == n.NotFollowed(message_in, message_out, HOUR_MS, n.Rolling(30 * DAY_MS))
        assert read("returned(#visit after 90d)") == n.Returned(n.Events(mark="visit"), 90 * DAY_MS)

    def test_labels(self):
        assert read('in(aipl, "P") for 30d') == n.InLabel("aipl", "P", 30 * DAY_MS)
        assert read("in(aipl, P)") == n.InLabel("aipl", "P")
        assert read('in("vip") at 2017-03-01T00:00:00Z') == n.InLabel("vip", at=1488326400000)
        assert read('entered(aipl, "P", 7d) or left(vip, 7d)') == n.Any(
            (n.Moved("aipl", "P", 7 * DAY_MS), n.Moved("vip", "", 7 * DAY_MS, True))
        )

    def test_tags_consent_reach_relations_share(self):
        assert read('tag("油皮", group "肤质") and tag(油皮)') == n.All((n.HasTag("油皮", "肤质"), n.HasTag("油皮")))
        assert read('consent("sms", "promotion")') == n.Consent("sms", "promotion")
        assert read('reachable("sms")') == n.Reachable("sms")
        assert read('member_of("g-17")') == read('related("group_member", "g-17")')
        assert read('invited_by("c1") or held_by("wang")') == read(
            'related("invited", "c1") or related("friend", "wang")'
        )
        assert read('share("launch-1", 0.5%)') == n.Share("launch-1", 50)

    def test_records(self):
        months = n.Compare(n.Age(n.RecordTrait("birthday"), n.Unit.MONTH), n.Op.LT, n.Number("12"))
        assert read("any child(age(record.birthday, months) < 12)") == n.AnyRecord("child", months)
        assert read("all child(age(record.birthday, months) < 12)") == n.AllRecords("child", months)
        assert read("any child()") == n.AnyRecord("child")
        assert read("count child(age(record.birthday, months) < 12) >= 2") == n.Compare(
            n.RecordCount("child", months), n.Op.GE, n.Number("2")
        )
        assert read('count "my-course"() = 0').subject == n.RecordCount("my-course")


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "where", "remedy"),
        [
            ("count(order_payed, 30d) >= 3", 7, "did you mean order_paid?"),
            ("happened(order_paid | order_refundet)", 23, "did you mean order_refunded?"),
            ("count(order_paid where amuont > 5) > 1", 24, "did you mean amount?"),
            ("sum(order_paid.amuont) > 5", 16, "did you mean amount?"),
            ("count(order_paid where 金额 > 5) > 1", 24, "did you mean amount?"),
            ("count(支付订单) > 1", 7, "did you mean order_paid?"),
            ("happened(#visitt)", 11, "did you mean visit?"),
            ('trait.skim = "x"', 7, "did you mean skin?"),
            ("any chlid()", 5, "did you mean child?"),
            ("any child(record.brithday < 2017-01-01)", 18, "did you mean birthday?"),
            ("in(vop)", 4, "did you mean vip?"),
            ("in(aipl, Q)", 10, "there is A, I, P, L"),
            ('entered(value, "hihg", 7d)', 16, "did you mean high?"),
            ('related("freind")', 9, "did you mean friend?"),
            ("conut(order_paid) > 1", 1, "did you mean count?"),
            ("order_paid", 1, "write happened(order_paid), never(order_paid) or count(order_paid) >= 1"),
            ("vip", 1, "write in(vip)"),
            ("skin", 1, "write trait.skin"),
            ('trait.skin < "x"', 12, "use =, !=, contains, starts_with, ends_with"),
            ("everyone and （everyone）", 14, "write ("),
            ("in(90后)", 4, '"90后"'),
        ],
    )
    def test_point_at_the_place_and_suggest(self, text, where, remedy):
        error = refused(text)
        assert error.where == f"character {where}"
        assert remedy in error.remedy

    def test_show_the_line_with_a_caret(self):
        error = refused("everyone\n  and count(order_payed) > 1")
        assert error.code == "condition.unknown_event_type"
        assert error.message.splitlines()[1:] == ["    and count(order_payed) > 1", "              ^"]

    def test_the_caret_stands_below_wide_characters_too(self):
        line, caret = refused('tag("油皮") and 5').message.splitlines()[1:]
        assert line == '  tag("油皮") and 5'
        assert caret == "  " + " " * 5 + "\u3000" * 2 + " " * 7 + "^"

    @pytest.mark.parametrize("text", ["", "  \n", "everyone everyone", "count(order_paid", "(everyone", '"', "in()"])
    def test_unfinished_text_is_refused(self, text):
        assert refused(text).code == "condition.syntax"


class TestBounds:
    def test_long_text_is_refused_by_its_length(self):
        assert refused("x" * (TEXT_CHARS_MAX + 1)).code == "condition.too_long"

    @pytest.mark.parametrize("opening", ["(", "not ", "hold(", "at least 1 of (", "any child(", "everyone and ("])
    def test_deep_nesting_is_an_error_not_a_recursion(self, opening):
        code = refused(opening * 5000 + "everyone").code
        assert code in ("condition.too_deep", "condition.scope")

    def test_the_deepest_that_is_allowed_needs_few_frames(self):
        limit = sys.getrecursionlimit()
        frames = len(__import__("inspect").stack())
        sys.setrecursionlimit(frames + 600)
        try:
            assert read("hold(" * (DEPTH_MAX - 1) + "everyone" + ", 1d)" * (DEPTH_MAX - 1))
        finally:
            sys.setrecursionlimit(limit)

    def test_too_many_parts_are_refused(self):
        assert refused("everyone" + " and everyone" * 2500).code == "condition.too_large"
