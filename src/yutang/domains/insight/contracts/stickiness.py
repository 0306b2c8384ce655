"""What crosses the door: stickiness."""

from __future__ import annotations

from dataclasses import dataclass, field

from yutang.domains.insight.contracts.asking import Asked, Scope


@dataclass(frozen=True, slots=True)
class StickinessQuestion:
    """How many are active on a day, in the seven days that end with it, and in the thirty; and how often they come.

    events: what makes active. days: how many are shown, up to the scope's `as_of`; with `since` all from then on.
    """

    events: str = "#visit"
    days: int = 30
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class StickinessDay:
    """Different customers active on the day (DAU), in seven days (WAU), in thirty (MAU), and their ratios."""

    day: str
    daily: int
    weekly: int
    monthly: int
    daily_of_weekly: float | None
    daily_of_monthly: float | None
    weekly_of_monthly: float | None
    complete: bool


@dataclass(frozen=True, slots=True)
class StickinessRow:
    """A group, "" for everybody. active_days: how many came on 1, 2, … 30 of the last thirty days.

    average_days: of those who came at all. stickiness: mean of DAU / MAU over the days that are over.
    """

    group: str
    days: tuple[StickinessDay, ...]
    active_days: tuple[int, ...]
    average_days: float | None
    stickiness: float | None


@dataclass(frozen=True, slots=True)
class StickinessAnswer:
    """The last row is everybody. Cells of figures: `day` with `window` (1, 7 or 30), or `active_days`; `group`."""

    asked: Asked
    events: str
    title: str
    rows: tuple[StickinessRow, ...]
