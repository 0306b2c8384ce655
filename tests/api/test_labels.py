"""Labels: exact to the second, by events and by time alone; lines of the acceptance scripts that concern them."""

from tests.support.pools import event

LIN = "external_userid:corp:lin"


class TestBeautyChain:
    """A day in March: from a search to a first order, a second, and silence."""

    def test_searching_the_category_is_awareness_the_brand_interest(self, scratch):
        pool = scratch()
        pool.happen(event("search", "2026-03-01 10:00", LIN, target="category", query="控油"))
        assert pool.labels(LIN)["aipl"] == "A"
        pool.happen(event("search", "2026-03-01 10:05", LIN, target="brand", query="鱼塘"))
        assert pool.labels(LIN)["aipl"] == "I"
        assert pool.labels(LIN)["lifecycle"] == "potential"
        assert pool.labels(LIN)["activity"] == "newcomer"
        assert [(c.before, c.after, c.at) for c in pool.changes("aipl")] == [
            ("none", "A", "2026-03-01T02:00:00Z"),
            ("A", "I", "2026-03-01T02:05:00Z"),
        ]

    def test_orders_lift_to_purchase_then_loyalty_and_new_ends_by_itself(self, scratch):
        pool = scratch()
        pool.happen(
            event("search", "2026-03-01 10:00", LIN, target="brand"),
            event("order_paid", "2026-03-10 14:00", LIN, amount=26_800),
        )
        assert (pool.labels(LIN)["aipl"], pool.labels(LIN)["lifecycle"], pool.labels(LIN)["value"]) == (
            "P",
            "new",
            "low",
        )
        assert pool.until(LIN, "lifecycle") == "2026-04-09T06:00:00Z"
        pool.happen(event("order_paid", "2026-04-03 12:00", LIN, amount=19_900))
        assert pool.labels(LIN)["aipl"] == "L"
        assert pool.labels(LIN)["value"] == "low"
        pool.at("2026-04-09 13:59:59")
        assert pool.labels(LIN)["lifecycle"] == "new"
        pool.at("2026-04-09 14:00")
        assert pool.labels(LIN)["lifecycle"] == "active"
        last = pool.changes("lifecycle")[-1]
        assert (last.after, last.at, last.cause) == ("active", "2026-04-09T06:00:00Z", "time")

    def test_silent_at_the_second_when_the_third_latest_visit_leaves_the_window(self, scratch):
        pool = scratch()
        visits = ("2026-03-01 09:00", "2026-03-20 10:00:30", "2026-04-02 12:00", "2026-04-09 08:00")
        pool.happen(*(event("page_viewed", at, LIN) for at in visits))
        pool.at("2026-05-20")
        assert [(c.after, c.at) for c in pool.changes("activity")] == [
            ("newcomer", "2026-03-01T01:00:00Z"),
            ("silent", "2026-03-31T01:00:00Z"),  # new no more, and only the visit of 20 March in the window
            ("occasional", "2026-04-09T00:00:00Z"),
            ("silent", "2026-04-19T02:00:30Z"),
        ]

    def test_a_standing_relation_keeps_interest_past_its_window(self, scratch):
        pool = scratch()
        pool.happen(event("followed", "2026-03-02 08:00", LIN))
        pool.advance("40d")
        assert pool.labels(LIN)["aipl"] == "I"
        pool.happen(event("unfollowed", "2026-05-01 08:00", LIN))
        assert pool.labels(LIN)["aipl"] == "none"


class TestMotherAndBaby:
    def test_a_late_order_rewrites_history_and_the_feed_says_late(self, scratch):
        chen = "unionid:chen"
        pool = scratch()
        pool.happen(
            event("page_viewed", "2026-05-01 10:00", chen), event("order_paid", "2026-06-10 10:00", chen, amount=68_000)
        )
        assert pool.labels(chen)["lifecycle"] == "new"
        pool.at("2026-06-15 09:00")
        pool.send(event("order_paid", "2026-05-20 10:00", chen, amount=32_000))
        now = pool.labels(chen)
        assert (now["aipl"], now["value"]) == ("L", "middle")
        assert pool.labels(chen, "2026-05-25T00:00:00Z")["aipl"] == "P"
        assert pool.until(chen, "lifecycle") == "2026-06-19T02:00:00Z"
        late = pool.changes("aipl")[-1]
        assert (late.before, late.after, late.at, late.known_at, late.cause) == (
            "P", "L", "2026-06-10T02:00:00Z", "2026-06-15T01:00:00Z", "late",
        )  # fmt: skip

    def test_a_phase_by_a_due_date_is_entered_and_left_with_no_event(self, scratch):
        chen = "unionid:chen"
        pool = scratch()
        pool.happen(event("survey_answered", "2026-03-02 10:00", chen))
        pool.send(
            event("trait_set", "2026-03-02 10:00", chen, trait="due_date", date=_midnight_utc("2026-08-20")),
        )
        pool.define("late_pregnancy", "due_in(trait.due_date) <= 84d and due_in(trait.due_date) > 0d")
        pool.at("2026-05-27 23:59:59")
        assert pool.labels(chen)["late_pregnancy"] == "none"
        pool.at("2026-05-28 00:00")
        assert pool.labels(chen)["late_pregnancy"] == "in"
        assert pool.changes("late_pregnancy")[-1].at == "2026-05-27T16:00:00Z"


