"""A hundred thousand events, duplicated, reordered, late by up to a year: the same pool as in order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.pools import Scratch

from yutang.domains.audience.api.evaluating import AUDIENCE, evaluation
from yutang.domains.customers import api as customers
from yutang.kernel.event import Event, Identity
from yutang.kernel.instants import DAY_MS
from yutang.runtime.slots import PEOPLE, TIMELINE

EVENTS = 100_000
PEOPLE_COUNT = 4_000
YEAR_MS = 365 * DAY_MS
BATCH = 5_000
TYPES = ("product_viewed", "page_viewed", "search", "cart_added", "order_paid", "followed", "unfollowed", "checked_in")


def _events(dice: random.Random, now_ms: int) -> list[Event]:
    """A year of people with one or two identities; some share a phone, and some of their events carry both."""
    found = []
    for number in range(EVENTS):
        person = int(PEOPLE_COUNT * dice.random() ** 2)
        names = [Identity("member_no", "", f"M{person}")]
        if dice.random() < 0.1:
            names = [Identity("openid", "wx1", f"o{person}")]
        if dice.random() < 0.05:
            names = [Identity("member_no", "", f"M{person}"), Identity("openid", "wx1", f"o{person}")]
        if dice.random() < 0.02:
            names.append(Identity("phone", "", f"+86138{person // 3:08d}"))
        kind = dice.choice(TYPES)
        properties: dict[str, object] = {"amount": dice.randrange(1, 90_000)} if kind == "order_paid" else {}
        at = now_ms - int(YEAR_MS * dice.random())
        found.append(Event(f"e{number}", kind, at, tuple(sorted(names)), properties))
    return found


def _disturbed(events: Sequence[Event], dice: random.Random) -> list[Event]:
    """Shuffled; one in ten comes again, at once or much later."""
    found = [*events, *dice.sample(list(events), EVENTS // 10)]
    dice.shuffle(found)
    return found


def _sent(folder: Path, events: Sequence[Event], size: int) -> Scratch:
    pool = Scratch(folder, "2026-11-01", flush_rows=30_000)
    for start in range(0, len(events), size):
        pool.send(*events[start : start + size])
    return pool


def _said(pool: Scratch) -> dict[str, Any]:
    """What a pool says that may not depend on the order in which it was told."""
    epoch = pool.pool.loop.epoch
    people, heads = epoch[PEOPLE], epoch[PEOPLE].heads()
    ids = customers.customer_ids(epoch, heads)
    now = epoch.time_ms
    evaluated = evaluation(epoch, heads, now)
    names = epoch[AUDIENCE].plan.names
    values = {name: evaluated.ladder(name).look(now)[:2] for name in names}
    known = epoch[customers.CUSTOMERS].identities
    members = [people.members(heads[i : i + 1])[1].tolist() for i in range(len(ids))]
    groups = {public: sorted(known[one].text() for one in members[i]) for i, public in enumerate(ids)}
    labels = {
        public: {name: (int(value[i]), int(since[i])) for name, (value, since) in values.items()}
        for i, public in enumerate(ids)
    }
    view = evaluated.view
    rows = {
        kind: sorted(
            (ids[owner], at, tie)
            for owner, at, tie in zip(
                np.repeat(np.arange(len(ids)), np.diff(found.offsets)).tolist(), found.at.tolist(), found.tie.tolist(),
                strict=True,
            )
        )
        for kind in TYPES
        for found in [view.events(kind, ())]
    }  # fmt: skip
    return {"groups": groups, "labels": labels, "rows": rows, "types": sorted(epoch[TIMELINE].tracks)}


@pytest.mark.timeout(300)
def test_any_order_gives_the_same_pool(tmp_path: Path) -> None:
    """In order in large batches; disturbed in batches of another size."""
    dice = random.Random(11)
    first = Scratch(tmp_path / "clock", "2026-11-01")
    events = _events(dice, first.pool.now_ms())
    first.close()
    in_order = _sent(tmp_path / "in_order", sorted(events, key=lambda one: one.at), BATCH)
    disturbed = _sent(tmp_path / "disturbed", _disturbed(events, dice), BATCH // 3)
    wanted, found = _said(in_order), _said(disturbed)
    in_order.close()
    disturbed.close()
    assert sum(map(len, wanted["rows"].values())) == EVENTS
    for part, expected in wanted.items():
        assert found[part] == expected, part
