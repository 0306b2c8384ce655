"""What crosses the door: how many satisfied a condition, over time.

Cells: `period` (its `name`; without it: from just before `since` to `as_of`), `group`, and `figure`: size (who is in at
the end; also without one), entered, left, stayed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from yutang.domains.insight.contracts.asking import Asked, Scope


@dataclass(frozen=True, slots=True)
class SeriesQuestion:
    """How many satisfy a condition at the end of each period from the scope's `since` to its `as_of`.

    per: day, week, month or year. The value of a label is a condition too: `in(aipl, "I")`.
    """

    condition: str
    per: str = "day"
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class Point:
    """size: at the period's end. entered, left: who was in or out at its end and wasn't at its begin.

    So size is the size before, more those who entered, less those who left.
    """

    size: int
    entered: int
    left: int


@dataclass(frozen=True, slots=True)
class SeriesPeriod:
    """name: the first day of the whole period. points: by group, "" for everybody.

    begin, end: just before its first instant, and its last one; who entered or left did so in (begin, end].
    """

    name: str
    begin: str
    end: str
    points: Mapping[str, Point]


@dataclass(frozen=True, slots=True)
class SeriesAnswer:
    """condition, sentence: as understood. before: the size just before `since`, by group."""

    asked: Asked
    condition: str
    sentence: str
    before: Mapping[str, int]
    periods: tuple[SeriesPeriod, ...]
