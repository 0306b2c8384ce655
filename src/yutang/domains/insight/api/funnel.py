"""Funnels: how far customers come along some steps, how long they take, and who they are.

`_understood` reads the question; `timeline.questions.funnel` finds for each customer how far it came, and when; figures
are counts over that, and a set is the same rows with a condition on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from yutang.conditions.grammar import parse_step
from yutang.conditions.lookups import suggestion
from yutang.conditions.nodes import Step, Unit
from yutang.conditions.sentences import step_title
from yutang.conditions.text import step_text
from yutang.conditions.vocabulary import Vocabulary
from yutang.domains.audience.api.evaluating import POINT_CUSTOMERS_AT_ONCE_MAX
from yutang.domains.insight.api.asking import Scoped, own_groups, said_in, scoped
from yutang.domains.insight.api.durations import bucket_flags, durations, span_asked
from yutang.domains.insight.api.ranges import (
    PERIODS_COUNT_MAX,
    group_named,
    known_property,
    names_of,
    number_in,
    only_known,
    period_named,
    types_read,
    unit_asked,
)
from yutang.domains.insight.contracts.asking import Cell
from yutang.domains.insight.contracts.funnel import (
    STEPS_COUNT_MAX,
    STEPS_COUNT_MIN,
    FunnelAnswer,
    FunnelFigure,
    FunnelLine,
    FunnelOrder,
    FunnelQuestion,
    FunnelStage,
    FunnelStep,
)
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import span_text
from yutang.runtime.desk import Desk
from yutang.timeline.everyone import Part
from yutang.timeline.questions.funnel import Funnel, Split, attempts, beginnings, reached
from yutang.timeline.questions.lines import distinct
from yutang.timeline.questions.periods import Periods
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.view import Column


@dataclass(frozen=True)
class _Asked:
    """A question, understood. types: what is read of a view. groups: names, of customers or of values."""

    scope: Scoped
    funnel: Funnel
    unit: Unit | None
    types: list[str]
    groups: tuple[str, ...]


@dataclass(frozen=True)
class _Rows:
    """Attempts of those whom the question is about. place: of each customer among all. at: see `Reached`.

    period: index among `periods`, where told apart. weight: how many each stands for, where only figures are asked for
    and customers of one group and level are one row; None: each for itself.
    """

    place: Ints
    period: Ints
    group: Ints
    level: Ints
    at: Ints
    periods: Periods | None = None
    weight: Ints | None = None

    def where(self, flags: Flags | Ints | slice) -> _Rows:
        """Some of them."""
        return _Rows(
            self.place[flags],
            self.period[flags],
            self.group[flags],
            self.level[flags],
            at=self.at[:, flags],
            periods=self.periods,
            weight=None if self.weight is None else self.weight[flags],
        )

    def levels(self, steps: int) -> Ints:
        """int64[steps + 1]: how many came so far, and no further."""
        found = np.bincount(self.level, self.weight, minlength=steps + 1)
        return found.astype(np.int64)


def funnel(desk: Desk, question: FunnelQuestion) -> FunnelAnswer:
    """The figures. Raises InvalidError for what is missing or malformed, ConditionError for a step or a condition."""
    asked = _understood(desk, question)
    whole = _whole(asked) if question.times else _tallied(asked)
    groups = _told_apart(asked, None) if asked.scope.groups.prop else whole
    periods = grid = whole
    if asked.unit is not None:
        periods = _told_apart(asked, asked.unit, by_value=False)
        grid = _told_apart(asked, asked.unit) if asked.scope.groups.prop else periods
    codes, names = range(len(asked.groups)), asked.groups
    days = periods.periods.names if periods.periods is not None else ()
    steps, vocabulary, language = asked.funnel.steps, asked.scope.vocabulary, desk.settings.language
    return FunnelAnswer(
        replace(asked.scope.asked, groups=asked.groups),
        tuple(FunnelStep(step_text(one, vocabulary), step_title(one, vocabulary, language)) for one in steps),
        span_text(asked.funnel.window_ms),
        question.order,
        question.same,
        _line(asked, whole, buckets=True),
        tuple(_line(asked, groups.where(groups.group == code), names[code], buckets=True) for code in codes),
        tuple(_line(asked, one, "", day) for day, one in _by_period(periods, days)),
        tuple(
            _line(asked, one, names[code], day)
            for code in codes
            for day, one in _by_period(grid.where(grid.group == code), days)
        ),
    )


def members(desk: Desk, question: FunnelQuestion, cell: Cell) -> Ints:
    """The heads of the customers behind a cell, ascending; see `FunnelStage`. Raises InvalidError."""
    only_known(cell, "step", "figure", "group", "period", "bucket")
    asked = _understood(desk, replace(question, times=bool(cell.get("bucket"))))
    step = number_in(cell, "step", 1, len(asked.funnel.steps))
    group = group_named(asked.groups, cell["group"]) if cell.get("group") else None
    by_value = group is not None and bool(asked.scope.groups.prop)
    if cell.get("period") and asked.unit is None:
        raise InvalidError(
            "insight.funnel_no_periods", "the question tells no periods apart", where="cell.period",
            remedy="ask it with `per`: day, week or month",
        )  # fmt: skip
    unit = asked.unit if cell.get("period") else None
    rows = _told_apart(asked, unit, by_value) if by_value or unit is not None else _whole(asked)
    chosen = rows.level >= step
    if _figure(cell) is FunnelFigure.DROPPED:
        chosen = (rows.level == step) & (step < len(asked.funnel.steps))
    if group is not None:
        chosen &= rows.group == group
    if rows.periods is not None:
        chosen &= rows.period == period_named(rows.periods, cell["period"])
    if cell.get("bucket"):
        chosen[chosen] = bucket_flags(rows.at[:, chosen], step, _longest(asked.funnel, step), cell["bucket"])
    return asked.scope.everyone.heads[distinct(rows.place[chosen])]


def _understood(desk: Desk, question: FunnelQuestion) -> _Asked:
    scope = scoped(desk, question.scope)
    steps = _steps(question, scope.vocabulary)
    order = _order(question, steps)
    window = span_asked(question.window, "window", "the longest time from the first step to the last")
    if question.same:
        for step in steps:
            known_property(step.events, question.same, scope.vocabulary, "same")
    if scope.groups.prop:
        known_property(steps[0].events, scope.groups.prop, scope.vocabulary, "by")
    found = Funnel(
        steps, window, scope.since_ms, scope.until_ms, scope.calendar,
        order is FunnelOrder.STRICT, order is FunnelOrder.ANY, question.same, question.times,
    )  # fmt: skip
    types = types_read(desk, *(events for step in steps for events in (step.events, step.without)))
    asked = _Asked(scope, found, unit_asked(question.per) if question.per else None, types, scope.groups.names)
    return replace(asked, groups=_values(asked, question.scope.groups)) if scope.groups.prop else asked


def _steps(question: FunnelQuestion, vocabulary: Vocabulary) -> tuple[Step, ...]:
    if not STEPS_COUNT_MIN <= len(question.steps) <= STEPS_COUNT_MAX:
        raise InvalidError(
            "insight.funnel_steps",
            f"a funnel has {STEPS_COUNT_MIN} to {STEPS_COUNT_MAX} steps, here {len(question.steps) or 'none'}",
            where="steps", remedy="name the events in their order: product_viewed, cart_added, order_paid",
        )  # fmt: skip
    steps = []
    for number, text in enumerate(question.steps, start=1):
        if not text.strip():
            raise InvalidError(
                "insight.events_missing", f"step {number} names no events", where=f"steps/{number - 1}",
                remedy="write an event type, `#mark` or `*`, with a filter if need be: order_paid where amount > 100",
            )  # fmt: skip
        with said_in(f"steps/{number - 1}"):
            steps.append(parse_step(text, vocabulary))
    if steps[0].within_ms is not None or steps[0].without is not None:
        raise InvalidError(
            "insight.funnel_first_step", "the first step has none before it to be `within` or `without`",
            where="steps/0", remedy="say it of a later step",
        )  # fmt: skip
    return tuple(steps)


def _figure(cell: Cell) -> FunnelFigure:
    said = cell.get("figure", FunnelFigure.REACHED)
    try:
        return FunnelFigure(said)
    except ValueError:
        raise InvalidError(
            "insight.cell_unknown", f"the answer has no figure {said!r}", where="cell.figure",
            remedy="write " + " or ".join(FunnelFigure),
        ) from None  # fmt: skip


def _order(question: FunnelQuestion, steps: Sequence[Step]) -> FunnelOrder:
    try:
        order = FunnelOrder(question.order)
    except ValueError:
        raise InvalidError(
            "insight.funnel_order", f"there is no order {question.order!r}", where="order",
            remedy=suggestion(question.order, list(FunnelOrder)),
        ) from None  # fmt: skip
    if order is not FunnelOrder.ANY:
        return order
    if any(step.within_ms is not None or step.without is not None for step in steps):
        raise InvalidError(
            "insight.funnel_gaps", "steps in any order have no gaps that `within` or `without` could bound",
            where="steps", remedy="leave them out, or ask for the steps in order",
        )  # fmt: skip
    if len({step.events for step in steps}) < len(steps):
        raise InvalidError(
            "insight.funnel_repeated", "in any order, two equal steps would be done by one event", where="steps",
            remedy="name each once, or ask for the steps in order",
        )  # fmt: skip
    if question.scope.by.startswith("."):
        raise InvalidError(
            "insight.funnel_by", "in any order no step is the first, so no event's property can tell attempts apart",
            where="by", remedy="write trait.NAME, label.NAME or source, or ask for the steps in order",
        )  # fmt: skip
    return order


def _values(asked: _Asked, count: int) -> tuple[str, ...]:
    """The values with which the most customers begin, largest first; `other` stands for the rest."""
    scope = asked.scope

    def worked(part: Part) -> dict[str, int]:
        mine, count = _who(asked, part), max(1, part.view.count)
        sizes: dict[str, int] = {}
        for owner, column in beginnings(part.view, asked.funnel, scope.groups.prop):
            present, codes = np.unique(column.values, return_inverse=True)
            pairs = distinct((codes * count + owner)[mine[owner]])
            names = names_of(Column(column.kind, present, column.words), scope.vocabulary.currency)
            for name, size in zip(names, np.bincount(pairs // count, minlength=len(names)).tolist(), strict=True):
                sizes[name] = sizes.get(name, 0) + size
        return sizes

    total: dict[str, int] = {}
    for sizes in scope.everyone.map(worked, asked.types):
        for name, size in sizes.items():
            total[name] = total.get(name, 0) + size
    return own_groups(list(total), np.array(list(total.values()), np.int64), count)[1]


def _who(asked: _Asked, part: Part) -> Flags:
    """bool[view.count]: the part's own customers whom the question is about."""
    who = asked.scope.who[part.places]
    if part.mine is None:
        return who
    found = np.zeros(part.view.count, np.bool_)
    found[part.mine] = who
    return found


