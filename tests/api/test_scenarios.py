"""The acceptance scripts of three brands, as far as identities, labels, records and as-of go.

"As known then" is the change feed, "as known now" is `--as-of`. Zone Asia/Shanghai; the numbers are the scripts'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.support.pools import Scratch, event, ms

from yutang.domains.audience.api import definitions, questions
from yutang.domains.audience.contracts import AskQuestion, ExplainQuestion, LabelDraft, LabelKind, RungDraft
from yutang.domains.customers import api as customers
from yutang.domains.customers.contracts import IdentityOrder, TagOrder, TraitOrder
from yutang.kernel.instants import instant_from_text, instant_text

Make = Callable[..., Scratch]
LIN, MEI, CHEN, WU, ZHAO, HE = (f"unionid:{name}" for name in ("lin", "mei", "chen", "wu", "zhao", "he"))


def utc(text: str) -> str:
    """`2026-03-01 10:00`, in Shanghai, as the product tells it."""
    return instant_text(ms(text))


def known_then(pool: Scratch, label: str, customer: str, instant: str) -> str:
    """A customer's value as it was known at an instant: the feed up to what was found by then."""
    rows = [c for c in pool.changes(label, customer) if instant_from_text(c.known_at) <= ms(instant)]
    return rows[-1].after if rows else "none"


class TestBeautyChain:
    """D0 = 2026-03-01."""

    @pytest.fixture
    def pool(self, scratch: Make) -> Scratch:
        return scratch()

    def test_1_awareness_then_interest_at_their_seconds(self, pool: Scratch) -> None:
        pool.happen(
            event("content_exposed", "2026-03-01 10:00", "device:lin", content="17", platform="小红书"),
            event("search", "2026-03-01 10:00:20", "device:lin", query="控油", target="category"),
        )
        assert pool.labels("device:lin")["aipl"] == "A"
        pool.happen(event("search", "2026-03-01 10:05:07", "device:lin", query="鱼塘", target="brand"))
        labels = pool.labels("device:lin")
        assert (labels["aipl"], labels["lifecycle"], labels["activity"]) == ("I", "potential", "newcomer")
        assert pool.changes("aipl")[-1].at == utc("2026-03-01 10:05:07")
        assert pool.labels("device:lin", utc("2026-03-01 10:05:06"))["aipl"] == "A"

    def test_2_scanning_and_adding_makes_one_customer_of_three_identities(self, pool: Scratch) -> None:
        pool.happen(
            event("search", "2026-03-01 10:05", "device:lin", target="brand"),
            event("link_clicked", "2026-03-01 11:00", ("device:lin", LIN), link="S012"),
            event("friend_added", "2026-03-01 11:00:30", (LIN, "external_userid:corp:lin"), guide="wang"),
        )
        assert len({pool.who(name) for name in ("device:lin", LIN, "external_userid:corp:lin")}) == 1
        assert pool.ask('held_by("wang")') == {pool.who(LIN)}
        gone = [c for c in pool.changes("aipl") if c.cause == "identity"]
        assert all(c.after == "none" for c in gone), "who was joined to another leaves; nobody enters by it"

    def test_3_an_answer_becomes_a_trait_and_a_tag_by_rule(self, pool: Scratch) -> None:
        pool.happen(event("friend_added", "2026-03-01 11:00", LIN), event("friend_added", "2026-03-01 11:05", MEI))
        pool.at("2026-03-01 11:10")
        customers.set_traits(pool.desk(), LIN, TraitOrder({"skin": "oily"}))
        customers.set_traits(pool.desk(), MEI, TraitOrder({"skin": "dry"}))
        customers.tag(pool.desk(), MEI, TagOrder("干皮", "肤质"))
        draft = LabelDraft("skin", LabelKind.TAG, (RungDraft("油皮", 'trait.skin = "oily"'),), title_zh="肤质")
        definitions.define(pool.desk(), draft)
        assert (pool.labels(LIN)["skin"], pool.labels(MEI)["skin"]) == ("油皮", "none")
        assert pool.ask('tag("干皮")') == {pool.who(MEI)}

    def test_4_a_friend_lost_within_the_hour_keeps_no_relation(self, pool: Scratch) -> None:
        qiao = "unionid:qiao"
        pool.happen(
            event("friend_added", "2026-03-01 12:00", qiao, guide="wang", entry_code="S012"),
            event("friend_removed", "2026-03-01 12:40", qiao, guide="wang"),
        )
        lost = 'sequence(friend_added where entry_code = "S012" then friend_removed within 1h)'
        assert pool.ask(lost) == {pool.who(qiao)}
        assert pool.labels(qiao)["aipl"] == "I", "by the event, for 15 days"
        assert pool.until(qiao, "aipl") == utc("2026-03-16 12:00")

    def test_7_to_12_from_the_first_order_to_silence(self, pool: Scratch) -> None:
        pool.happen(
            event("search", "2026-03-01 10:05", LIN, target="brand"),
            event("trial_received", "2026-03-07 10:00", LIN),
            event("order_paid", "2026-03-10 14:00", LIN, amount=26_800),
        )
        labels = pool.labels(LIN)
        assert (labels["aipl"], labels["lifecycle"], labels["value"]) == ("P", "new", "low")
        pool.happen(
            event("live_joined", "2026-03-15 20:00", LIN),
            event("comment", "2026-03-15 20:05", LIN),
            event("comment", "2026-03-15 20:06", LIN),
            event("order_paid", "2026-04-03 12:00", LIN, amount=19_900),
        )
        assert (pool.labels(LIN)["aipl"], pool.labels(LIN)["value"]) == ("L", "low")
        assert pool.changes("aipl")[-1].at == utc("2026-04-03 12:00")
        assert pool.ask("sum(order_paid.amount, 365d) = 467") == {pool.who(LIN)}
        pool.at("2026-04-09 13:59:59")
        assert pool.labels(LIN)["lifecycle"] == "new"
        pool.at("2026-04-09 14:00:00")
        ended = pool.changes("lifecycle")[-1]
        assert (ended.after, ended.at, ended.cause) == ("active", utc("2026-04-09 14:00"), "time")
        pool.happen(event("shop_visited", "2026-04-10 16:00", LIN))
        before = [c for c in pool.changes("activity") if c.after == "silent"]
        pool.at("2026-06-01")
        silent = [c for c in pool.changes("activity") if c.after == "silent"][len(before) :]
        # Visits: 10 and 15 March, 3 and 10 April; at three in 30 days until that of 15 March leaves.
        assert [(c.at, c.cause) for c in silent] == [(utc("2026-04-14 20:00"), "time")]


