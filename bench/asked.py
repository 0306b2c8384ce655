"""What is asked in the comparison: the same questions in everybody's words, and answers in one form.

An answer is plain JSON (lists of numbers in a fixed order), so that those of systems in other processes are equal or
not. What a question is for us, `bench.ours` says; peers get a trial of `bench.peers` or of the product's own peers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from bench import world as made
from bench.conditions import Condition, conditions
from bench.peers.trials import FlowTrial, Peer
from yutang.domains.insight.contracts.bench import FunnelTrial, RetentionTrial, RfmTrial, SegmentTrial
from yutang.kernel.instants import DAY_MS

FUNNEL = (made.PRODUCT, made.CART, made.ORDER, made.REVIEW)
WINDOW_DAYS, WEEKS, FLOW_DAYS = 7, 12, 30
SEGMENT = "count(product_viewed, 30d) >= 3 and never(order_paid, 90d) and sum(order_paid.amount) > 500"
COMPARED = ("funnel", "retention", "flow", "segment", "segments_200", "rfm")
# The Monday in whose week the year begins, in Shanghai; nothing happened before.
FIRST_WEEK_MS = made.END_MS - (made.DAYS + made.BEGIN_WEEKDAY) * DAY_MS
BEFORE_MS = made.END_MS - FLOW_DAYS * DAY_MS
Answer = list[Any]
Place = TypeVar("Place", bound=tuple[int, ...])


def listed(found: Mapping[Place, int]) -> Answer:
    """Figures by their coordinates, none left out, in order."""
    return [[*place, count] for place, count in sorted(found.items()) if count]


def for_peers() -> list[Condition]:
    """Those of the two hundred that somebody else can be asked."""
    return [one for one in conditions(made.END_MS) if one.peers is not None]


def trials(peer: Peer) -> dict[str, Callable[[], Answer]]:
    """What a peer is asked, by the question's name."""
    end = made.END_MS
    tests = [one.peers for one in for_peers() if one.peers is not None and peer.says(one.peers)]
    return {
        "funnel": lambda: list(peer.funnel(FunnelTrial(FUNNEL, WINDOW_DAYS * DAY_MS))),
        "retention": lambda: listed(peer.retention(RetentionTrial(FIRST_WEEK_MS, 7 * DAY_MS, WEEKS))),
        "flow": lambda: listed(peer.flow(FlowTrial(BEFORE_MS, end))),
        "segment": lambda: list(peer.segment(
            SegmentTrial(made.PRODUCT, 3, end - 30 * DAY_MS, made.ORDER, end - 90 * DAY_MS, 500_00)
        )),
        "segments_200": lambda: [list(one) for one in peer.segments(tests)],
        "rfm": lambda: listed(peer.rfm(RfmTrial(made.ORDER, end - 365 * DAY_MS))),
    }  # fmt: skip
