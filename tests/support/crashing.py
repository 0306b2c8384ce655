"""An import that is killed: its file, its settings, and what the pool says once it has been started again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.commands import caller, fingerprint, import_rest

# Small, so that it flushes ten times and compacts.
SETTINGS = {"flush_rows": 80, "part_events": 50, "zone": "UTC", "currency": "USD"}
NOW = "2024-07-01T00:00:00Z"
EVENTS = 1_000


def events(seed: int) -> list[dict[str, object]]:
    """A stream with people of several identities, repeats, changes under the same id, late ones."""
    dice = random.Random(seed)
    found: list[dict[str, object]] = []
    for number in range(EVENTS):
        person = dice.randrange(60)
        names: dict[str, object] = {"member_no": str(person)}
        if dice.random() < 0.3:
            names = {"phone": f"+8613800{person // 2:06d}"}
        elif dice.random() < 0.3:
            names["phone"] = f"+8613800{person // 2:06d}"
        kind = dice.choice(["order_paid", "product_viewed", "search", "followed", "unfollowed", "coupon_redeemed"])
        properties = {
            "order_paid": {"amount": f"{dice.randrange(1, 90_000) / 100:.2f}"},
            "search": {"target": dice.choice(["brand", "category"])},
        }.get(kind, {})
        at = 1_700_000_000_000 + dice.randrange(200) * 86_400_000 + dice.randrange(86_400_000)
        found.append({"id": f"e{number}", "type": kind, "at": at, "identities": names, "properties": properties})
        if dice.random() < 0.05:
            found.append({**dice.choice(found)})
        if dice.random() < 0.02:
            found.append({**dice.choice(found), "properties": {"page": "changed"}})
    return found


def gone_on(pool: Path, source: Path) -> Mapping[str, Any]:
    """What the pool says once the import has been started again."""
    with caller(pool, **SETTINGS) as at:
        import_rest(at, source)
        assert at._pool is not None
        return fingerprint(at._pool.desk("tester"))