class TestOnlineEnglish:
    def test_activity_churns_ninety_days_after_the_last_visit_and_comes_back(self, scratch):
        he = "member_no:he"
        pool = scratch()
        pool.happen(event("logged_in", "2026-03-01 09:00", he), event("logged_in", "2026-09-10 12:00:05", he))
        pool.at("2026-12-31")
        churned = [c for c in pool.changes("activity") if c.after == "churned"]
        assert churned[-1].at == "2026-12-09T04:00:05Z"
        pool.happen(event("logged_in", "2027-01-05 09:00", he))
        assert pool.labels(he)["activity"] == "silent"
        assert pool.labels(he)["returned"] == "in"


class TestStandings:
    def test_after_a_restart_equal_those_before(self, scratch):
        pool = scratch(flush_rows=2)
        pool.happen(
            event("order_paid", "2026-03-01 10:00", "member_no:1", amount=150_000),
            event("order_paid", "2026-03-05 10:00", "member_no:2", amount=100),
            event("coupon_redeemed", "2026-03-06 10:00", "member_no:3"),
        )
        before = [pool.labels(f"member_no:{n}") for n in (1, 2, 3)]
        pool.reopen()
        assert [pool.labels(f"member_no:{n}") for n in (1, 2, 3)] == before
        pool.advance("200d")
        assert pool.labels("member_no:1")["lifecycle"] == "churned"

    def test_a_definition_tells_its_entries_apart(self, scratch):
        pool = scratch()
        pool.happen(event("order_paid", "2026-03-01 10:00", "member_no:1", amount=150_000))
        pool.define("big", "sum(order_paid.amount) > 1000")
        assert [(c.label, c.after, c.cause) for c in pool.changes("big")] == [("big", "in", "definition")]
        pool.define("big", "sum(order_paid.amount) > 5000")
        assert [(c.after, c.cause) for c in pool.changes("big")][-1] == ("none", "definition")

    def test_a_label_of_a_label_follows_it(self, scratch):
        pool = scratch()
        pool.define("loyal_long", 'in(aipl, "P") for 10d')
        pool.happen(event("order_paid", "2026-03-01 10:00", "member_no:1", amount=150_000))
        pool.advance("30d")
        assert [c.at for c in pool.changes("loyal_long")] == ["2026-03-11T02:00:00Z"]


class TestDefinitions:
    def test_a_value_that_goes_is_left_by_name(self, scratch):
        pool = scratch()
        pool.happen(event("order_paid", "2026-03-01 10:00", "member_no:1", amount=150_000))
        for value in ("a", "b"):
            pool.define_ladder("big", {value: "sum(order_paid.amount) > 1000"})
        pool.define_ladder("big", {"c": "sum(order_paid.amount) > 9000"})
        assert [(c.before, c.after) for c in pool.changes("big")] == [("none", "a"), ("a", "b"), ("b", "none")]

    def test_days_are_those_of_the_definitions_zone(self, scratch):
        pool = scratch()
        condition = "happened(page_viewed, from 2026-03-05 to 2026-03-06)"
        pool.define_ladder("there", {"in": condition}, zone="America/New_York")
        pool.define_ladder("here", {"in": condition})
        pool.happen(event("page_viewed", "2026-03-05 12:00", "member_no:1"))
        labels = pool.labels("member_no:1")
        assert (labels["there"], labels["here"]) == ("none", "in")
        assert pool.view("there").rungs[0].condition == condition, "told in its own zone"
        pool.happen(event("page_viewed", "2026-03-05 13:00", "member_no:1"))
        assert pool.labels("member_no:1")["there"] == "in"

    def test_what_the_catalogue_changes_changes_labels(self, scratch):
        from yutang.domains.catalogue import api as catalogue
        from yutang.domains.catalogue.contracts import Declarations, EventDraft, Mark

        pool = scratch()
        pool.happen(event("tasting", "2026-03-01 10:00", "member_no:1"))
        assert pool.labels("member_no:1")["aipl"] == "none"
        catalogue.declare_draft(pool.desk(), Declarations(events={"tasting": EventDraft(marks=(Mark.INTEREST,))}))
        assert pool.labels("member_no:1")["aipl"] == "I"
        last = pool.changes("aipl")[-1]
        assert (last.after, last.at, last.cause) == ("I", "2026-03-01T02:00:00Z", "definition")
        pool.advance("20d")
        assert pool.changes("aipl")[-1].at == "2026-03-16T02:00:00Z"

    def test_titles_that_are_left_out_stay(self, scratch):
        pool = scratch()
        pool.define_ladder("value", {"high": "sum(order_paid.amount) > 9000", "low": "everyone"})
        assert (pool.view("value").title, pool.view("value").rungs[0].title, pool.view("value").version) == (
            "价值", "高", 2,
        )  # fmt: skip


