"""Erasing a customer: everything of them goes, nothing of anybody else's, and a search proves it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pyarrow.parquet as pq
import pytest
from tests.support.erasing import REASON, erase, files_with
from tests.support.pools import Scratch, event

from yutang.domains.customers import api as customers
from yutang.domains.customers.contracts import PairOrder, TagOrder
from yutang.domains.insight.api import figures as insight
from yutang.domains.insight.contracts.figures import ReportQuestion, SqlQuestion
from yutang.kernel.errors import ConflictError, InvalidError, NotFoundError
from yutang.kernel.event import Identity
from yutang.runtime.erasing.contracts import EraseOrder
from yutang.runtime.receiving import RawPayload
from yutang.runtime.slots import TIMELINE

WANG, LI, ZHAO = "unionid:wang-unionid", "unionid:li-unionid", "unionid:zhao-unionid"
PHONE, SHARED, DEVICE = "phone:+8613800001234", "phone:+8613900005672", "device:wang-device-1"
VALUES = ("wang-unionid", "13800001234", "wang-device-1", "wang-secret-note")


def fill(scratch: Scratch, *, wang: bool = True) -> None:
    """Li and Zhao, and Wang among them, over several files of the lake."""
    his = [
        event("order_paid", "2026-02-01 10:00", (WANG, PHONE), amount=150_000),
        event("page_viewed", "2026-02-03 09:00", (WANG, DEVICE), note="wang-secret-note"),
        event("order_paid", "2026-02-05 10:00", (WANG, SHARED), amount=9_900),
        event("trait_set", "2026-02-05 11:00", WANG, trait="skin", text="oily"),
        event("search", "2026-02-20 12:00", DEVICE, target="brand"),
    ]
    theirs = [
        event("order_paid", "2026-02-01 11:00", (LI, SHARED), amount=30_000),
        event("page_viewed", "2026-02-03 10:00", LI, note="li-note"),
        event("followed", "2026-02-05 12:00", ZHAO, account="m"),
        event("order_paid", "2026-02-19 12:00", ZHAO, amount=500_000),
        event("search", "2026-02-21 12:00", LI, target="category"),
    ]
    for mine, other in zip(his, theirs, strict=True):
        scratch.send(*([mine] if wang else []), other)
        scratch.pool.loop.flush()


@pytest.fixture
def pool(tmp_path) -> Iterator[Scratch]:
    scratch = Scratch(tmp_path / "pool", start="2026-03-01")
    fill(scratch)
    yield scratch
    scratch.close()


def others(scratch: Scratch) -> object:
    """All that the pool says of everybody, numbers aside."""
    sql = "SELECT type, happened_at, customer, id, channel, rest, feed FROM events ORDER BY ALL"
    return (
        {who: (scratch.who(who), scratch.labels(who)) for who in (LI, ZHAO, SHARED)},
        insight.run_sql(scratch.desk(), SqlQuestion(sql, 1_000)).rows,
        insight.run_sql(scratch.desk(), SqlQuestion("SELECT customer FROM customers ORDER BY 1", 1_000)).rows,
        insight.report(scratch.desk(), ReportQuestion()),
        customers.search(scratch.desk()),
        {who: customers.timeline(scratch.desk(), who).events[0].id for who in (LI, ZHAO)},
    )


class TestErase:
    def test_nobody_goes_by_their_identities_any_more(self, pool):
        head = pool.who(WANG)
        erase(pool, WANG)
        for name in (WANG, PHONE, DEVICE, head, "13800001234"):
            with pytest.raises(NotFoundError):
                customers.find_identity(pool.desk(), name)

    def test_the_others_are_as_if_they_had_never_been_there(self, pool, tmp_path):
        erase(pool, WANG)
        never = Scratch(tmp_path / "never", start="2026-03-01")
        fill(never, wang=False)
        for scratch in (pool, never):  # quintiles are taken anew at the next midnight
            scratch.advance("1d")
        assert others(pool) == others(never)
        pool.reopen()
        assert others(pool) == others(never)
        never.close()

    def test_nothing_is_left_in_any_file(self, pool):
        for value in VALUES[:3]:
            assert files_with(pool.folder.root, value), "a test that can't see it would prove nothing"
        erased = erase(pool, WANG)
        assert erased.proof.left == ()
        assert erased.proof.pending == ()
        for value in VALUES:
            assert files_with(pool.folder.root, value) == []
        for path in pool.folder.lake.glob("*.parquet"):
            words = json.dumps(pq.read_table(path).to_pylist(), default=str)
            assert not [value for value in VALUES if value in words]
        pool.reopen()
        for value in VALUES:
            assert files_with(pool.folder.root, value) == []

    def test_what_a_shared_phone_means_to_others_stays(self, pool):
        erased = erase(pool, WANG)
        assert erased.kept == (SHARED,)
        assert pool.who(SHARED) == pool.who(LI)
        assert [one.id for one in customers.timeline(pool.desk(), SHARED).events] == [
            one.id for one in customers.timeline(pool.desk(), LI).events
        ]

    def test_a_tombstone_stays_and_tells_nothing_personal(self, pool):
        head = pool.who(WANG)
        erase(pool, WANG)
        found = customers.erasures(pool.desk()).erasures
        assert [(one.customer, one.actor, one.reason, one.identities, one.events) for one in found] == [
            (head, "tester", REASON, 3, 5)
        ]
        pool.reopen()
        assert customers.erasures(pool.desk()).erasures == found

    def test_the_feed_forgets_them_and_keeps_the_others(self, pool):
        his = {card.id for card in customers.page(pool.desk(), WANG).identities}
        before = [one for one in pool.changes() if one.customer not in his]
        assert len(before) < len(pool.changes())
        erase(pool, WANG)
        assert pool.changes()[: len(before)] == before

    def test_merged_customers_go_as_one(self, pool):
        customers.merge(pool.desk(), PairOrder(WANG, ZHAO, "the same person"))
        erased = erase(pool, ZHAO)
        assert erased.erasure.events == 7
        assert "zhao-unionid" not in {one.value for one in pool.pool.loop.epoch[customers.CUSTOMERS].identities}
        assert files_with(pool.folder.root, "zhao-unionid") == []
        assert files_with(pool.folder.root, "wang-unionid") == []
        pool.reopen()
        assert pool.who(LI)

    def test_edits_and_refusals_that_named_them_are_forgotten(self, pool):
        customers.merge(pool.desk(), PairOrder(WANG, ZHAO, "the same person"))
        customers.unmerge(pool.desk(), PairOrder(WANG, ZHAO, "no, they aren't"))
        with pytest.raises(ConflictError):
            customers.unmerge(pool.desk(), PairOrder(WANG, LI, "they never were"))
        erase(pool, WANG)
        assert files_with(pool.folder.root, "wang-unionid") == []
        assert customers.page(pool.desk(), ZHAO).edits == ()
        assert customers.merge(pool.desk(), PairOrder(LI, ZHAO, "the same person")).together
        pool.reopen()
        assert pool.who(LI) == pool.who(ZHAO)

    def test_rejects_of_imports_lose_their_rows_only(self, pool):
        path = pool.folder.rejects / "job.ndjson"
        rows = [{"row": 1, "data": {"phone": "138 0000 1234"}}, {"row": 2, "data": {"phone": "+86 13800001234"}},
                {"row": 3, "data": {"phone": "12"}}]  # fmt: skip
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        erase(pool, WANG)
        assert [json.loads(line)["row"] for line in path.read_text().splitlines()] == [1, 3]

    def test_kept_bodies_of_webhooks_that_name_them_go(self, pool):
        inbox = pool.pool.inbox
        bodies = (b'{"phone": "+8613800001234", "x": 1}', b'{"phone": "+8613700000000", "x": 1}')
        with inbox._database.unit() as uow:
            kept = [RawPayload("shop", {}, body, "hook.unmapped", "") for body in bodies]
            inbox.payloads.keep(uow, kept, pool.desk().now_ms)
        assert files_with(pool.folder.root, "13800001234")
        erase(pool, WANG)
        assert files_with(pool.folder.root, "13800001234") == []
        assert inbox.payloads.page("shop", 0, 10).kept == 1

    def test_who_comes_again_is_a_new_customer(self, pool):
        erase(pool, WANG)
        pool.send(event("page_viewed", "2026-02-25 10:00", WANG))
        assert len(customers.timeline(pool.desk(), WANG).events) == 1
        assert customers.page(pool.desk(), WANG).traits == ()
        pool.reopen()
        assert len(customers.timeline(pool.desk(), WANG).events) == 1

    def test_events_sent_again_after_it_count_as_new(self, pool):
        repeat = event("order_paid", "2026-02-01 10:00", (WANG, PHONE), amount=150_000)
        erase(pool, WANG)
        pool.send(repeat)
        assert len(customers.timeline(pool.desk(), WANG).events) == 1

    def test_an_epoch_that_was_pinned_before_still_answers(self, pool):
        before = pool.desk()
        rows = before.epoch[TIMELINE].rows
        customers.erase(pool.desk(), WANG, EraseOrder(REASON))
        assert len(customers.timeline(before, LI).events) == 3
        assert before.epoch[TIMELINE].rows == rows == pool.desk().epoch[TIMELINE].rows + 5

    def test_a_value_in_another_customers_event_is_told_and_left(self, pool):
        pool.send(event("share", "2026-02-22 12:00", LI, with_whom="wang-unionid"))
        erased = erase(pool, WANG)
        assert {place.what for place in erased.proof.others} == {"unionid"}
        assert erased.proof.left == ()
        assert customers.timeline(pool.desk(), LI).events[0].properties["with_whom"] == "wang-unionid"

    def test_traces_that_are_left_are_found(self, pool):
        erased = erase(pool, WANG)
        (pool.folder.root / "media" / "list.csv").write_text("name,phone\nx,+86-13800001234\n")
        with closing(sqlite3.connect(pool.folder.database)) as database:
            database.execute("UPDATE erasures SET reason = 'Wang-Unionid'")
            database.commit()
        gone = [Identity("phone", "", "+8613800001234"), Identity("unionid", "", "wang-unionid")]
        proof = customers.prove(pool.desk(), erased.erasure.at, gone)
        assert {("media/list.csv", "phone"), ("yutang.db erasures.reason", "unionid")} <= {
            (place.where, place.what) for place in proof.left
        }

    def test_short_values_are_sought_whole(self, pool):
        pool.send(event("page_viewed", "2026-02-25 10:00", "member_no:42"))
        erased = erase(pool, "member_no:42")
        assert erased.proof.skipped == ("member_no: shorter than 6 bytes, so sought as a whole value only",)


class TestRefused:
    def test_a_reason_is_needed_and_must_not_be_personal(self, pool):
        for reason, code in (("", "erase.reason"), ("13800001234 called", "erase.reason_personal")):
            with pytest.raises(InvalidError) as raised:
                customers.erase(pool.desk(), WANG, EraseOrder(reason))
            assert raised.value.code == code
        assert pool.who(WANG)

    def test_a_customer_who_has_changed_meanwhile_is_left_alone(self, pool):
        old = pool.desk()
        pool.send(event("page_viewed", "2026-02-25 10:00", (WANG, "device:another-one")))
        with pytest.raises(ConflictError) as raised:
            customers.erase(old, WANG, EraseOrder(REASON))
        assert raised.value.code == "erase.changed"
        assert len(customers.timeline(pool.desk(), WANG).events) == 6

    def test_a_preview_changes_nothing(self, pool):
        before = pool.pool.loop.epoch
        preview = customers.preview_erase(pool.desk(), WANG)
        assert preview.identities == (WANG, PHONE, DEVICE)
        assert preview.kept == (SHARED,)
        assert preview.events == {"order_paid": 2, "page_viewed": 1, "search": 1, "trait_set": 1}
        assert len(preview.files) == 5
        assert pool.pool.loop.epoch is before

    def test_after_it_tags_can_be_given_to_others(self, pool):
        erase(pool, WANG)
        assert customers.tag(pool.desk(), LI, TagOrder("vip")).customer == pool.who(LI)