PHASES = (
    ("0–6个月", "any child(age(record.birthday, months) < 6)"),
    ("孕晚", "due_in(trait.due_date) <= 84d and due_in(trait.due_date) > -14d"),
    ("孕中", "due_in(trait.due_date) <= 182d and due_in(trait.due_date) > 84d"),
    ("孕早", "due_in(trait.due_date) > 182d"),
)


class TestMotherAndBaby:
    @pytest.fixture
    def pool(self, scratch: Make) -> Iterator[Scratch]:
        pool = scratch()
        pool.happen(event("followed", "2026-03-02 09:00", CHEN, account="brand", scene="孕期营养"))
        pool.at("2026-03-02 09:30")
        self.due(pool, "2026-03-02 09:30", "2026-08-20")
        rungs = tuple(RungDraft(value, text) for value, text in PHASES)
        definitions.define(pool.desk(), LabelDraft("phase", LabelKind.STAGE, rungs, title_zh="阶段"))
        yield pool

    @staticmethod
    def due(pool: Scratch, at: str, date: str) -> None:
        pool.send(event("trait_set", at, CHEN, f"due {at}", trait="due_date", date=instant_from_text(date)))

    @staticmethod
    def born(pool: Scratch, at: str, record: str, date: str) -> None:
        properties = {"kind": "child", "record": record, "trait": "birthday", "date": instant_from_text(date)}
        pool.send(event("record_set", at, CHEN, f"born {record}", **properties))

    def test_1_interest_while_she_follows_and_the_phase_by_the_due_date(self, pool: Scratch) -> None:
        assert pool.labels(CHEN)["aipl"] == "I"
        assert pool.until(CHEN, "aipl") == "never"
        pool.at("2026-03-17 09:00:01")
        assert pool.labels(CHEN)["aipl"] == "I"
        assert pool.labels(CHEN)["phase"] == "孕中"
        weeks, days = divmod(280 - 171, 7)
        assert (weeks, days) == (15, 4)
        assert pool.ask("due_in(trait.due_date) <= 171d", utc("2026-03-02 09:30")) == {pool.who(CHEN)}

    def test_3_and_4_the_last_phase_opens_at_midnight_with_no_event(self, pool: Scratch) -> None:
        assert pool.until(CHEN, "phase") == utc("2026-05-28 00:00")
        pool.at("2026-05-27 23:59:59")
        assert pool.labels(CHEN)["phase"] == "孕中"
        pool.at("2026-05-28 00:00:00")
        last = pool.changes("phase")[-1]
        assert (last.before, last.after, last.at, last.cause) == ("孕中", "孕晚", utc("2026-05-28 00:00"), "time")

    def test_5_a_late_order_rewrites_history_and_is_marked(self, pool: Scratch) -> None:
        pool.happen(event("order_paid", "2026-06-10 10:00", CHEN, amount=68_000))
        assert (pool.labels(CHEN)["aipl"], pool.labels(CHEN)["lifecycle"]) == ("P", "new")
        pool.at("2026-06-15 09:00")
        pool.send(event("order_paid", "2026-05-20 10:00", CHEN, amount=32_000))
        labels = pool.labels(CHEN)
        assert (labels["aipl"], labels["value"], labels["lifecycle"]) == ("L", "middle", "new")
        assert pool.until(CHEN, "lifecycle") == utc("2026-06-19 10:00")
        assert pool.labels(CHEN, utc("2026-05-20 10:00"))["aipl"] == "P"
        assert known_then(pool, "aipl", CHEN, "2026-06-09 00:00") == "I"
        last = pool.changes("aipl")[-1]
        assert (last.after, last.at, last.known_at, last.cause) == (
            "L", utc("2026-06-10 10:00"), utc("2026-06-15 09:00"), "late",
        )  # fmt: skip
        assert pool.ask("sum(order_paid.amount, 365d) = 1000") == {pool.who(CHEN)}

    def test_7_the_birth_ends_one_phase_and_begins_another_at_that_second(self, pool: Scratch) -> None:
        pool.at("2026-08-14 10:23:45")
        assert pool.labels(CHEN)["phase"] == "孕晚"
        self.born(pool, "2026-08-14 10:23:45", "1", "2026-08-14")
        last = pool.changes("phase")[-1]
        assert (last.before, last.after, last.at) == ("孕晚", "0–6个月", utc("2026-08-14 10:23:45"))
        assert pool.until(CHEN, "phase") == utc("2027-02-14 00:00")

    def test_9_the_family_phone_of_four_merges_nobody(self, pool: Scratch) -> None:
        family = "phone:+8613800000001"
        husband = "external_userid:corp:husband"
        customers.add_identities(pool.desk(), CHEN, IdentityOrder({"phone": "+8613800000001"}))
        for who in ("member_no:mother", "account:sister"):
            pool.send(event("page_viewed", "2026-03-02 10:00", (who, family)))
        before = pool.labels(CHEN)
        pool.send(event("friend_added", "2026-03-02 11:00", (husband, family), guide="li"))
        assert len({pool.who(name) for name in (CHEN, husband, "member_no:mother", "account:sister", family)}) == 5
        assert {name: value for name, value in pool.labels(CHEN).items() if name != "aipl"} == {
            name: value for name, value in before.items() if name != "aipl"
        }

    def test_11_twins_are_two_records_with_phases_of_their_own(self, pool: Scratch) -> None:
        pool.at("2026-08-14 12:00")
        self.born(pool, "2026-08-14 12:00", "1", "2026-02-20")
        self.born(pool, "2026-08-14 12:00", "2", "2026-08-14")
        young = "any child(age(record.birthday, months) < 6)"
        old = "any child(age(record.birthday, months) >= 6)"
        assert pool.ask(f"{young} and not {old}") == {pool.who(CHEN)}
        answer = questions.explain_one(pool.desk(), ExplainQuestion(CHEN, old))
        assert not answer.tree.truth
        assert answer.tree.until == utc("2026-08-20 00:00")
        pool.at("2026-08-20 00:00")
        assert pool.ask(f"{young} and {old}") == {pool.who(CHEN)}
        assert pool.ask("count child(age(record.birthday, months) < 6) = 1") == {pool.who(CHEN)}

    def test_12_who_was_in_the_last_phase_as_known_then_and_now(self, pool: Scratch) -> None:
        pool.at("2026-07-20 10:00")
        self.due(pool, "2026-06-01 10:00", "2026-09-30")  # what the clinic had said in June is entered in July
        assert known_then(pool, "phase", CHEN, "2026-07-01 00:00") == "孕晚"
        assert pool.ask('in(phase, "孕晚")', utc("2026-07-01 00:00")) == set()
        assert pool.labels(CHEN, utc("2026-07-01 00:00"))["phase"] == "孕中"
        assert pool.labels(CHEN, utc("2026-07-08 00:00"))["phase"] == "孕晚"


