"""What crosses the door: repurchase."""

from __future__ import annotations

from dataclasses import dataclass, field

from yutang.domains.insight.contracts.asking import Asked, Scope


@dataclass(frozen=True, slots=True)
class RepurchaseQuestion:
    """How many buy again, how soon, and how often.

    events: the orders. within: how soon the next must follow (`90d`). orders: up to which one is looked at. per: the
    period of cohorts, by the customer's first order ever. The range begins at the scope's `since`; without it twelve
    periods back.
    """

    events: str = "order_paid"
    within: str = "90d"
    orders: int = 5
    per: str = "month"
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class RepurchaseFigure:
    """Of so many customers who had the time, how many had the order; None of nobody. order: its number."""

    order: int
    customers: int
    of: int
    share: float | None


@dataclass(frozen=True, slots=True)
class RepurchaseCohort:
    """Those whose first order lies in the period ("": in the range). again: the 2nd, 3rd … order within the span
    from the first. Who bought too recently to have had the time is among `buyers`, and in no share."""

    cohort: str
    buyers: int
    again: tuple[RepurchaseFigure, ...]


@dataclass(frozen=True, slots=True)
class RepurchaseNext:
    """The next-order curve: of those with an order of this number, how many had the next within the span from it.

    median_days: between the two, of all who had both, however late.
    """

    after: int
    customers: int
    of: int
    share: float | None
    median_days: float | None


@dataclass(frozen=True, slots=True)
class RepurchaseInterval:
    """How many times so many days (whole ones; `8-14`) lay between two orders of a customer."""

    days: str
    count: int


@dataclass(frozen=True, slots=True)
class RepurchaseRow:
    """A group, "" for everybody. cohorts: the last one is all of them. median_days: between two orders."""

    group: str
    cohorts: tuple[RepurchaseCohort, ...]
    next: tuple[RepurchaseNext, ...]
    intervals: tuple[RepurchaseInterval, ...]
    median_days: float | None


@dataclass(frozen=True, slots=True)
class RepurchaseAnswer:
    """The last row is everybody. Cells of figures, each with `group` or without: `cohort` (left out: all) with `order`
    (left out: the buyers); `after`, of the curve; `interval`. `came` = `no`: those who had the time and didn't."""

    asked: Asked
    events: str
    title: str
    within: str
    per: str
    rows: tuple[RepurchaseRow, ...]
