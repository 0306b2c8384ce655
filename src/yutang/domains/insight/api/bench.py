"""How fast this pool answers, and how fast others do on the same events: `yutang bench`.

A plan chooses a funnel, retention and a segment out of the pool's most frequent types, and its events are written as
one file. Then this pool is asked through the functions that its doors ask, and each peer in a process of its own; an
answer is compared before its time is shown. Cost: the file takes some ten bytes an event, in a folder of the caller.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from yutang.conditions.grammar import parse
from yutang.conditions.nodes import (
    Aggregate,
    All,
    Compare,
    Count,
    Events,
    Fold,
    Happened,
    Money,
    Never,
    Number,
    Op,
    Rolling,
    Unit,
)
from yutang.conditions.text import events_text, to_text
from yutang.conditions.vocabulary import Kind, Mark, Vocabulary
from yutang.domains.audience.api import questions
from yutang.domains.audience.api.evaluating import everyone
from yutang.domains.audience.contracts import AskQuestion
from yutang.domains.insight.api.funnel import funnel
from yutang.domains.insight.api.retention import retention
from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.bench import (
    BENCH_SYSTEMS,
    BenchPlan,
    BenchQuestion,
    BenchRun,
    BenchTimes,
    BenchTurn,
    FunnelTrial,
    RetentionTrial,
    SegmentTrial,
)
from yutang.domains.insight.contracts.funnel import FunnelQuestion
from yutang.domains.insight.contracts.retention import RetentionQuestion
from yutang.domains.insight.store.exporting import keep_numbers, kept_numbers, write_events
from yutang.domains.insight.store.peers.racing import EVENTS_FILE, listed, race, timed
from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import InvalidError, UnavailableError
from yutang.kernel.instants import DAY_MS, instant_text
from yutang.runtime.desk import Desk
from yutang.runtime.slots import TIMELINE, VOCABULARY
from yutang.timeline.boundaries import calendar
from yutang.timeline.everyone import THREADS_COUNT, Part
from yutang.timeline.steps import UNKNOWN, Ints

AMOUNT = "amount"
STEPS_COUNT_MAX = 4
WINDOW_DAYS, WEEKS_SHOWN, WEEKS_BACK = 7, 12, 52
OFTEN_DAYS, OFTEN_COUNT, QUIET_DAYS = 30, 3, 90
# Moments a millisecond: events at one instant are kept apart by the lower half, so that a window's end stays exact.
TIMES = (64, 65_536)
ZONE = "UTC"  # whose weeks are of one length, which peers can reckon with


def plan(desk: Desk, question: BenchQuestion) -> BenchPlan:
    """Choose the questions and write the events. Raises InvalidError if the pool has too little to ask about."""
    began = desk.machine.stopwatch_s()
    folder, vocabulary, types = Path(question.folder), desk.epoch[VOCABULARY], _types(desk)
    if len(types) < 2:
        raise InvalidError(
            "bench.too_little", "the pool has events of fewer than two types", where="pool",
            remedy="import some events first: yutang import",
        )  # fmt: skip
    until = _until(desk, types)
    paid, prop = _paid(types, vocabulary)
    often = next(name for name in types if name != paid)
    found = _exported(desk, folder, types, until, (paid, prop))
    spent = found.spent // max(found.paid, 1) if prop else -1
    week = calendar(ZONE)
    monday = week.periods(np.array([until], np.int64), Unit.WEEK) - WEEKS_BACK
    begin = int(week.period_begins(monday, Unit.WEEK)[0])
    steps = types[:STEPS_COUNT_MAX]
    times = found.times

    def after(days: int) -> int:
        return (until - days * DAY_MS + 1) * times - 1

    return BenchPlan(
        question.folder, instant_text(until), instant_text(begin), found.events, found.customers,
        desk.machine.stopwatch_s() - began,
        tuple(events_text(Events((step,)), vocabulary) for step in steps), f"{WINDOW_DAYS}d",
        to_text(_segment(often, paid, prop, spent, vocabulary), vocabulary),
        FunnelTrial(tuple(range(len(steps))), WINDOW_DAYS * DAY_MS * times + times // 2),
        RetentionTrial(begin * times, 7 * DAY_MS * times, WEEKS_SHOWN),
        SegmentTrial(
            types.index(often), OFTEN_COUNT, after(OFTEN_DAYS), types.index(paid), after(QUIET_DAYS), spent
        ),
    )  # fmt: skip


def _types(desk: Desk) -> list[str]:
    """The types of events that count in figures, the most frequent first."""
    tracks = {name: track.rows for name, track in desk.epoch[TIMELINE].tracks.items() if not track.system}
    return sorted((name for name, rows in tracks.items() if rows), key=lambda name: (-tracks[name], name))


def _until(desk: Desk, types: Sequence[str]) -> int:
    """The newest instant of an event, or pool time where some lie ahead of it: rolling windows end where there is
    something in them."""
    tracks = desk.epoch[TIMELINE].tracks
    return min(desk.now_ms, max(int(run.at.max()) for name in types for run in tracks[name].runs if run.rows))


def _paid(types: Sequence[str], vocabulary: Vocabulary) -> tuple[str, str]:
    """The most frequent order with an amount, else type with one, and that property; else the second type, and ""."""
    marked = {event_type.name for event_type, _ in vocabulary.types_marked(Mark.ORDER)}
    orders = [name for name in types if name in marked]
    for name in (*orders, *types):
        declared = vocabulary.events.get(name)
        for one in declared.properties if declared else ():
            if one.kind is Kind.MONEY and one.name == AMOUNT:
                return name, one.name
    return types[1], ""


def _segment(often: str, paid: str, prop: str, spent: int, vocabulary: Vocabulary) -> All:
    """`count(often, 30d) >= 3 and never(paid, 90d) and sum(paid.amount) > …`; without an amount: has ever paid."""
    count = Compare(Count(Events((often,)), Rolling(OFTEN_DAYS * DAY_MS)), Op.GE, Number(str(OFTEN_COUNT)))
    quiet = Never(Events((paid,)), Rolling(QUIET_DAYS * DAY_MS))
    if not prop:
        return All((count, quiet, Happened(Events((paid,)))))
    total = Aggregate(Fold.SUM, Events((paid,)), prop)
    return All((count, quiet, Compare(total, Op.GT, Money(spent, vocabulary.currency))))


@dataclass(frozen=True)
class _Exported:
    """What was written. paid, spent: how many events with an amount, and the sum."""

    times: int
    events: int
    customers: int
    paid: int
    spent: int


class _TiesError(Exception):
    """More events at one instant than there are moments for."""


def _exported(desk: Desk, folder: Path, types: Sequence[str], until: int, paid: tuple[str, str]) -> _Exported:
    """Write the events up to an instant. Raises InvalidError if too many of a customer's fall on one instant."""
    for times in TIMES:
        try:
            return _written(desk, folder, types, until, paid, times)
        except _TiesError:
            continue
    raise InvalidError(
        "bench.ties",
        f"a customer has more than {TIMES[-1] // 2:,} events at one instant",
        where="pool",
        remedy="look for a sender that gives all events the same time: yutang tail",
    )


