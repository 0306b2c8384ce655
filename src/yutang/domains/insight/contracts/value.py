"""What crosses the door: lifetime value by cohort."""

from __future__ import annotations

from dataclasses import dataclass, field

from yutang.domains.insight.contracts.asking import Asked, Scope
from yutang.domains.insight.contracts.figures import Amount


@dataclass(frozen=True, slots=True)
class ValueQuestion:
    """What customers have paid by now, by the periods since they began.

    events, property: what is paid. net: refunds (order_refunded) are taken off. begin: first_event (of the set) or
    first_seen (the customer's first event of any kind). per: day, week, month, year. periods: how many are shown, the
    beginning's own (0) among them. The range of beginnings starts at the scope's `since`; without it as many periods
    back as are shown.
    """

    events: str = "order_paid"
    property: str = "amount"
    net: bool = False
    begin: str = "first_event"
    per: str = "month"
    periods: int = 12
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class ValueCell:
    """What the cohort has paid from its beginning to the end of the period, in all and for each customer of it (rounded
    to the smallest unit); and how many of them paid anything. complete: the period is over for all of them."""

    total: Amount
    each: Amount | None
    payers: int
    complete: bool


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A cohort by the first day of its period; "" for all of a group, where a cell is of those cohorts for which the
    period is over (`of` says how many customers). group: "" without a breakdown."""

    cohort: str
    group: str
    size: int
    cells: tuple[ValueCell, ...]
    of: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ValueAnswer:
    """Cells of figures: `cohort` and `group` as in the row, left out for all; `period`, for those who had paid by its
    end; without it the customers of the cohort."""

    asked: Asked
    events: str
    title: str
    net: bool
    begin: str
    per: str
    rows: tuple[ValueRow, ...]
