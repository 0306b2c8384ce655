"""Standings kept in `cache/`: whatever happened since they were kept, a start ends with what a full recompute gives."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.support.log_world import IDENTITIES, START, ZONE, Sent, sents
from tests.support.pools import Scratch

from yutang.domains.audience.api import standing_cache, upkeep
from yutang.domains.audience.api.evaluating import AUDIENCE, evaluation
from yutang.domains.customers import api as customers
from yutang.domains.customers.contracts import PairOrder
from yutang.kernel.errors import YutangError
from yutang.kernel.instants import DAY_MS, HOUR_MS, NEVER, instant_text
from yutang.runtime.erasing.contracts import EraseOrder
from yutang.runtime.log import keeping
from yutang.runtime.slots import PEOPLE

EXAMPLES = max(1, int(6 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
LABELS = {
    "visits": "count(#visit, 36h) >= 2", "held": "hold(happened(page_viewed, 12h), 2d)", "given": 'share("x", 50%)',
    "spent": "sum(order_paid.amount, 20d) >= 600", "shifted": 'in(visits) for 1d or entered(aipl, "I", 3d)',
}  # fmt: skip

step = st.one_of(
    st.tuples(st.just("send"), st.lists(sents(), min_size=1, max_size=4)),
    st.tuples(st.sampled_from(("merge", "unmerge")), st.tuples(*2 * [st.sampled_from(IDENTITIES)])),
    st.tuples(st.just("erase"), st.sampled_from(IDENTITIES)),
    st.tuples(st.just("pass"), st.sampled_from((HOUR_MS, 13 * HOUR_MS, 3 * DAY_MS, 40 * DAY_MS))),
    st.tuples(st.sampled_from(("flush", "keep")), st.none()),
)


class World:
    """A pool that things happen to, and that is opened again without having kept anything at its end."""

    def __init__(self, folder: Path) -> None:
        self.pool = Scratch(folder, start=instant_text(START), zone=ZONE, flush_rows=1_000_000)
        self.number = 0
        for name, condition in LABELS.items():
            self.pool.define(name, condition)

    def do(self, kind: str, what: object) -> None:
        with suppress(YutangError):  # nobody of that name; already so
            getattr(self, f"_{kind}")(what)

    def _send(self, what: list[Sent]) -> None:
        now = self.pool.pool.loop.epoch.time_ms
        self.pool.send(*[sent.event(now, self.number + i) for i, sent in enumerate(what)])
        self.number += len(what)

    def _merge(self, pair: tuple[str, str]) -> None:
        customers.merge(self.pool.desk(), PairOrder(*pair, "said so"))

    def _unmerge(self, pair: tuple[str, str]) -> None:
        customers.unmerge(self.pool.desk(), PairOrder(*pair, "said so"))

    def _erase(self, who: str) -> None:
        customers.erase(self.pool.desk(), who, EraseOrder("asked for it"))

    def _pass(self, span: int) -> None:
        self.pool.at(instant_text(self.pool.pool.loop.epoch.time_ms + span))

    def _flush(self, _: None) -> None:
        self.pool.pool.loop.flush()

    def _keep(self, _: None) -> None:
        self.pool.pool.loop.rest()

    def crash(self) -> bool:
        """Open the pool again; whether what was kept was taken over."""
        self.pool.pool.loop.rest = lambda: None  # type: ignore[method-assign]
        self.pool.pool.loop.flush_at_leisure = lambda rows_min: None  # type: ignore[method-assign]
        self.pool.reopen()
        found = []
        kept_by = standing_cache.kept_by
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(standing_cache, "kept_by", lambda *args: found.append(kept_by(*args)) or found[-1])
            self.pool.pool.loop._make_ready()
        return any(kept is not None for kept in found)

    def check(self) -> None:
        epoch = self.pool.pool.loop.epoch
        kept, full = epoch[AUDIENCE].standings, upkeep.recomputed(epoch)[AUDIENCE.name].standings
        every = np.arange(epoch[PEOPLE].count)
        assert kept.names == full.names
        assert kept.codes(every).tolist() == full.codes(every).tolist()
        assert kept.keys == full.keys
        heads = epoch[PEOPLE].heads()
        first = evaluation(epoch, heads, epoch.time_ms).view.first_seen()
        seen = heads[first < NEVER]  # others are tested once they have an event
        assert kept.truths_at(seen).tolist() == full.truths_at(seen).tolist()
        assert (kept.due_at(every) <= full.due_at(every)).all()
        assert (kept.due_at(every) > epoch.time_ms).all()


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path / "pool")
    made.do("send", [Sent(0, 0, 0, 0), Sent(2, 1, 3, 1), Sent(1, 8, 5, 0)])
    yield made
    made.pool.close()


def kept_file(world: World) -> Path:
    (found,) = world.pool.folder.cache.glob("standings-*")
    return found


@given(before=st.lists(step, max_size=8), after=st.lists(step, max_size=8))
@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)  # fmt: skip
def test_kept_standings_caught_up_equal_a_full_recompute(
    before: list[tuple[str, object]], after: list[tuple[str, object]]
) -> None:
    root = Path(tempfile.mkdtemp(prefix="yutang-standings-"))
    world = World(root / "pool")
    try:
        for one in [*before, ("keep", None), *after]:
            world.do(*one)
        taken = world.crash()
        assert taken or any(kind == "erase" for kind, _ in after)
        world.check()
        for one in after:  # and go on from there
            world.do(*one)
        world.check()
    finally:
        world.pool.close()
        shutil.rmtree(root)


class TestWhatIsNotTaken:
    def test_it_is_taken_if_nothing_else_happened(self, world):
        world.do("keep", None)
        world.do("send", [Sent(0, 3, 0, 0)])
        assert world.crash()
        world.check()

    def test_a_file_that_is_gone(self, world):
        world.do("keep", None)
        kept_file(world).unlink()
        assert not world.crash()
        world.check()

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
    def test_a_torn_file(self, world, share):
        world.do("keep", None)
        file = kept_file(world)
        content = file.read_bytes()
        file.write_bytes(content[: int(len(content) * share)])
        assert not world.crash()
        world.check()

    def test_a_flipped_bit(self, world):
        world.do("keep", None)
        file = kept_file(world)
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 4
        file.write_bytes(bytes(content))
        assert not world.crash()
        world.check()

    def test_a_file_that_the_database_does_not_name_yet(self, world, monkeypatch):
        world.do("keep", None)
        named = kept_file(world).name
        world.do("send", [Sent(0, 3, 0, 0)])

        def dies(*_: object) -> None:
            raise OSError("killed")

        monkeypatch.setattr(standing_cache, "write_mark", dies)
        world.do("keep", None)
        monkeypatch.undo()
        assert len(list(world.pool.folder.cache.glob("standings-*"))) == 2
        assert world.crash()
        world.check()
        world.do("send", [Sent(0, 4, 0, 0)])
        world.do("keep", None)
        assert kept_file(world).name != named

    def test_standings_under_another_definition(self, world):
        world.do("keep", None)
        world.pool.define("spent", "sum(order_paid.amount, 20d) >= 1")
        assert not world.crash()
        world.check()

    def test_standings_from_before_an_erasure(self, world):
        world.do("keep", None)
        world.do("erase", "unionid:a")
        assert not world.crash()
        world.check()

    def test_standings_of_a_later_record_than_the_last(self, world):
        world.do("keep", None)
        with world.pool.pool.database.reading() as uow:
            found = keeping.read_mark(uow, standing_cache.OWNER)
        assert found is not None
        later = replace(found[0], seq=found[0].seq + 1)
        keeping.write_mark(world.pool.pool.database, standing_cache.OWNER, later)
        assert not world.crash()
        world.check()


def test_a_file_of_a_version_with_another_head_is_passed_over(world):
    epoch = world.pool.pool.loop.epoch
    encoded = msgspec.msgpack.encode({"of": "a later version"})
    content = len(encoded).to_bytes(8, "little") + encoded
    mark = keeping.Mark(epoch.seq, epoch.time_ms, f"standings-{epoch.seq}-{zlib.crc32(content):08x}.bin")
    world.pool.folder.cache.mkdir(exist_ok=True)
    (world.pool.folder.cache / mark.name).write_bytes(content)
    assert standing_cache.kept_by(world.pool.folder.cache, mark, epoch) is None
