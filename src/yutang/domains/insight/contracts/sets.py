"""What crosses the door: the customers behind a figure.

A set is named by exactly one question and the cell of one of its figures. It can be listed, compared with another,
and saved; none of these knows what the question was about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.counts import CountQuestion
from yutang.domains.insight.contracts.flow import FlowQuestion
from yutang.domains.insight.contracts.funnel import FunnelQuestion
from yutang.domains.insight.contracts.paths import PathsQuestion
from yutang.domains.insight.contracts.recency import RecencyQuestion
from yutang.domains.insight.contracts.repurchase import RepurchaseQuestion
from yutang.domains.insight.contracts.retention import RetentionQuestion
from yutang.domains.insight.contracts.rfm import RfmQuestion
from yutang.domains.insight.contracts.series import SeriesQuestion
from yutang.domains.insight.contracts.stickiness import StickinessQuestion
from yutang.domains.insight.contracts.value import ValueQuestion


@dataclass(frozen=True, slots=True)
class ConditionQuestion:
    """Who satisfies a condition at the scope's `as_of`. It has one figure, with an empty cell.

    known_at: as was known at that instant, by what the change feed had said: of a membership in a label alone
    (`in(aipl, "P")`), since nothing else is remembered; "" for as is known now.
    """

    condition: str
    scope: Scope = field(default_factory=Scope)
    known_at: str = ""


@dataclass(frozen=True, slots=True)
class SetOf:
    """The customers behind one figure: exactly one question (a field for each kind) and the figure's cell."""

    condition: ConditionQuestion | None = None
    flow: FlowQuestion | None = None
    series: SeriesQuestion | None = None
    retention: RetentionQuestion | None = None
    count: CountQuestion | None = None
    compare: CompareQuestion | None = None
    funnel: FunnelQuestion | None = None
    paths: PathsQuestion | None = None
    stickiness: StickinessQuestion | None = None
    repurchase: RepurchaseQuestion | None = None
    recency: RecencyQuestion | None = None
    value: ValueQuestion | None = None
    rfm: RfmQuestion | None = None
    cell: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CustomersQuestion:
    """A page of a set. cursor: `next` of the page before, "" for the first. limit: how many at most, 0 for none."""

    set: SetOf
    cursor: str = ""
    limit: int = 100


@dataclass(frozen=True, slots=True)
class CustomersAnswer:
    """A set's size, out of how many customers it was drawn (who counts at the question's instant), and a page of it.

    customers: public ids, in an order that stays while nobody is merged. next: the cursor of the page after, "" at
    the end.
    """

    size: int
    population: int
    customers: tuple[str, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class SaveQuestion:
    """Keep who is in a set now as the segment `name`. Saving by the same name again replaces who is in it."""

    set: SetOf
    name: str
    title_zh: str = ""
    title_en: str = ""


@dataclass(frozen=True, slots=True)
class SaveAnswer:
    """size: who is in the segment now. added, removed: by this; nothing if it was asked for twice."""

    name: str
    size: int
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Difference:
    """How often two sets have a value. by: `label.NAME` or `trait.NAME`. a, b: customers; share_a, share_b: of each.

    lift: share_a / share_b, of a half more customers each so that it is always a number. weight: (share_a - share_b) *
    ln(lift), the value's part in the population stability index of the two sets.
    """

    by: str
    value: str
    a: int
    b: int
    share_a: float
    share_b: float
    lift: float
    weight: float


@dataclass(frozen=True, slots=True)
class CompareQuestion:
    """Two sets. as_of: when labels and traits are looked at, "" for the later of the two sets' own. limit: how many
    differences to show. scope: not looked at; each set has its own.

    Cells: `part` (a, b, both, only_a, only_b, either), and `by` with `value` as a difference has them.
    """

    a: SetOf
    b: SetOf
    as_of: str = ""
    limit: int = 20
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class CompareAnswer:
    """Sizes, and by what the sets differ: the greatest weight first."""

    as_of: str
    a: int
    b: int
    both: int
    only_a: int
    only_b: int
    population: int
    differences: tuple[Difference, ...]