def _written(
    desk: Desk, folder: Path, types: Sequence[str], until: int, paid: tuple[str, str], times: int
) -> _Exported:  # fmt: skip
    """Customers are numbered as they come, so that the file is in order whatever order their parts have."""
    everybody = everyone(desk.epoch)
    numbers = np.full(everybody.count, -1, np.int64)
    totals = np.zeros(3, np.int64)  # customers, events of `paid`, their amount

    def parts() -> Iterator[tuple[Ints, Ints, Ints, Ints]]:
        for part in everybody.parts(types):
            owner, at, code, amount = _rows(part, types, until, paid)
            present, owners = np.unique(owner, return_inverse=True)
            places = np.arange(everybody.count)[part.places]
            mine = np.flatnonzero(part.own(np.ones(part.view.count, np.bool_)) if part.mine is None else part.mine)
            numbers[places[np.searchsorted(mine, present)]] = totals[0] + np.arange(len(present))
            yield totals[0] + owners, _moments(owners, at, times), code, amount
            chosen = code == types.index(paid[0])
            totals[:] += (len(present), int(chosen.sum()), int(amount[chosen].sum()))

    events = write_events(folder / EVENTS_FILE, parts())
    keep_numbers(folder, numbers)
    return _Exported(times, events, int(totals[0]), int(totals[1]), int(totals[2]))