class TestOnlineEnglish:
    @pytest.fixture
    def pool(self, scratch: Make) -> Scratch:
        return scratch()

    def test_1_a_second_device_is_hers(self, pool: Scratch) -> None:
        pool.happen(
            event("logged_in", "2026-03-01 09:00", (ZHAO, "device:one")),
            event("logged_in", "2026-03-01 10:00", (ZHAO, "device:two")),
            event("page_viewed", "2026-03-01 10:05", "device:two"),
        )
        assert pool.who("device:two") == pool.who(ZHAO)
        assert pool.ask("count(#visit) = 3") == {pool.who(ZHAO)}

    def test_5_a_course_bought(self, pool: Scratch) -> None:
        pool.happen(event("order_paid", "2026-03-10 12:00", WU, amount=480_000))
        pool.send(
            event("record_set", "2026-03-10 12:00", WU, kind="course", record="c1", trait="ends",
                  date=instant_from_text("2026-09-10"))
        )  # fmt: skip
        labels = pool.labels(WU)
        assert (labels["aipl"], labels["lifecycle"], labels["value"]) == ("P", "new", "middle")
        assert pool.until(WU, "lifecycle") == utc("2026-04-09 12:00")
        assert pool.ask("any course(due_in(record.ends) <= 184d)") == {pool.who(WU)}

    def test_8_silent_while_the_term_runs(self, pool: Scratch) -> None:
        pool.happen(event("order_paid", "2026-03-10 12:00", WU, amount=480_000))
        pool.send(
            event("record_set", "2026-03-10 12:00", WU, kind="course", record="c1", trait="ends",
                  date=instant_from_text("2026-09-10"))
        )  # fmt: skip
        pool.happen(*(event("logged_in", f"2026-04-{day:02} 20:00", WU) for day in range(2, 20)))
        assert pool.labels(WU)["activity"] != "silent"
        pool.happen(event("logged_in", "2026-04-28 20:00", WU), event("logged_in", "2026-05-08 20:00", WU))
        pool.at("2026-05-20 12:00")
        assert pool.labels(WU)["activity"] == "silent"
        assert pool.ask('in(activity, "silent") and any course(due_in(record.ends) > 0d)') == {pool.who(WU)}
        pool.at("2026-09-10 00:00")
        assert pool.ask("any course(due_in(record.ends) > 0d)") == set()

    def test_10_churned_to_the_second_and_back(self, pool: Scratch) -> None:
        pool.happen(event("logged_in", "2026-03-01 09:00", HE), event("logged_in", "2026-09-10 21:17:43", HE))
        assert known_then(pool, "activity", HE, "2026-09-11 00:00") == "silent"
        pool.at("2026-12-31 00:00")
        churned = pool.changes("activity", HE)[-1]
        assert (churned.after, churned.at, churned.cause) == ("churned", utc("2026-12-09 21:17:43"), "time")
        pool.happen(event("logged_in", "2027-01-05 08:00", HE))
        assert pool.labels(HE)["activity"] == "silent"
        assert pool.labels(HE)["returned"] == "in"
        assert pool.until(HE, "returned") == utc("2027-02-04 08:00")


class TestAsOf:
    def test_before_anybody_came_there_is_nobody(self, scratch: Make) -> None:
        pool = scratch()
        everybody = AskQuestion("everyone", "2020-01-01")
        assert questions.ask(pool.desk(), everybody).population == 0, "not even in an empty pool"
        pool.happen(event("page_viewed", "2026-03-01 10:00", LIN))
        answer = questions.ask(pool.desk(), everybody)
        assert (answer.count, answer.population, answer.customers) == (0, 0, ())
        assert set(pool.labels(LIN, "2020-01-01T00:00:00Z").values()) == {"none"}

    def test_who_has_state_events_only_is_in_no_label_and_no_figure(self, scratch: Make) -> None:
        pool = scratch()
        pool.send(event("trait_set", "2026-02-01 10:00", LIN, trait="skin", text="oily"))
        assert set(pool.labels(LIN).values()) == {"none"}
        assert pool.changes() == []
        assert pool.ask("everyone") == set()
        pool.happen(event("page_viewed", "2026-03-01 12:00:01", LIN))
        assert pool.ask('trait.skin = "oily"') == {pool.who(LIN)}
        assert {c.at for c in pool.changes() if c.cause == "event"} == {utc("2026-03-01 12:00:01")}
