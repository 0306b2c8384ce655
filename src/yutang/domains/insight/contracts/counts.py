"""What crosses the door: counts and sums by period."""

from __future__ import annotations

from dataclasses import dataclass, field

from yutang.domains.insight.contracts.asking import Asked, Scope
from yutang.domains.insight.contracts.figures import Amount


@dataclass(frozen=True, slots=True)
class CountQuestion:
    """How many, or how much, by period and in the whole range.

    measure: customers (different ones), events, or of a property of theirs `sum:amount`, `average:amount`,
    `min:amount`, `max:amount`, `distinct:product`; events of which it isn't known don't count then. per: day, week,
    month, year. share: of customers, as a share of all who had any event in the period. The range begins at the
    scope's `since`; without it with the first event. By `.PROPERTY`, each event stands in the group of its own value.
    """

    events: str
    measure: str = "events"
    per: str = "month"
    share: bool = False
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class CountFigure:
    """A number, or an amount in its place (an average is rounded to the smallest unit); None of nothing.

    share: of all who were active, None if it wasn't asked for.
    """

    value: int | float | None = None
    amount: Amount | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class CountRow:
    """A group ("" without a breakdown): a figure for each period, and one for the whole range."""

    group: str
    figures: tuple[CountFigure, ...]
    total: CountFigure


@dataclass(frozen=True, slots=True)
class CountAnswer:
    """periods: their first days. complete: whether each is over, and in the range from its beginning.

    The last row (group "") is everybody. Cells of figures: `period` and `group`, each left out for all. The set behind
    one: who has an event that counts. title: of the events, measure_title: of the measure's property, in words.
    """

    asked: Asked
    events: str
    title: str
    measure: str
    measure_title: str
    per: str
    periods: tuple[str, ...]
    complete: tuple[bool, ...]
    rows: tuple[CountRow, ...]
