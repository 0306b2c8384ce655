"""What crosses the door: RFM."""

from __future__ import annotations

from dataclasses import dataclass, field

from yutang.domains.insight.contracts.asking import Asked, Scope
from yutang.domains.insight.contracts.figures import Amount


@dataclass(frozen=True, slots=True)
class RfmQuestion:
    """Those whom the scope is about and who bought in the span before `as_of`, by quintiles among themselves.

    events, property: the orders, and what is paid. within: the span. recency: the last order; frequency: how many;
    monetary: how much. 5 is best; quintile = 1 + floor(5 x those strictly worse / all), so ties share. At a midnight of
    the pool's zone, and with the defaults, these are the built-in labels rfm_recency, rfm_frequency, rfm_monetary.
    """

    events: str = "order_paid"
    property: str = "amount"
    within: str = "365d"
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class RfmCell:
    """Customers of one triple, and what they paid in the span."""

    recency: int
    frequency: int
    monetary: int
    customers: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class RfmSegment:
    """One of eight: recency, frequency and monetary each high (4 or 5) or not. key_…: monetary is high.

    value: recent and frequent. develop: recent, not frequent. keep: frequent, not recent. win_back: neither.
    """

    segment: str
    customers: int
    amount: Amount


@dataclass(frozen=True, slots=True)
class RfmRow:
    """A group, "" for everybody; quintiles are of everybody. cells: those that have customers."""

    group: str
    customers: int
    amount: Amount
    cells: tuple[RfmCell, ...]
    segments: tuple[RfmSegment, ...]


@dataclass(frozen=True, slots=True)
class RfmAnswer:
    """The last row is everybody. Cells of figures: any of `recency`, `frequency`, `monetary` (1 to 5), or `segment`;
    `group`."""

    asked: Asked
    events: str
    title: str
    within: str
    rows: tuple[RfmRow, ...]
