"""The figures of an answer with their cells, as the contracts say: what a set behind a figure must be as large as."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Figure = tuple[dict[str, str], int]


def figures(kind: str, question: Any, answer: Any) -> Iterator[Figure]:
    """(cell, customers) of every figure that counts customers once each."""
    yield from _FIGURES[kind](question, answer)


def _at(**coordinates: object) -> dict[str, str]:
    """A cell without the coordinates that stand for all."""
    return {name.rstrip("_"): str(value) for name, value in coordinates.items() if value not in ("", None)}


def _flow(question: Any, answer: Any) -> Iterator[Figure]:
    for period, flows in (("", answer.flows), *((one.name, one.flows) for one in answer.periods)):
        for group, flow in flows.items():
            for value, count in flow.stock.items():
                yield _at(to=value, group=group, period=period), count
            if not question.scope.since:
                continue
            for value, count in flow.inflow.items():
                yield _at(from_=f"!{value}", to=value, group=group, period=period), count
            for value, count in flow.outflow.items():
                yield _at(from_=value, to=f"!{value}", group=group, period=period), count
            for move, count in flow.moves.items():
                yield _at(move=move, group=group, period=period), count
            for before, row in flow.matrix.items():
                for after, count in row.items():
                    yield _at(from_=before, to=after, group=group, period=period), count


def _series(_question: Any, answer: Any) -> Iterator[Figure]:
    for period in answer.periods:
        for group, point in period.points.items():
            for figure in ("size", "entered", "left"):
                yield _at(period=period.name, group=group, figure=figure), getattr(point, figure)


def _retention(question: Any, answer: Any) -> Iterator[Figure]:
    for row in answer.rows:
        if question.beginning == "any" and not row.cohort:
            continue  # customers count in each of their cohorts
        yield _at(cohort=row.cohort, group=row.group), row.size
        for line in row.returned:
            for period, cell in enumerate(line.cells):
                place = _at(cohort=row.cohort, group=row.group, period=period, returns=line.returns)
                yield place, cell.customers
                yield {**place, "came": "no"}, cell.of - cell.customers


def _count(question: Any, answer: Any) -> Iterator[Figure]:
    for row in answer.rows if question.measure == "customers" else ():
        yield _at(group=row.group), row.total.value
        for period, figure in zip(answer.periods, row.figures, strict=True):
            yield _at(group=row.group, period=period), figure.value


def _stickiness(_question: Any, answer: Any) -> Iterator[Figure]:
    for row in answer.rows:
        for day in row.days:
            for window, count in ((1, day.daily), (7, day.weekly), (30, day.monthly)):
                yield _at(day=day.day, window=window, group=row.group), count
        for days, count in enumerate(row.active_days, start=1):
            yield _at(active_days=days, group=row.group), count


def _repurchase(_question: Any, answer: Any) -> Iterator[Figure]:
    for row in answer.rows:
        for cohort in row.cohorts:
            yield _at(cohort=cohort.cohort, group=row.group), cohort.buyers
            for figure in cohort.again:
                place = _at(cohort=cohort.cohort, group=row.group, order=figure.order)
                yield place, figure.customers
                yield {**place, "came": "no"}, figure.of - figure.customers
        for one in row.next:
            yield _at(after=one.after, group=row.group), one.customers
            yield _at(after=one.after, group=row.group, came="no"), one.of - one.customers


def _recency(_question: Any, answer: Any) -> Iterator[Figure]:
    for row in answer.rows:
        for axis in ("days", "times"):
            for bucket in getattr(row, axis):
                yield _at(**{axis: bucket.range, "group": row.group}), bucket.customers
        yield _at(never="yes", group=row.group), row.never


def _value(_question: Any, answer: Any) -> Iterator[Figure]:
    for row in answer.rows:
        yield _at(cohort=row.cohort, group=row.group), row.size
        for period, cell in enumerate(row.cells):
            yield _at(cohort=row.cohort, group=row.group, period=period), cell.payers


def _rfm(_question: Any, answer: Any) -> Iterator[Figure]:
    for row in answer.rows:
        yield _at(group=row.group), row.customers
        for cell in row.cells:
            place = {axis: getattr(cell, axis) for axis in ("recency", "frequency", "monetary")}
            yield _at(**place, group=row.group), cell.customers
        for segment in row.segments:
            yield _at(segment=segment.segment, group=row.group), segment.customers


def _funnel(_question: Any, answer: Any) -> Iterator[Figure]:
    for line in (answer.whole, *answer.groups, *answer.periods, *answer.grid):
        for stage in line.stages:
            yield dict(stage.cell), stage.customers
            yield {**stage.cell, "figure": "dropped"}, stage.dropped
            for bucket in stage.since_previous.buckets if stage.since_previous else ():
                yield {**stage.cell, "bucket": bucket.upto}, bucket.customers


def _paths(_question: Any, answer: Any) -> Iterator[Figure]:
    for one in (*answer.nodes, *answer.links, *answer.tree):
        yield dict(one.cell), one.customers


def _compare(_question: Any, answer: Any) -> Iterator[Figure]:
    for part in ("a", "b", "both", "only_a", "only_b"):
        yield {"part": part}, getattr(answer, part)
    for one in answer.differences:
        for part in ("a", "b"):
            yield {"part": part, "by": one.by, "value": one.value}, getattr(one, part)


_FIGURES: Mapping[str, Callable[[Any, Any], Iterator[Figure]]] = {
    "compare": _compare,
    "count": _count,
    "flow": _flow,
    "funnel": _funnel,
    "paths": _paths,
    "recency": _recency,
    "repurchase": _repurchase,
    "retention": _retention,
    "rfm": _rfm,
    "series": _series,
    "stickiness": _stickiness,
    "value": _value,
}
