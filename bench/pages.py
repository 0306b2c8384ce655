"""Customers' pages of a service, asked one after the other as an operator opens them."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Mapping, Sequence

import httpx

PAGES_ASKED = 600
PARTS = ("", "/labels", "/timeline")


def pages(
    url: str, customers: int, seed: int, headers: Mapping[str, str] | None = None
) -> dict[str, tuple[float, float, float]]:  # fmt: skip
    """(p50, p99, most) in ms of each part of random customers' pages."""
    dice = random.Random(seed)
    found: dict[str, tuple[float, float, float]] = {}
    with httpx.Client(base_url=url, headers=dict(headers or {}), timeout=600) as client:
        for part in PARTS:
            client.get(f"/v1/customers/member_no:M0000000{part}").raise_for_status()
        for part in PARTS:
            taken_ms = []
            for _ in range(PAGES_ASKED):
                customer = dice.randrange(customers)
                began = time.perf_counter()
                client.get(f"/v1/customers/member_no:M{customer:07d}{part}").raise_for_status()
                taken_ms.append((time.perf_counter() - began) * 1_000)
            found[part or "/"] = summary(taken_ms)
    return found


def summary(taken_ms: Sequence[float]) -> tuple[float, float, float]:
    """(p50, p99, most)."""
    ordered = sorted(taken_ms)
    return statistics.median(ordered), ordered[int(len(ordered) * 0.99)], ordered[-1]