def _at_once(asked: _Asked) -> int | None:
    """How many customers a part has: rows that lie in order are read where they lie, so nothing is held of each."""
    return POINT_CUSTOMERS_AT_ONCE_MAX if asked.funnel.plain and not asked.funnel.same else None


def _whole(asked: _Asked) -> _Rows:
    """One attempt of each customer that began."""
    scope = asked.scope
    level, at = scope.everyone.columns(lambda view: reached(view, asked.funnel), asked.types, _at_once(asked))
    place = np.flatnonzero(scope.who & (level > 0))
    group = scope.groups.codes[place] if len(scope.groups.codes) else np.zeros(len(place), np.int64)
    return _Rows(place, np.zeros(len(place), np.int64), group, level[place], at[:, place])


def _tallied(asked: _Asked) -> _Rows:
    """As `_whole`, counted part by part: a row for each group and level."""
    scope, levels = asked.scope, len(asked.funnel.steps) + 1
    groups = max(1, len(scope.groups.names))

    def worked(part: Part) -> Ints:
        level, _ = reached(part.view, asked.funnel)
        own = part.own(level)
        if len(scope.groups.codes):
            own = own + levels * scope.groups.codes[part.places]
        who = scope.who[part.places]
        return np.bincount(own if who.all() else own[who], minlength=levels * groups)

    weight = np.sum(scope.everyone.map(worked, asked.types, _at_once(asked)), axis=0)
    group, level = np.divmod(np.arange(levels * groups), levels)
    rows = _Rows(group, np.zeros_like(group), group, level, np.empty((0, len(group)), np.int64), None, weight)
    return rows.where(level > 0)


