"""Customers through their door and over HTTP: pages, timelines, edits, reviews; lines of the acceptance scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.support.pools import Scratch, event

from yutang.app import ROUTES
from yutang.domains.customers import api
from yutang.domains.customers.contracts import (
    ConsentOrder,
    IdentityOrder,
    KindSpec,
    PairOrder,
    RecordOrder,
    ReviewReason,
    SettleOrder,
    TagOrder,
    TraitOrder,
)
from yutang.http.mount import build_api
from yutang.kernel.errors import ConflictError, InvalidError, NotFoundError

WANG, LI, ZHAO, CHEN = "unionid:wang", "unionid:li", "unionid:zhao", "unionid:chen"
FAMILY = "phone:+8613800000001"


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Scratch]:
    scratch = Scratch(tmp_path)
    yield scratch
    scratch.close()


@pytest.fixture
def http(pool: Scratch) -> TestClient:
    return TestClient(build_api(ROUTES, pool.desk), base_url="http://localhost")


def visit(*who: str, at: str = "2026-02-01 10:00", id_: str = "") -> object:
    return event("page_viewed", at, who, id_ or "+".join(who))


class TestFamilyPhone:
    """Mother and baby 9: the husband adds with the family phone, used by four."""

    def test_one_persons_identities_join_on_one_phone(self, pool: Scratch) -> None:
        for who in (CHEN, "member_no:7", "external_userid:corp:chen"):
            pool.send(visit(who, FAMILY))
        assert len({pool.who(who) for who in (CHEN, "member_no:7", "external_userid:corp:chen", FAMILY)}) == 1

    def test_four_people_over_the_cap_come_apart_into_review(self, pool: Scratch) -> None:
        family = [CHEN, "external_userid:corp:husband", "member_no:mother", "account:sister"]
        for who in family[:3]:
            pool.send(visit(who, FAMILY))
        pool.send(visit(FAMILY, id_="call"))
        assert len({pool.who(who) for who in family[:3]}) == 1
        pool.send(visit(family[3], FAMILY))
        assert len({pool.who(who) for who in (*family, FAMILY)}) == 5, "nobody is merged"
        (review,) = api.reviews(pool.desk()).reviews
        assert (review.reason, review.a, review.linked) == (ReviewReason.CAP, FAMILY, 4)
        page = api.page(pool.desk(), FAMILY)
        assert page.shared
        assert [one.id for one in api.timeline(pool.desk(), FAMILY).events] == ["call"], "its events stay with it"

    def test_the_relation_is_a_record_of_hers(self, pool: Scratch) -> None:
        pool.send(visit(CHEN))
        api.set_record(pool.desk(), CHEN, RecordOrder("family", "husband", {"relation": "配偶"}))
        (record,) = api.page(pool.desk(), CHEN).records
        assert (record.kind, record.open, record.traits[0].value) == ("family", True, "配偶")


class TestDevices:
    """English 1: Zhao's second device is known to be hers; a device of two people is nobody's."""

    def test_a_second_device_is_hers(self, pool: Scratch) -> None:
        pool.send(visit(ZHAO, "device:one"), visit(ZHAO, "device:two"), visit("device:two", id_="poster"))
        assert pool.who("device:two") == pool.who(ZHAO)
        assert "poster" in {one.id for one in api.timeline(pool.desk(), ZHAO).events}

    def test_it_detaches_on_meeting_a_second_customer(self, pool: Scratch) -> None:
        pool.send(visit(ZHAO, "device:one"))
        pool.send(visit(LI, "device:one"))
        assert len({pool.who(who) for who in (ZHAO, LI, "device:one")}) == 3


class TestPage:
    def test_it_tells_who_and_what_is_known(self, pool: Scratch) -> None:
        pool.send(
            event("followed", "2026-02-01 10:00", (WANG, "openid:wx1:o", "phone_unverified:+8613900000000"), "a"),
            event("page_viewed", "2026-02-03 10:00", WANG, "b"),
        )
        desk = pool.desk()
        api.set_traits(desk, WANG, TraitOrder({"skin": "oily"}))
        api.tag(desk, WANG, TagOrder("油皮", "肤质", "skin test"))
        api.consent(desk, WANG, ConsentOrder("sms", "promotion"))
        page = api.page(pool.desk(), "o")
        assert page.id == pool.who(WANG)
        assert [(one.kind, one.verified) for one in page.identities] == [
            ("unionid", True), ("openid", True), ("phone_unverified", False),
        ]  # fmt: skip
        assert (page.first_seen, page.last_seen) == ("2026-02-01T02:00:00Z", "2026-02-03T02:00:00Z")
        assert [(one.name, one.value, one.feed) for one in page.traits] == [("skin", "oily", "console")]
        assert [(one.tag, one.group, one.by, one.reason) for one in page.tags] == [
            ("油皮", "肤质", "tester", "skin test")
        ]
        assert [(one.channel, one.purpose) for one in page.consents] == [("sms", "promotion")]
        assert [one.relation for one in page.relations] == ["follow"]
        assert pool.ask('consent(sms, "promotion")') == {page.id}

    def test_as_of_reads_the_profile_of_then(self, pool: Scratch) -> None:
        pool.send(visit(WANG))
        api.set_traits(pool.desk(), WANG, TraitOrder({"skin": "dry"}))
        pool.advance("1d")
        api.set_traits(pool.desk(), WANG, TraitOrder({"skin": None, "city": "上海"}))
        assert [one.name for one in api.page(pool.desk(), WANG).traits] == ["city"]
        then = api.page(pool.desk(), WANG, "2026-03-01T00:00:00Z")
        assert [(one.name, one.value) for one in then.traits] == [("skin", "dry")]

    def test_the_last_entry_at_one_instant_wins(self, pool: Scratch) -> None:
        pool.send(visit(WANG))
        for turn in range(30):
            api.set_traits(pool.desk(), WANG, TraitOrder({"n": f"{turn % 3}"}))
            (trait,) = api.page(pool.desk(), WANG).traits
            assert trait.value == f"{turn % 3}"
            api.tag(pool.desk(), WANG, TagOrder("vip", remove=turn % 2 == 1))
            assert len(api.page(pool.desk(), WANG).tags) == (turn + 1) % 2

    def test_added_identities_are_evidence(self, pool: Scratch) -> None:
        pool.send(visit(WANG), visit("phone:+8613900000000"))
        before = pool.who("phone:+8613900000000")
        done = api.add_identities(pool.desk(), WANG, IdentityOrder({"phone": "139 0000 0000"}))
        assert pool.who("phone:+8613900000000") == pool.who(WANG) == done.customer
        assert api.page(pool.desk(), before).id == done.customer, "an id given out stays good"

    @pytest.mark.parametrize(
        ("order", "code"),
        [({"": "x"}, "entry.name"), ({"a\nb": "x"}, "entry.name"), ({"x": "y" * 9_000}, "trait.value")],
    )
    def test_bad_entries_are_refused(self, pool: Scratch, order: dict[str, str], code: str) -> None:
        pool.send(visit(WANG))
        with pytest.raises(InvalidError) as raised:
            api.set_traits(pool.desk(), WANG, TraitOrder(order))
        assert raised.value.code == code


class TestTimeline:
    def test_newest_first_in_pages(self, pool: Scratch) -> None:
        events = [visit(WANG, at=f"2026-02-{day:02} 10:00", id_=str(day)) for day in range(1, 21)]
        pool.send(*events[::2])
        pool.send(*events[1::2])
        seen, cursor = [], ""
        while True:
            page = api.timeline(pool.desk(), WANG, limit=7, cursor=cursor)
            seen += [one.id for one in page.events]
            cursor = page.next
            if not cursor:
                break
        assert seen == [str(day) for day in range(20, 0, -1)]

    def test_filters(self, pool: Scratch) -> None:
        pool.send(
            event("order_paid", "2026-02-02 10:00", WANG, "o", amount=26800, note="x"),
            visit(WANG, at="2026-02-03 10:00", id_="p"),
        )
        desk = pool.desk()
        (order,) = api.timeline(desk, WANG, types=("order_paid",)).events
        assert order.properties == {"amount": {"minor": 26800, "currency": "CNY"}, "note": "x"}
        assert (order.late, order.system, order.feed) == (True, False, "test")
        assert order.title not in ("", "order_paid")
        assert [one.id for one in api.timeline(desk, WANG, since="2026-02-03").events] == ["p"]
        assert [one.id for one in api.timeline(desk, WANG, until="2026-02-03").events] == ["o"]
        assert not api.timeline(desk, WANG, channel="wecom").events
        with pytest.raises(InvalidError):
            api.timeline(desk, WANG, cursor="nonsense")


class TestFind:
    def test_by_id_by_kind_and_by_value(self, pool: Scratch) -> None:
        pool.send(visit("openid:wx1:abc", "phone:+8613800000009"))
        ids = {pool.who(text) for text in ("openid:wx1:abc", "openid:abc", "abc", "13800000009", "+8613800000009",
                                           "phone:138 0000 0009", pool.who("abc"))}  # fmt: skip
        assert len(ids) == 1

    def test_several_are_told_apart(self, pool: Scratch) -> None:
        pool.send(visit("member_no:7"), visit("account:7"))
        with pytest.raises(InvalidError) as raised:
            pool.who("7")
        assert "account:7" in raised.value.message
        assert "member_no:7" in raised.value.message

    def test_nobody_with_what_comes_close(self, pool: Scratch) -> None:
        pool.send(visit("account:lin.daiyu"))
        with pytest.raises(NotFoundError) as raised:
            pool.who("account:lin.daiyv")
        assert "account:lin.daiyu" in raised.value.remedy

    def test_search_lists_each_customer_once(self, pool: Scratch) -> None:
        pool.send(*[visit(f"account:anna{n}", f"email:anna{n}@x.cn", id_=str(n)) for n in range(5)], visit(LI))
        found, cursor = [], ""
        while True:
            page = api.search(pool.desk(), "anna", cursor, 2)
            found += [one.name for one in page.customers]
            cursor = page.next
            if not cursor:
                break
        assert found == [f"account:anna{n}" for n in range(5)]
        assert len(api.search(pool.desk()).customers) == 6
        assert [one.name for one in api.search(pool.desk(), "unionid:li").customers] == [LI]


class TestEdits:
    def test_merge_and_unmerge_with_who_when_why(self, pool: Scratch) -> None:
        pool.send(visit(WANG), visit(LI))
        a, b = pool.who(WANG), pool.who(LI)
        merged = api.merge(pool.desk("mei"), PairOrder(a, b, "同一个人"))
        assert merged.together
        assert pool.who(WANG) == pool.who(LI) == b, "the id is of the strongest: unionid:li before unionid:wang"
        (line,) = api.page(pool.desk(), a).edits
        assert (line.actor, line.reason, line.at) == ("mei", "同一个人", "2026-03-01T00:00:00Z")
        apart = api.unmerge(pool.desk(), PairOrder(a, b, "搞错了"))
        assert not apart.together
        assert (pool.who(WANG), pool.who(LI)) == (a, b)
        pool.reopen()
        assert (pool.who(WANG), pool.who(LI)) == (a, b)
        assert len(api.page(pool.desk(), a).edits) == 2

    def test_a_merge_takes_all_of_both(self, pool: Scratch) -> None:
        pool.send(visit(WANG, "member_no:1"), visit(LI, "member_no:2"))
        api.merge(pool.desk(), PairOrder(WANG, LI, "two accounts, one person"))
        assert len({pool.who(who) for who in (WANG, LI, "member_no:1", "member_no:2")}) == 1
        api.unmerge(pool.desk(), PairOrder("member_no:1", LI, "no"))
        assert pool.who(WANG) != pool.who(LI)
        assert pool.who("member_no:2") == pool.who(LI)

    def test_a_refused_edit_changes_nothing(self, pool: Scratch) -> None:
        pool.send(visit(WANG), visit(LI))
        for order, error in (
            (PairOrder(WANG, LI, " "), InvalidError),
            (PairOrder(WANG, WANG, "x"), InvalidError),
            (PairOrder(WANG, "unionid:nobody", "x"), NotFoundError),
        ):
            with pytest.raises(error):
                api.merge(pool.desk(), order)
        with pytest.raises(ConflictError):
            api.unmerge(pool.desk(), PairOrder(WANG, LI, "x"))
        api.merge(pool.desk(), PairOrder(WANG, LI, "x"))
        with pytest.raises(ConflictError):
            api.merge(pool.desk(), PairOrder(LI, WANG, "x"))
        assert len(api.page(pool.desk(), LI).edits) == 1

    def test_what_contradicts_is_refused(self, pool: Scratch) -> None:
        pool.send(visit(WANG, FAMILY), visit(LI), visit(ZHAO))
        api.unmerge(pool.desk(), PairOrder(WANG, FAMILY, "not hers"))
        assert pool.who(WANG) != pool.who(FAMILY)
        api.merge(pool.desk(), PairOrder(WANG, LI, "x"))
        with pytest.raises(ConflictError) as raised:
            api.merge(pool.desk(), PairOrder(LI, FAMILY, "x"))
        assert raised.value.code == "edit.contradiction"


class TestReviews:
    def test_two_unionids_on_one_phone_wait_for_judgement(self, pool: Scratch) -> None:
        pool.send(visit(WANG, FAMILY), visit(LI, FAMILY))
        (review,) = api.reviews(pool.desk()).reviews
        assert review.reason is ReviewReason.UNIQUE
        assert set(review.between) == {WANG, LI}
        assert review in api.page(pool.desk(), FAMILY).reviews
        done = api.settle(pool.desk("mei"), review.id, SettleOrder(True, "asked her"))
        assert done.together
        assert pool.who(WANG) == pool.who(LI) == pool.who(FAMILY)
        assert not api.reviews(pool.desk()).reviews

    def test_settled_as_different(self, pool: Scratch) -> None:
        pool.send(visit(WANG, FAMILY), visit(LI, FAMILY))
        (review,) = api.reviews(pool.desk()).reviews
        api.settle(pool.desk(), review.id, SettleOrder(False, "sisters"))
        assert pool.who(WANG) != pool.who(LI)
        assert not api.reviews(pool.desk()).reviews
        with pytest.raises(NotFoundError):
            api.settle(pool.desk(), review.id, SettleOrder(True, "again"))
        pool.reopen()
        assert not api.reviews(pool.desk()).reviews

    def test_a_family_phone_may_be_given_to_some(self, pool: Scratch) -> None:
        for who in (CHEN, WANG, LI, ZHAO):
            pool.send(visit(who, FAMILY))
        (review,) = [one for one in api.reviews(pool.desk()).reviews if one.reason is ReviewReason.CAP]
        with pytest.raises(InvalidError):
            api.settle(pool.desk(), review.id, SettleOrder(True, "hers"))
        api.settle(pool.desk(), review.id, SettleOrder(True, "hers", (CHEN,)))
        assert pool.who(FAMILY) == pool.who(CHEN) != pool.who(WANG)


class TestOwnKinds:
    def test_declared_before_it_is_met(self, pool: Scratch) -> None:
        api.declare_kind(pool.desk(), KindSpec("card", 700, personal=True, unique=True))
        pool.send(visit("card:1", FAMILY))
        assert pool.who("card:1") == pool.who(FAMILY)
        pool.reopen()
        assert "card" in {one.name for one in api.kinds(pool.desk())}
        assert pool.who("card:1") == pool.who(FAMILY)

    def test_reachable_knows_who_owns_a_phone(self, pool: Scratch) -> None:
        pool.send(visit(WANG, FAMILY), visit(LI))
        for who in (WANG, LI):
            api.consent(pool.desk(), who, ConsentOrder("sms"))
        assert pool.ask('reachable("sms")') == {pool.who(WANG)}
        pool.reopen()
        assert pool.ask('reachable("sms")') == {pool.who(WANG)}

    def test_any_number_may_be_met(self, pool: Scratch) -> None:
        pool.send(*[visit(f"kind{number}:1", FAMILY) for number in range(100)])
        assert pool.ask("happened(page_viewed)") == {pool.who(FAMILY)}

    def test_not_after(self, pool: Scratch) -> None:
        pool.send(visit("card:1"))
        with pytest.raises(InvalidError) as raised:
            api.declare_kind(pool.desk(), KindSpec("card", 700, personal=True))
        assert raised.value.code == "identity.kind_met"


class TestHttp:
    def test_the_surface(self, pool: Scratch, http: TestClient) -> None:
        pool.send(visit(WANG, FAMILY), visit(LI, FAMILY))
        customer = pool.who(WANG)
        assert http.get(f"/v1/customers/{customer}").json()["id"] == customer
        assert http.get("/v1/customers", params={"query": "wan"}).json()["customers"][0]["id"] == customer
        assert len(http.get(f"/v1/customers/{customer}/timeline", params={"type": "page_viewed"}).json()["events"]) == 1
        answer = http.post(f"/v1/customers/{customer}/traits", json={"traits": {"skin": "oily"}}, headers=_mei())
        assert answer.status_code == 200, answer.text
        http.post(f"/v1/customers/{customer}/tags", json={"tag": "vip"}, headers=_mei())
        http.post(f"/v1/customers/{customer}/consents", json={"channel": "sms"})
        http.post(f"/v1/customers/{customer}/records", json={"kind": "child", "record": "1", "traits": {"name": "Bao"}})
        page = http.get(f"/v1/customers/{customer}").json()
        assert (page["traits"][0]["value"], page["tags"][0]["by"]) == ("oily", "mei")
        assert http.get(f"/v1/customers/{customer}/records").json()[0]["record"] == "1"
        (review,) = http.get("/v1/reviews").json()["reviews"]
        settled = http.post(f"/v1/reviews/{review['id']}", json={"same": True, "why": "asked"}, headers=_mei())
        assert settled.json()["together"]
        assert http.get("/v1/identity-kinds").json()[0]["name"] == "unionid"

    def test_errors_tell_code_and_remedy(self, pool: Scratch, http: TestClient) -> None:
        pool.send(visit(WANG))
        missing = http.get("/v1/customers/nobody")
        assert (missing.status_code, missing.json()["code"]) == (404, "customer.unknown")
        assert http.post("/v1/customers/merge", json={"a": WANG, "b": WANG, "why": "x"}).status_code == 422
        assert http.post("/v1/customers/merge", json={"a": WANG}).status_code == 422
        assert http.get("/v1/customers", params={"cursor": "x"}).status_code == 422


def _mei() -> dict[str, str]:
    return {"X-Acting-As": "mei"}
