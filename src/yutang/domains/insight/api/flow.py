"""Stage flow: who stood where in a ladder, who moved from where to where, and by which periods.

A question becomes a `Course` (`courses.py`): of each customer a state at any instant. Figures are counts over two
columns of states (or over moves, for many periods), and a cell is a mask over two such columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from yutang.domains.audience.api.definitions import named
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.contracts import ABSENT, NONE, Label
from yutang.domains.insight.api.asking import scoped
from yutang.domains.insight.api.courses import EVERYBODY, Course, course_of, period_in, periods_asked
from yutang.domains.insight.api.ranges import name_in, only_known
from yutang.domains.insight.contracts.asking import Cell
from yutang.domains.insight.contracts.flow import Flow, FlowAnswer, FlowPeriod, FlowQuestion
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import instant_text
from yutang.runtime.desk import Desk
from yutang.timeline.questions.flow import MOVES, Codes, Tables, between, directions
from yutang.timeline.steps import Flags, Ints

OTHERS = "!"  # before a value in a cell: any but that


def flow(desk: Desk, question: FlowQuestion) -> FlowAnswer:
    """Raises NotFoundError for a label that isn't there, InvalidError for an order or a period, and as `scoped`."""
    course, label = _asked(desk, question)
    ranks = _ranks(label, question.order)
    asked, names = course.scoped.asked, (*label.values, NONE, ABSENT)
    if asked.since:
        before, after = course.states(course.scoped.since_ms, course.scoped.until_ms)
    else:
        (before,) = (after,) = course.states(course.scoped.until_ms)
    whole = between(before, after, course.groups, len(course.names), len(label.values))
    periods = periods_asked(course.scoped, question.per)
    series = course.tables(periods) if periods else None
    chinese = desk.settings.language == "zh"
    ordered = sorted(range(len(label.values)), key=lambda place: int(ranks[place]))
    return FlowAnswer(
        asked,
        label.name,
        (label.title_zh if chinese else label.title_en) or label.name,
        tuple(label.values[place] for place in ordered),
        {rung.value: title for rung in label.rungs if (title := rung.title_zh if chinese else rung.title_en)},
        _flows(whole, 0, course.names, names, ranks),
        () if series is None else tuple(
            FlowPeriod(one.name, instant_text(one.begin), instant_text(one.end), flows)
            for place, one in enumerate(periods)
            for flows in (_flows(series, place, course.names, names, ranks),)
        ),
    )  # fmt: skip


def members(desk: Desk, question: FlowQuestion, cell: Cell) -> Ints:
    """The customers behind a cell (see `contracts.flow`), by their heads, ascending. Raises InvalidError."""
    course, label = _asked(desk, question)
    names = (*label.values, NONE, ABSENT)
    only_known(cell, "from", "to", "move", "group", "period")
    period = period_in(cell, periods_asked(course.scoped, question.per))
    if period is None and not course.scoped.asked.since:
        if "from" in cell or "move" in cell:
            raise _no_move()
        (after,) = (before,) = course.states(course.scoped.until_ms)
    else:
        begin, end = (course.scoped.since_ms, course.scoped.until_ms) if period is None else (period.begin, period.end)
        before, after = course.states(begin, end)
    found: Flags = course.behind(cell) & (after != names.index(ABSENT))
    found &= _is_state(before, cell.get("from", ""), names, "from")
    found &= _is_state(after, cell.get("to", ""), names, "to")
    if cell.get("move", ""):
        found &= directions(_ranks(label, question.order))[before, after] == name_in(cell, "move", MOVES)
    return course.scoped.everyone.heads[found]


def _asked(desk: Desk, question: FlowQuestion) -> tuple[Course, Label]:
    label = named(desk.epoch[AUDIENCE], question.label)
    return course_of(desk, scoped(desk, question.scope), label), label


def _ranks(label: Label, order: Sequence[str]) -> Ints:
    """int64[values]: how far each value of a ladder is from the top."""
    unknown = [value for value in order if value not in label.values]
    if unknown or len(set(order)) < len(order):
        raise InvalidError(
            "insight.order", f"{label.name} has no value {unknown[0]!r}" if unknown else "a value is named twice",
            where="order", remedy=f"name some of {', '.join(label.values)}, from the highest down",
        )  # fmt: skip
    order = order or label.order
    places = [*order, *(value for value in label.values if value not in order)]
    return np.array([places.index(value) for value in label.values], np.int64)


def _flows(
    tables: Tables, period: int, groups: Sequence[str], names: Sequence[str], ranks: Ints
) -> Mapping[str, Flow]:  # fmt: skip
    moved = tables.moved[period]
    found = {EVERYBODY: _flow(moved.sum(axis=0), names, ranks)}
    if groups != (EVERYBODY,):
        found |= {group: _flow(moved[place], names, ranks) for place, group in enumerate(groups)}
    return found


def _flow(moved: Ints, names: Sequence[str], ranks: Ints) -> Flow:
    """moved: int64[states, states], from × to; `absent` is the last state, where nobody ends who counts."""
    moved = moved[:, :-1]
    before, after, stayed = moved.sum(axis=1), moved.sum(axis=0), np.diagonal(moved)
    inside, which = names[:-1], directions(ranks)[:, :-1]
    pairs = {(int(a), int(b)): int(moved[a, b]) for a, b in zip(*np.nonzero(moved), strict=True)}
    matrix: dict[str, dict[str, int]] = {}
    conversion: dict[str, dict[str, float]] = {}
    for (a, b), count in pairs.items():
        matrix.setdefault(names[a], {})[names[b]] = count
        if a != b and names[a] != ABSENT:
            conversion.setdefault(names[a], {})[names[b]] = count / int(before[a])
    return Flow(
        _named(inside, after),
        _named(names, before),
        _named(inside, after - stayed),
        _named(inside, before[:-1] - stayed),
        matrix,
        conversion,
        {move: int(moved[which == place].sum()) for place, move in enumerate(MOVES)},
    )


def _named(names: Sequence[str], counts: Ints) -> Mapping[str, int]:
    return dict(zip(names, counts.tolist(), strict=True))


def _is_state(states: Codes, wanted: str, names: Sequence[str], where: str) -> Flags:
    if not wanted:
        return np.ones(len(states), np.bool_)
    place = name_in({where: wanted.removeprefix(OTHERS)}, where, names)
    found: Flags = (states != place) if wanted.startswith(OTHERS) else (states == place)
    return found


def _no_move() -> InvalidError:
    return InvalidError(
        "insight.since_missing", "without `since` nobody has moved", where="since",
        remedy="name the instant from which moves are looked at",
    )  # fmt: skip