def _told_apart(asked: _Asked, unit: Unit | None, by_value: bool = True) -> _Rows:
    """Attempts by the period in which they begin, and, if the breakdown is by value, by the value that begins them."""
    scope = asked.scope
    prop = scope.groups.prop if by_value else ""
    codes = {name: code for code, name in enumerate(asked.groups)}

    def group_of(column: Column) -> Ints:
        present, places = np.unique(column.values, return_inverse=True)
        names = names_of(Column(column.kind, present, column.words), scope.vocabulary.currency)
        return np.array([codes.get(name, len(codes) - 1) for name in names], np.int64)[places]

    split = Split(unit, prop, group_of if prop else None)
    count = scope.everyone.count

    def worked(part: Part) -> _Rows:
        found = attempts(part.view, asked.funnel, split)
        places = np.full(part.view.count, -1)
        places[slice(None) if part.mine is None else part.mine] = np.arange(count)[part.places]
        kept = _who(asked, part)[found.owner]
        rows = _Rows(places[found.owner], found.period, found.group, found.level, found.at)
        return rows.where(kept)

    parts = scope.everyone.map(worked, asked.types)
    rows = _Rows(
        np.concatenate([one.place for one in parts]),
        np.concatenate([one.period for one in parts]),
        np.concatenate([one.group for one in parts]),
        np.concatenate([one.level for one in parts]),
        np.concatenate([one.at for one in parts], axis=1),
    )
    if not prop and len(scope.groups.codes):
        rows = replace(rows, group=scope.groups.codes[rows.place])
    return rows if unit is None else _numbered(asked, rows, unit)


