"""Series: how many satisfied a condition, over time, and who entered and left it in each period."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from yutang.conditions.grammar import parse
from yutang.conditions.nodes import Test
from yutang.conditions.sentences import sentence
from yutang.conditions.text import to_text
from yutang.domains.insight.api.asking import Scoped, said_in, scoped
from yutang.domains.insight.api.courses import EVERYBODY, Course, course_of_test, period_in, periods_asked
from yutang.domains.insight.api.ranges import name_in, only_known
from yutang.domains.insight.contracts.asking import Cell
from yutang.domains.insight.contracts.series import Point, SeriesAnswer, SeriesPeriod, SeriesQuestion
from yutang.kernel.instants import BEGINNING, instant_text
from yutang.runtime.desk import Desk
from yutang.timeline.steps import Flags, Ints

IN = 0  # the state of who satisfies the condition
FIGURES = ("size", "entered", "left", "stayed")


def series(desk: Desk, question: SeriesQuestion) -> SeriesAnswer:
    """Raises ConditionError for the condition, InvalidError for a period, and as `scoped`."""
    asked = scoped(desk, question.scope)
    test = _condition(question, asked)
    course = course_of_test(desk, asked, test)
    periods = periods_asked(asked, question.per or "day")
    tables = course.tables(periods)
    before, moved = tables.before[:, :, IN], tables.moved
    entered = moved[:, :, :, IN].sum(axis=2) - moved[:, :, IN, IN]
    left = before - moved[:, :, IN, IN]
    points = [_points(course, *one) for one in zip(before, entered, left, strict=True)]
    return SeriesAnswer(
        asked.asked,
        to_text(test, asked.vocabulary),
        sentence(test, asked.vocabulary, desk.settings.language),
        _by_group(course, before[0]),
        tuple(
            SeriesPeriod(one.name, instant_text(one.begin), instant_text(one.end), found)
            for one, found in zip(periods, points, strict=True)
        ),
    )


def members(desk: Desk, question: SeriesQuestion, cell: Cell) -> Ints:
    """The customers behind a cell (see `contracts.series`), by their heads, ascending. Raises InvalidError."""
    asked = scoped(desk, question.scope)
    course = course_of_test(desk, asked, _condition(question, asked))
    only_known(cell, "period", "figure", "group")
    figure = FIGURES[name_in(cell, "figure", FIGURES)] if cell.get("figure", "") else FIGURES[0]
    period = period_in(cell, periods_asked(asked, question.per or "day")) if cell.get("period", "") else None
    if period is not None:
        begin, end = period.begin, period.end
    else:
        begin, end = max(asked.since_ms, BEGINNING + 1) - 1, asked.until_ms
    before, after = course.states(begin, end)
    was, is_in = before == IN, after == IN
    wanted: Flags = {"size": is_in, "entered": is_in & ~was, "left": was & ~is_in, "stayed": was & is_in}[figure]
    return asked.everyone.heads[wanted & course.behind(cell)]


def _condition(question: SeriesQuestion, asked: Scoped) -> Test:
    with said_in("condition"):
        return parse(question.condition, asked.vocabulary)


def _points(course: Course, before: Ints, entered: Ints, left: Ints) -> Mapping[str, Point]:
    sizes, came, went = (_by_group(course, one) for one in (before + entered - left, entered, left))
    return {group: Point(size, came[group], went[group]) for group, size in sizes.items()}


def _by_group(course: Course, counts: Ints) -> dict[str, int]:
    found = {EVERYBODY: int(np.sum(counts))}
    if course.names != (EVERYBODY,):
        found |= dict(zip(course.names, counts.tolist(), strict=True))
    return found
