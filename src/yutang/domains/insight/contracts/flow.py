"""What crosses the door: stage flow.

Cells: any of `from` and `to` (a value, `none`, `absent`; `!I`: any but I), `move` (came, rose, stayed, fell, left),
`group`, and `period` (its `name`; without it: from `since` to `as_of`). What a cell doesn't name may be anything, so
`{"to": "I"}` is the stock of I at the end and `{"from": "!I", "to": "I"}` its inflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from yutang.domains.insight.contracts.asking import Asked, Scope


@dataclass(frozen=True, slots=True)
class FlowQuestion:
    """Who moved from where to where in a ladder, between the scope's `since` and `as_of`; without `since`: who stands
    where at `as_of`.

    label: of stages, tiers, or any other. per: day, week, month or year for a series, "" for none. order: the values
    from the highest down, where that isn't the label's own order; values that aren't named follow.
    """

    label: str
    per: str = ""
    order: tuple[str, ...] = ()
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class Flow:
    """What became of some customers between two instants.

    stock: value → customers at the end, `none` among the values. before: at the begin, `absent` too. inflow, outflow:
    value → who came to it and went from it. matrix: from → to → customers, pairs that nobody went left out. conversion:
    from → to → share of who stood at `from`, of those who moved. moves: came (had no event before), rose, stayed, fell,
    left (to none) → customers; they add up to everybody.
    """

    stock: Mapping[str, int]
    before: Mapping[str, int]
    inflow: Mapping[str, int]
    outflow: Mapping[str, int]
    matrix: Mapping[str, Mapping[str, int]]
    conversion: Mapping[str, Mapping[str, float]]
    moves: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FlowPeriod:
    """A period of a series. name: the first day of the whole period. flows: by group, "" for everybody.

    begin, end: just before its first instant, and its last one; what changed in (begin, end] is the period's.
    """

    name: str
    begin: str
    end: str
    flows: Mapping[str, Flow]


@dataclass(frozen=True, slots=True)
class FlowAnswer:
    """values: from the highest down; titles: what they mean, in the reader's language. flows: by group, "" for
    everybody; without `since` nobody moved. periods: of a series."""

    asked: Asked
    label: str
    title: str
    values: tuple[str, ...]
    titles: Mapping[str, str]
    flows: Mapping[str, Flow]
    periods: tuple[FlowPeriod, ...] = ()
