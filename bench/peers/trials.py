"""What the made world's peers are asked besides, and AIPL in codes of its types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench import world as made
from bench.conditions import FRIEND_ADDED, FRIEND_REMOVED
from bench.peers.tests import Test
from yutang.domains.insight.contracts.bench import (
    FunnelFound,
    FunnelTrial,
    RetentionFound,
    RetentionTrial,
    RfmFound,
    RfmTrial,
    SegmentFound,
    SegmentTrial,
)
from yutang.kernel.instants import DAY_MS

# The built-in ladder `aipl`: which types bear its marks. A search bears one or the other, by its target (in the column
# of categories: 0 a category, 1 the brand).
INTEREST = (
    made.PRODUCT, made.CART, made.MESSAGE, made.LIKE, made.COUPON, made.SHARE, made.REVIEW, FRIEND_ADDED,
)  # fmt: skip
AWARENESS = (made.PAGE, made.AD)
SHORT_MS, LONG_MS, ORDER_MS = 15 * DAY_MS, 365 * DAY_MS, 730 * DAY_MS
STAGES = ("absent", "none", "A", "I", "P", "L")  # by code, from -1 on
ENDED, BEGUN = FRIEND_REMOVED, FRIEND_ADDED


@dataclass(frozen=True)
class FlowTrial:
    """Who stood where in AIPL at the first instant, and where at the second; of those who count at the second."""

    before: int
    after: int


FlowFound = Mapping[tuple[int, int], int]  # codes of stages → customers


class Peer(Protocol):
    """A peer with the made world's files loaded."""

    name: str
    version: str

    def load(self, events: Path) -> None: ...

    def load_states(self, states: Path) -> None: ...

    def funnel(self, asked: FunnelTrial) -> FunnelFound: ...

    def retention(self, asked: RetentionTrial) -> RetentionFound: ...

    def segment(self, asked: SegmentTrial) -> SegmentFound: ...

    def rfm(self, asked: RfmTrial) -> RfmFound: ...

    def flow(self, asked: FlowTrial) -> FlowFound: ...

    def segments(self, tests: Sequence[Test]) -> list[SegmentFound]: ...

    def says(self, test: Test) -> bool: ...

    def close(self) -> None: ...


def funnels_in(test: Test) -> bool:
    """Whether a test asks for an order of events, for which only ClickHouse has an aggregate."""
    from bench.peers.tests import aggregates

    return any(one.kind == "funnel" for one in aggregates(test))