def _numbered(asked: _Asked, rows: _Rows, unit: Unit) -> _Rows:
    """With periods counted from the first one in which somebody began."""
    first, last = (int(rows.period.min()), int(rows.period.max())) if len(rows.period) else (0, -1)
    if last - first >= PERIODS_COUNT_MAX:
        raise InvalidError(
            "insight.periods_too_many", f"{last - first + 1:,} periods; at most {PERIODS_COUNT_MAX:,} can be shown",
            where="since", remedy="name a later `since`, or a longer period in `per`",
        )  # fmt: skip
    found = asked.funnel
    periods = Periods(found.calendar, unit, found.since_ms, found.until_ms, first, last - first + 1)
    return replace(rows, period=rows.period - first, periods=periods)


def _by_period(rows: _Rows, days: Sequence[str]) -> list[tuple[str, _Rows]]:
    order = np.argsort(rows.period, kind="stable")
    ranked = rows.where(order)
    ends = np.searchsorted(ranked.period, np.arange(len(days) + 1))
    return [(day, ranked.where(slice(*ends[place : place + 2]))) for place, day in enumerate(days)]


def _line(asked: _Asked, rows: _Rows, group: str = "", period: str = "", *, buckets: bool = False) -> FunnelLine:
    funnel, steps = asked.funnel, len(asked.funnel.steps)
    counts = np.cumsum(rows.levels(steps)[::-1])[::-1][1:].tolist()
    cell = {**({"group": group} if group else {}), **({"period": period} if period else {})}
    stages = []
    for place, count in enumerate(counts):
        since_previous = since_first = None
        if place and count and funnel.with_times:
            came = rows.level > place
            now, before, begun = (rows.at[one, came] for one in (place, place - 1, 0))
            longest = _longest(funnel, place + 1) if buckets else None
            since_previous = durations(now - before, longest)
            since_first = durations(now - begun, funnel.window_ms if buckets else None)
        stages.append(
            FunnelStage(
                count,
                count - counts[place + 1] if place + 1 < steps else 0,
                count / counts[0] if counts[0] else 0.0,
                count / counts[max(place - 1, 0)] if counts[max(place - 1, 0)] else 0.0,
                since_previous,
                since_first,
                {"step": str(place + 1), **cell},
            )
        )
    return FunnelLine(group, period, _complete(asked, rows, period), tuple(stages))


def _complete(asked: _Asked, rows: _Rows, period: str) -> bool:
    """Whether all attempts have had the whole window."""
    if rows.periods is None or not period:
        return True
    end = int(rows.periods.begins[period_named(rows.periods, period) + 1])
    return end - 1 + asked.funnel.window_ms <= asked.scope.until_ms


def _longest(funnel: Funnel, step: int) -> int:
    """The most that can lie between a step (from 1) and the one before."""
    within = funnel.steps[step - 1].within_ms
    return funnel.window_ms if within is None else min(within, funnel.window_ms)