def _rows(part: Part, types: Sequence[str], until: int, paid: tuple[str, str]) -> tuple[Ints, Ints, Ints, Ints]:
    """(owner, at, type, amount) of the part's own customers up to an instant, in the order in which they count."""
    found: list[tuple[Ints, ...]] = []
    for code, name in enumerate(types):
        prop = paid[1] if name == paid[0] else ""
        rows = part.view.events(name, (prop,) if prop else ())
        owner = np.repeat(np.arange(part.view.count), np.diff(rows.offsets))
        keep = rows.at <= until
        if part.mine is not None:
            keep &= part.mine[owner]
        amount = rows.columns[prop].values[keep] if prop else np.zeros(int(keep.sum()), np.int64)
        amount = np.where(amount == UNKNOWN, 0, amount)
        found.append((owner[keep], rows.at[keep], rows.tie[keep], np.full(len(amount), code), amount))
    owner, at, tie, kinds, amount = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((tie, at, owner))
    return owner[order], at[order], kinds[order], amount[order]


def _moments(owner: Ints, at: Ints, times: int) -> Ints:
    """Instants in parts of a millisecond, so that a customer's are distinct and in order. Raises _TiesError."""
    fresh = np.ones(len(at), np.bool_)
    fresh[1:] = (owner[1:] != owner[:-1]) | (at[1:] != at[:-1])
    begins = np.flatnonzero(fresh)
    place = np.arange(len(at)) - np.repeat(begins, np.diff(np.append(begins, len(at))))
    if len(at) and place.max() >= times // 2:
        raise _TiesError
    return at * times + place


def turn(desk: Desk, question: BenchTurn) -> BenchTimes:
    """Ask this pool one of a plan's questions, through what its doors ask."""
    asked = question.plan
    scope = Scope(as_of=asked.as_of, zone=ZONE)
    asks: dict[str, Callable[[], Any]] = {
        "funnel": lambda: funnel(desk, FunnelQuestion(asked.steps, asked.window, times=False, scope=scope)),
        "retention": lambda: retention(desk, RetentionQuestion(
            "*", per="week", periods=WEEKS_SHOWN, beginning="first",
            scope=Scope(since=asked.began, as_of=asked.as_of, zone=ZONE),
        )),
        "segment": lambda: questions.ask(desk, AskQuestion(asked.condition, asked.as_of, 0)),
    }  # fmt: skip
    kept: list[Any] = []

    def ask() -> tuple[int, ...]:
        kept[:] = [asks[question.name]()]
        return ()

    found = timed(ask, question.repeats, desk.machine)
    return BenchTimes(found.first_s, found.times_s, _told(desk, question, kept[0]))


def _told(desk: Desk, question: BenchTurn, answer: Any) -> tuple[tuple[int, ...], ...]:
    """Our answer in the form of the peers'."""
    if question.name == "funnel":
        return listed([stage.customers for stage in answer.whole.stages])
    if question.name == "retention":
        cohorts = [row for row in answer.rows if row.cohort]
        return listed({
            (cohort, k): cell.customers
            for cohort, row in enumerate(cohorts) for k, cell in enumerate(row.returned[0].cells)
        })  # fmt: skip
    asked = question.plan
    numbers = kept_numbers(Path(asked.folder))
    test = parse(asked.condition, desk.epoch[VOCABULARY])
    found, _ = questions.members_at(desk.epoch, test, questions.checked_instant(asked.as_of, "as_of"))
    places = np.searchsorted(everyone(desk.epoch).heads, found)
    return listed([len(found), int(numbers[places].sum())])


def installed(system: str) -> None:
    """Raises UnavailableError where a peer isn't there to be asked, InvalidError for a name that none has."""
    if system not in BENCH_SYSTEMS:
        raise InvalidError(
            "bench.peer_unknown", f"{system!r} is none of the engines to compare with", where="peer",
            remedy="name some of " + ", ".join(BENCH_SYSTEMS),
        )  # fmt: skip
    if importlib.util.find_spec(system) is None:
        raise UnavailableError(
            "bench.peer_missing", f"{system} isn't installed", where="peer", remedy="pip install 'yutang[bench]'"
        )


def run_peer(system: str, asked: BenchPlan, repeats: int, clock: MachineClock) -> BenchRun:
    """Let a peer load and answer, in a new process. Raises as `installed`."""
    installed(system)
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        return process.submit(race, system, asked, THREADS_COUNT, repeats, clock).result()
