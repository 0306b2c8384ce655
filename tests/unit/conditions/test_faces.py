"""Text, JSON, sentences and names: that each says what the tree says."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from tests.support.condition_sample import SAMPLE

from yutang.conditions import names, sentences, sorts, text
from yutang.conditions import nodes as n
from yutang.conditions.check_parts import check_node
from yutang.conditions.codec import from_json, to_json, to_object
from yutang.conditions.grammar import parse
from yutang.conditions.sentences import node_title, sentence
from yutang.conditions.text import to_text
from yutang.kernel.errors import ConditionError
from yutang.kernel.instants import DAY_MS

EXAMPLE = (
    'count(product_viewed where category = "lipstick", 30d) >= 3 and never(order_paid, 90d)'
    " and sum(order_paid.amount) > 500"
)


class TestEveryNode:
    @pytest.mark.parametrize("node", [*get_args(n.Test), *get_args(n.Subject)], ids=lambda node: node.__name__)
    def test_has_a_check_a_text_and_a_sentence(self, node):
        for face in (check_node, text._write, sentences._tell):
            assert face.dispatch(node) is not face.dispatch(object)

    @pytest.mark.parametrize("node", get_args(n.Subject), ids=lambda node: node.__name__)
    def test_subjects_have_a_sort(self, node):
        assert sorts.sort_of.dispatch(node) is not sorts.sort_of.dispatch(object)


class TestText:
    @pytest.mark.parametrize(
        "written",
        [
            EXAMPLE,
            "in(vip) and (everyone or in(vip))",
            "everyone or in(vip) and everyone",
            "not (everyone and in(vip)) and not not everyone",
            "not trait.points > 5",
            'happened("where" where "where" = "x" or a = "b")',
            'happened(class_booked where "not" = "x" and "实付-金额" > 12.50)',
            'trait."会员 等级" = "a\\"b\\n"',
            'in("90后") at 2017-03-01',
            "in(vip) for 1d12h at 2017-03-01T12:30:00.500Z",
            "count(order_paid, from 2017-01-01 to 2017-02-01T00:00:00Z) > 1",
            "count(order_paid, last month) > 1 or count(order_paid, last 2 months) > 1",
            'share("launch-1", 0.05%)',
            "anniversary(trait.birthday) = 0d",
            "age(trait.birthday) >= 18 and age(trait.birthday, days) >= 18",
        ],
    )
    def test_canonical_text_is_kept(self, written):
        assert to_text(parse(written, SAMPLE), SAMPLE) == written

    def test_redundant_parentheses_and_case_go(self):
        assert to_text(parse("((EVERYONE)) OR (in( vip ) AND everyone)", SAMPLE), SAMPLE) == (
            "everyone or in(vip) and everyone"
        )

    def test_money_and_dates_follow_the_vocabulary(self):
        tree = parse("sum(order_paid.amount, from 2017-01-01) >= 12.50", SAMPLE)
        assert to_text(tree, replace(SAMPLE, zone="UTC")) == (
            "sum(order_paid.amount, from 2016-12-31T16:00:00Z) >= 12.50"
        )


class TestJson:
    def test_is_tagged_and_compact(self):
        assert to_json(n.Not(n.InLabel("vip"))) == b'{"node":"not","test":{"node":"in_label","label":"vip"}}'
        assert to_object(n.AtLeast(1, (n.Always(),))) == {
            "node": "at_least",
            "count": 1,
            "tests": [{"node": "always"}],
        }

    def test_reads_bytes_text_and_objects(self):
        tree = parse(EXAMPLE, SAMPLE)
        for raw in (to_json(tree), to_json(tree).decode(), to_object(tree)):
            assert from_json(raw, SAMPLE) == tree

    @pytest.mark.parametrize(
        ("raw", "code", "where", "remedy"),
        [
            (b"", "json", "/", ""),
            (b'{"node":', "json", "/", ""),
            (b"[1]", "json", "/", ""),
            ({"node": "nevr", "events": {}}, "json", "/node", "did you mean never?"),
            ({"node": "not", "test": {"node": "in_label", "lable": "x"}}, "json", "/test", "did you mean label?"),
            ({"node": "all", "tests": [{"node": "always"}, 5]}, "json", "/tests/1", ""),
            ({"node": "share", "salt": "x", "basis_points": "7"}, "json", "/basis_points", ""),
            ({"node": "in_label"}, "json", "/", ""),
            ({"node": "always", "\ud800": 1}, "json", "/", ""),
            (
                {"node": "all", "tests": [{"node": "in_label", "label": "vop"}]},
                "unknown_label",
                "/tests/0/label",
                "vip",
            ),
            (b"[" * 100_000, "too_deep", "/", ""),
            (b'{"node":"not","test":' * 60 + b'{"node":"always"}' + b"}" * 60, "too_deep", "/", ""),
            (b" " * 1_000_001, "too_long", "/", ""),
            ([0] * 50_000, "too_large", "/", ""),
            (object(), "json", "/", ""),
        ],
    )
    def test_what_is_wrong_is_told_with_its_pointer(self, raw, code, where, remedy):
        with pytest.raises(ConditionError) as caught:
            from_json(raw, SAMPLE)
        assert caught.value.code == f"condition.{code}"
        assert caught.value.where.startswith(where)
        assert remedy in caught.value.remedy

    def test_a_filter_that_asks_about_the_customer_is_told_where(self):
        subject = {"node": "count", "events": {"node": "events", "types": ["order_paid"], "where": {"node": "always"}}}
        compare = {"node": "compare", "subject": subject, "op": ">", "value": {"node": "number", "value": "1"}}
        with pytest.raises(ConditionError) as caught:
            from_json({"node": "all", "tests": [compare]}, SAMPLE)
        assert caught.value.where == "/tests/0/subject/events/where"


class TestSentences:
    def test_chinese(self):
        assert sentence(parse(EXAMPLE, SAMPLE), SAMPLE, "zh") == (
            "近 30 天浏览商品（品类为“lipstick”）至少 3 次，且近 90 天没有支付订单，且累计支付订单的金额合计超过 500 元"
        )

    def test_english(self):
        assert sentence(parse(EXAMPLE, SAMPLE), SAMPLE, "en") == (
            "product viewed (category is “lipstick”) at least 3 times in the last 30 days,"
            " and never order paid in the last 90 days, and the total amount over “order paid” is more than CNY 500"
        )

    @pytest.mark.parametrize(
        ("written", "zh", "en"),
        [
            ('in(aipl, "P") for 30d', "属于“AIPL”的“购买”已满 30 天", "is at “P” of “AIPL” for at least 30 days"),
            ('not in("90后")', "不属于「90后」", "isn't in “90后”"),
            ("never(*)", "从未有过任意行为", "no event so far"),
            (
                "each(#visit, 4 weeks)",
                "最近 4 个完整自然周每周都有到访类行为",
                "visit in each of the last 4 complete weeks",
            ),
            (
                "since_last(order_paid) >= 30d",
                "距最近一次支付订单不少于 30 天",
                "the time since the latest order paid is at least 30 days",
            ),
            ("trait.birthday < 1990-05-01", "生日早于 1990-05-01", "birthday is before 1990-05-01"),
            (
                "returned(#visit after 90d, 30d)",
                "近 30 天在间隔至少 90 天后再次有到访类行为",
                "visit again after a pause of at least 90 days in the last 30 days",
            ),
            ("everyone", "所有客户", "everyone"),
        ],
    )
    def test_read_naturally(self, written, zh, en):
        tree = parse(written, SAMPLE)
        assert (sentence(tree, SAMPLE, "zh"), sentence(tree, SAMPLE, "en")) == (zh, en)

    def test_groups_inside_groups_are_enclosed(self):
        tree = parse("in(vip) and (everyone or in(vip))", SAMPLE)
        assert sentence(tree, SAMPLE, "zh") == "属于“贵宾”，且（所有客户，或属于“贵宾”）"

    def test_titles_of_nodes_leave_out_what_stands_in_them(self):
        def titles(written):
            tree = parse(written, SAMPLE)
            return node_title(tree, SAMPLE, "zh"), node_title(tree, SAMPLE, "en")

        assert titles("everyone and in(vip)") == ("全部满足", "all of these")
        assert titles("everyone or in(vip)") == ("任一满足", "any of these")
        assert titles("at least 2 of (everyone, in(vip), everyone)") == ("3 项中至少满足 2 项", "at least 2 of 3")
        assert titles("in(vip)") == ("属于“贵宾”", "is in “vip”")

    def test_an_unknown_language_is_refused(self):
        with pytest.raises(ConditionError) as caught:
            sentence(n.Always(), SAMPLE, "fr")
        assert caught.value.code == "condition.language"


class TestNames:
    def test_all_that_a_test_depends_on(self):
        tree = parse(
            'count(product_viewed | order_paid where store = "1" and channel = "app") > 1 and in(aipl, "P")'
            ' and left(vip, 7d) and trait.city = "x" and any child(record.name = "x" and age(trait.birthday) > 1)'
            ' and net(order_paid.amount) > 1 and happened(#visit where category = "x") and never(*)'
            ' and related("friend") and tag("t") and consent("sms", "promotion") and reachable("email")',
            SAMPLE,
        )
        assert names.names_used(tree) == names.Names(
            event_types=frozenset({"product_viewed", "order_paid", "order_refunded"}),
            marks=frozenset({"visit"}),
            every_event=True,
            properties=frozenset(
                {(of, name) for of in ("product_viewed", "order_paid") for name in ("store", "channel")}
                | {("order_paid", "amount"), ("order_refunded", "amount"), ("#visit", "category")}
            ),
            traits=frozenset({"city", "birthday"}),
            labels=frozenset({"aipl", "vip"}),
            records=frozenset({"child"}),
            record_traits=frozenset({("child", "name")}),
            relations=frozenset({"friend"}),
            tags=frozenset({"t"}),
            channels=frozenset({"sms", "email"}),
        )

    def test_everyone_names_nothing(self):
        assert names.names_used(n.Always()) == names.Names()

    def test_the_steps_of_sequences_count(self):
        tree = n.Sequence((n.Step(n.Events(("a",))), n.Step(n.Events(("b",)), DAY_MS, n.Events(("c",)))))
        assert names.names_used(tree).event_types == {"a", "b", "c"}
