"""The quarantine by its commands: what lies there, replayed once its cause is mended, dropped for good."""

from __future__ import annotations

import pytest
from tests.support.pools import Scratch, event, ms

from yutang.cli.quarantine import LIST_COMMAND, RELEASE_COMMAND, ListQuarantine, Release
from yutang.domains.audience.passes import AudiencePass
from yutang.kernel.errors import NotFoundError, YutangError
from yutang.kernel.event import EventBlob, encode_blob
from yutang.runtime.log import store

AT = ms("2026-03-01")


@pytest.fixture
def pool(tmp_path):
    made = Scratch(tmp_path / "pool")
    yield made
    made.close()


@pytest.fixture
def poison(pool, monkeypatch):
    """A pass that can't take events of one customer, until it is mended."""
    broken = {"on": True}
    apply = AudiencePass.apply

    def failing(self, batch, epoch):
        if broken["on"] and any(one.identities[0].value == "bad" for one in batch.events):
            raise ZeroDivisionError("a bug")
        return apply(self, batch, epoch)

    monkeypatch.setattr(AudiencePass, "apply", failing)
    for place, who in enumerate(("good", "bad", "better")):
        made = [event("page_viewed", AT - n, f"member_no:{who}") for n in range(3)]
        blob = encode_blob(EventBlob("shop", False, 1, made))
        pool.pool.inbox.put(blob, lane="live", job=str(place), rows_from=0, next_row=1, count=3)
    pool.pool.loop.drain()
    return broken


def listed(pool: Scratch) -> list[tuple[int, str, str]]:
    answer = LIST_COMMAND.run(pool.desk(), ListQuarantine())
    return [(one.seq, one.kind, one.error) for one in answer.records]


def states(pool: Scratch) -> dict[int, str]:
    with pool.pool.database.reading() as uow:
        return {entry.seq: entry.state for entry in store.read_entries(uow, 0)}


def rows(pool: Scratch, who: str) -> int:
    answer = pool.ask("count(page_viewed, 9d) >= 3")
    return 3 if pool.who(f"member_no:{who}") in answer else 0


class TestQuarantine:
    def test_lists_what_lies_there_with_its_reason(self, pool, poison):
        assert listed(pool) == [(3, "events", "a bug")]
        assert rows(pool, "good") == rows(pool, "better") == 3

    def test_a_replay_takes_the_events_and_leaves_its_mark(self, pool, poison):
        poison["on"] = False
        done = RELEASE_COMMAND.run(pool.desk(), Release(3))
        assert (done.seq, done.now) == (3, 5)
        assert done.verdict["taken"] == 3
        assert rows(pool, "bad") == 3
        assert states(pool)[3] == "replayed"
        assert listed(pool) == []
        pool.reopen()
        assert rows(pool, "bad") == 3

    def test_a_replay_that_fails_again_leaves_it_there_under_its_new_number(self, pool, poison):
        with pytest.raises(YutangError) as refused:
            RELEASE_COMMAND.run(pool.desk(), Release(3))
        assert refused.value.code == "log.poison"
        assert [seq for seq, *_ in listed(pool)] == [5]
        assert states(pool)[3] == "replayed"
        poison["on"] = False
        assert RELEASE_COMMAND.run(pool.desk(), Release(5)).verdict["taken"] == 3

    def test_a_replay_asked_twice_takes_nothing_twice(self, pool, poison):
        poison["on"] = False
        with pool.pool.database.reading() as uow:
            found = store.read_quarantined(uow, 3)
        assert found is not None
        pool.desk().submit("events", found[1])  # and then the machine died before the mark
        assert RELEASE_COMMAND.run(pool.desk(), Release(3)).verdict["repeated"] == 3
        assert rows(pool, "bad") == 3

    def test_a_drop_is_for_good(self, pool, poison):
        RELEASE_COMMAND.run(pool.desk(), Release(3, drop=True))
        assert listed(pool) == []
        assert states(pool)[3] == "dropped"
        with pytest.raises(NotFoundError) as refused:
            RELEASE_COMMAND.run(pool.desk(), Release(3))
        assert refused.value.code == "quarantine.unknown"
