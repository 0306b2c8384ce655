"""What crosses the door: the report, and SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """as_of: an instant, "" for pool time. since: an earlier instant from which flows are counted, or ""."""

    as_of: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """Money as the API says it: minor units of a currency."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Report:
    """The pool at an instant.

    customers: with an event at or before it. events: by type, state events left out. revenue: gross sum of
    order_paid.amount. stages, tiers, tags: label → value → customers, absent values as 0,
    `none` for the rest. rfm_taken_at: the midnight of the RFM snapshot. aipl_flow: from → to → everyone in at
    the instant (`absent`: no event by `since`); empty without `since`. titles: what the names mean, in the reader's
    language: of event types and labels by name, of a label's values as `label.value`.
    """

    as_of: str
    since: str
    currency: str
    zone: str
    customers: int
    events: Mapping[str, int]
    revenue: Amount
    stages: Mapping[str, Mapping[str, int]]
    tiers: Mapping[str, Mapping[str, int]]
    tags: Mapping[str, Mapping[str, int]]
    rfm_taken_at: str
    aipl_flow: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SqlQuestion:
    """Read-only SQL, and how many rows to answer at most."""

    text: str
    rows_max: int = 1_000


@dataclass(frozen=True, slots=True)
class SqlAnswer:
    """A table of texts and numbers; instants and decimals as text. more: rows were cut."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    more: bool
