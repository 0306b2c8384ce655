"""What crosses the door: retention."""

from __future__ import annotations

from dataclasses import dataclass, field

from yutang.domains.insight.contracts.asking import Asked, Scope


@dataclass(frozen=True, slots=True)
class RetentionQuestion:
    """Of those who begin in a period, how many come back in the ones after it.

    begin, returns: sets of events; without returns, to begin again is to come back. per: day, week, month, year of the
    calendar, or days counted from each customer's own beginning (`7d`). periods: how many are shown, the beginning's
    own (0) among them. beginning: first_ever (the customer's first event of the set, if it lies in the range), first
    (the first one in the range), any (the first one in each period). cohorts: by which calendar period beginnings are
    gathered, where `per` is in days; "" for month. later: who comes back in a later period counts as well. The range
    begins at the scope's `since`; without it there are as many cohorts as periods.
    """

    begin: str
    returns: tuple[str, ...] = ()
    per: str = "week"
    periods: int = 12
    beginning: str = "first_ever"
    cohorts: str = ""
    later: bool = False
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class RetentionCell:
    """How many came back, of how many. complete: the period is over for all of them. share: None of nobody."""

    customers: int
    of: int
    share: float | None
    complete: bool


@dataclass(frozen=True, slots=True)
class RetentionLine:
    """By one set of events (its number from 1, or `any` of several): a cell for each period that has begun."""

    returns: str
    cells: tuple[RetentionCell, ...]


@dataclass(frozen=True, slots=True)
class RetentionRow:
    """A cohort, named by the first day of its period; "" for all cohorts of a group together, where only complete
    periods count: the average, weighted by size. group: "" without a breakdown."""

    cohort: str
    group: str
    size: int
    returned: tuple[RetentionLine, ...]


@dataclass(frozen=True, slots=True)
class RetentionAnswer:
    """Cells of figures: `cohort` and `group` as in the row, left out for all; `period` from 0 on (left out: the cohort
    itself) and `returns` as in the line; `came` = `no` for those who didn't come back. With beginnings of any kind a
    customer may be in several cohorts, and counts in each. title, return_titles: of `begin` and `returns`, in words."""

    asked: Asked
    begin: str
    title: str
    returns: tuple[str, ...]
    return_titles: tuple[str, ...]
    per: str
    beginning: str
    later: bool
    rows: tuple[RetentionRow, ...]
