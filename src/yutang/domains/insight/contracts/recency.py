"""What crosses the door: how long ago, and how often."""

from __future__ import annotations

from dataclasses import dataclass, field

from yutang.domains.insight.contracts.asking import Asked, Scope


@dataclass(frozen=True, slots=True)
class RecencyQuestion:
    """How long ago the last event of a set was at the scope's `as_of`, and how many there were since `since`."""

    events: str = "#visit"
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class RecencyBucket:
    """A range of whole numbers (`8-14`, `366+`), and how many customers fall into it."""

    range: str
    customers: int


@dataclass(frozen=True, slots=True)
class RecencyRow:
    """A group, "" for everybody. days: since the last event (0: less than a day). times: how many events.

    never: customers without any. median_days, median_times: of the others.
    """

    group: str
    days: tuple[RecencyBucket, ...]
    times: tuple[RecencyBucket, ...]
    never: int
    median_days: float | None
    median_times: float | None


@dataclass(frozen=True, slots=True)
class RecencyAnswer:
    """The last row is everybody. Cells of figures: `days` or `times` with a range, or `never` = `yes`; `group`."""

    asked: Asked
    events: str
    title: str
    rows: tuple[RecencyRow, ...]