class TestQuintiles:
    def test_are_taken_at_midnight_and_stay_with_those_who_had_them(self, scratch):
        from yutang.domains.customers import api as customers
        from yutang.domains.customers.contracts import PairOrder

        pool = scratch()
        pool.happen(
            *(event("order_paid", f"2026-03-01 1{n}:00", f"member_no:{n}", amount=100 * n) for n in range(1, 6))
        )
        assert [c for c in pool.changes("rfm_monetary") if c.after != "none"] == []
        pool.at("2026-03-02 00:00")
        assert [pool.labels(f"member_no:{n}")["rfm_monetary"] for n in range(1, 6)] == ["1", "2", "3", "4", "5"]
        first = pool.changes("rfm_monetary")[0]
        assert (first.at, first.cause) == ("2026-03-01T16:00:00Z", "snapshot")
        pool.send(event("order_paid", "2026-03-02 00:00", "member_no:1", amount=90_000))
        assert pool.labels("member_no:1")["rfm_monetary"] == "1", "until the next snapshot"
        one, two = pool.who("member_no:1"), pool.who("member_no:2")
        customers.merge(pool.desk(), PairOrder(one, two, "the same"))
        moved = [(c.before, c.after, c.cause) for c in pool.changes("rfm_monetary")[5:]]
        assert moved == [("2", "none", "identity")]
        customers.unmerge(pool.desk(), PairOrder(one, two, "not the same"))
        pool.reopen()
        assert [pool.labels(f"member_no:{n}")["rfm_monetary"] for n in (1, 2)] == ["1", "2"]
        moved = [(c.before, c.after, c.cause) for c in pool.changes("rfm_monetary")[5:]]
        assert moved == [("2", "none", "identity"), ("none", "2", "identity")]
        pool.at("2026-03-03 00:00")
        assert pool.labels("member_no:1")["rfm_monetary"] == "5"

    def test_midnights_passed_at_once_are_taken_one_by_one(self, scratch):
        pool = scratch()
        pool.happen(event("order_paid", "2026-03-01 10:00", "member_no:1", amount=100))
        pool.happen(event("order_paid", "2026-03-04 10:00", "member_no:2", amount=900))
        pool.at("2027-03-10")
        found = [(c.after, c.at) for c in pool.changes("rfm_monetary", "member_no:1")]
        assert found == [("1", "2026-03-01T16:00:00Z"), ("none", "2027-03-01T16:00:00Z")]


class TestFeed:
    def test_who_is_joined_to_another_leaves_at_that_instant(self, scratch):
        pool = scratch()
        pool.happen(
            event("order_paid", "2026-03-01 10:00", "member_no:1", amount=150_000),
            event("page_viewed", "2026-03-01 11:00", "unionid:a"),
        )
        alone = {pool.who("member_no:1"), pool.who("unionid:a")}
        pool.happen(event("page_viewed", "2026-03-02 12:00:01", ("unionid:a", "member_no:1")))
        rows = [c for c in pool.changes("aipl") if c.at == "2026-03-02T04:00:01Z"]
        assert [(c.before, c.after, c.cause) for c in rows] == [("A", "none", "identity")]
        assert {c.customer for c in pool.changes("aipl")} == alone, "each change under the id that was known then"
        assert {c.label for c in pool.changes(customer="unionid:a")} >= {"aipl", "value"}


def _midnight_utc(date: str) -> int:
    from yutang.kernel.instants import instant_from_text

    return instant_from_text(date)
