"""Everybody is evaluated in chunks: how large they are changes no answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.pools import Scratch, event

from yutang.domains.audience.api import evaluating, questions, snapshots, upkeep
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.insight.api import figures
from yutang.domains.insight.contracts.figures import ReportQuestion
from yutang.runtime.slots import PEOPLE

PEOPLE_COUNT = 11


def made(folder: Path) -> Scratch:
    """A pool in which everything that is asked of everybody has an answer: buyers, joined people, midnights."""
    pool = Scratch(folder, start="2026-03-01")
    for number in range(PEOPLE_COUNT):
        who = f"member_no:{number}"
        pool.send(event("page_viewed", "2026-02-20", who), event("order_paid", "2026-02-21", who, amount=100 * number))
    pool.send(event("page_viewed", "2026-02-25", ("member_no:2", "unionid:u"), id_="joins"))
    pool.send(event("page_viewed", "2026-02-26", ("member_no:9", "unionid:u"), id_="joins too"))
    pool.at("2026-03-03 12:00")
    pool.define("seen", "happened(page_viewed, 14d)")
    pool.send(event("order_paid", "2026-03-03", "member_no:4", amount=77_777))
    pool.at("2026-03-20 12:00")
    return pool


def answers(pool: Scratch) -> dict[str, Any]:
    """All that is asked of everybody, and what the log made of it."""
    desk = pool.desk()
    anew = upkeep.recomputed(desk.epoch)[AUDIENCE.name].standings
    heads = desk.epoch[PEOPLE].heads()
    return {
        "report": figures.report(desk, ReportQuestion("", "2026-02-20T12:00:00Z")),
        "labels": [
            (one.label.name, one.counts, one.taken_at) for one in questions.labels(desk, "2026-03-02T00:00:00Z")
        ],
        "asked": pool.ask("sum(order_paid.amount, 60d) > 300"),
        "of one": [pool.labels(f"member_no:{number}", "2026-02-24T00:00:00Z") for number in range(PEOPLE_COUNT)],
        "now": [pool.labels(f"member_no:{number}") for number in range(PEOPLE_COUNT)],
        "feed": pool.changes(),
        "anew": (anew.codes(heads).tolist(), anew.due_at(heads).tolist()),
    }


@pytest.mark.parametrize("size", [1, 3, 10])
def test_any_size_gives_the_same_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    whole = made(tmp_path / "whole")
    expected = answers(whole)
    whole.close()
    monkeypatch.setattr(evaluating, "CUSTOMERS_AT_ONCE_MAX", size)
    parted = made(tmp_path / "parted")
    try:
        assert answers(parted) == expected
    finally:
        parted.close()


def test_quintiles_of_many_midnights_may_be_measured_a_few_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = made(tmp_path / "whole")
    expected = answers(whole)
    whole.close()
    monkeypatch.setattr(snapshots, "MEASURES_AT_ONCE_MAX", 2 * PEOPLE_COUNT)
    parted = made(tmp_path / "parted")
    try:
        assert answers(parted) == expected
    finally:
        parted.close()
