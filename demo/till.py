"""The demo's tills and its shopping app: households come by, look, buy, and every step goes over HTTP as it happens.

`python -m demo.till --url http://127.0.0.1:8091 --key yk_… --pool-time 2018-01-01T04:02:00Z` sends until it is
stopped, or for --seconds. What is bought is drawn from what the retailer sells and what households bought before;
`at` is pool time, as the sender of a simulated pool must stamp it. A batch that wasn't acknowledged is sent again,
with the same ids: the pool takes it once.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

TICK_S = 0.5
VISITS_A_SECOND = 3.0
BUYS_PERCENT = 40
SAMPLED_EVERY = 97  # of the lines that were bought: enough to know tastes by
RETRY_S_MAX = 8.0
TIMEOUT_S = 10.0

Event = dict[str, Any]


@dataclass(frozen=True)
class Shop:
    """Whom the till may meet and what it sells: (household, product) of past baskets, and products by number."""

    bought: Sequence[tuple[str, str, float]]
    products: dict[str, dict[str, str]]


def read_shop(folder: Path) -> Shop:
    """From the files of the demo's package."""
    lines = pq.read_table(folder / "transactions.parquet", columns=["household_id", "product_id", "sales_value"])
    sample = lines.take(list(range(0, lines.num_rows, SAMPLED_EVERY))).to_pylist()
    bought = [(str(row["household_id"]), str(row["product_id"]), row["sales_value"]) for row in sample]
    names = ["product_id", "department", "product_category", "brand"]
    table = pq.read_table(folder / "products.parquet", columns=names).to_pylist()
    products = {
        str(row["product_id"]): {
            "department": row["department"],
            "category": row["product_category"],
            "brand": row["brand"],
        }
        for row in table
    }
    return Shop(bought, products)


def visit(shop: Shop, dice: random.Random, at_ms: int, number: str) -> list[Event]:
    """What one household does in one visit: looks at some products in the app, and perhaps buys in the shop."""
    household, *_ = dice.choice(shop.bought)
    baskets = [dice.choice(shop.bought) for _ in range(dice.randint(1, 4))]
    who = {"member_no": household}
    found: list[Event] = []
    for place, (_, product, price) in enumerate(baskets):
        found.append({
            "id": f"view-{number}-{place}", "type": "product_viewed", "at": at_ms + place, "identities": who,
            "channel": "app",
            "properties": {"product": product, **_known(shop, product), "price": round(max(price, 0.01), 2)},
        })  # fmt: skip
    if dice.randrange(100) < BUYS_PERCENT:
        found += _order(shop, at_ms + len(baskets), number, who, baskets)
    return found


def _order(
    shop: Shop, at_ms: int, number: str, who: dict[str, str], lines: Sequence[tuple[str, str, float]]
) -> list[Event]:
    amount = round(sum(price for _, _, price in lines), 2)
    head = {"order_id": f"till-{number}", "items": len(lines), "amount": amount}
    order: Event = {"id": f"order-{number}", "type": "order_paid", "at": at_ms, "identities": who, "channel": "shop"}
    items = [
        {
            **order, "id": f"item-{number}-{place}", "type": "item_purchased",
            "properties": {"order_id": head["order_id"], "product": product, **_known(shop, product), "quantity": 1,
                           "amount": round(price, 2)},
        }
        for place, (_, product, price) in enumerate(lines)
    ]  # fmt: skip
    return [{**order, "properties": head}, *items]


def _known(shop: Shop, product: str) -> dict[str, str]:
    return {name: value for name, value in shop.products.get(product, {}).items() if value}


def batches(shop: Shop, dice: random.Random, pool_time_ms: int) -> Iterator[list[Event]]:
    """A batch a tick, for ever; its events happened in that tick of pool time."""
    began = time.monotonic()
    for tick in itertools.count():
        time.sleep(max(0.0, began + tick * TICK_S - time.monotonic()))
        now_ms = pool_time_ms + int((time.monotonic() - began) * 1_000)
        visits = sum(dice.random() < VISITS_A_SECOND * TICK_S / 8 for _ in range(8))
        found = [one for place in range(visits) for one in visit(shop, dice, now_ms, f"{now_ms}-{place}")]
        if found:
            yield found


def send(url: str, key: str, events: Sequence[Event]) -> dict[str, Any]:
    """Hand a batch over, again and again until it is acknowledged; its receipt."""
    request = urllib.request.Request(
        f"{url}/v1/events", json.dumps(events).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {key}"},
    )  # fmt: skip
    pause = TICK_S
    while True:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                receipt: dict[str, Any] = json.load(answer)
                return receipt
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503, 507):
                raise SystemExit(f"the pool refuses what the till sends: {error.read().decode()}") from None
        except OSError:
            pass  # nobody there for the moment
        time.sleep(pause)
        pause = min(2 * pause, RETRY_S_MAX)


def main() -> int:
    """Send until stopped; the exit status."""
    parser = argparse.ArgumentParser(prog="demo.till", description=__doc__)
    parser.add_argument("--url", required=True, help="where the pool takes events")
    parser.add_argument("--key", required=True, help="an API key")
    parser.add_argument("--pool-time", required=True, help="what the pool's clock shows now")
    parser.add_argument("--files", type=Path, required=True, help="the demo's data files")
    parser.add_argument("--seconds", type=float, default=0.0, help="stop after so long; 0: never")
    options = parser.parse_args()
    pool_time = datetime.fromisoformat(options.pool_time).astimezone(UTC)
    began, accepted = time.monotonic(), 0
    try:
        for events in batches(read_shop(options.files), random.Random(), int(pool_time.timestamp() * 1_000)):
            accepted += send(options.url, options.key, events)["accepted"]
            if options.seconds and time.monotonic() - began > options.seconds:
                break
    except KeyboardInterrupt:
        pass
    print(f"till: {accepted:,} events acknowledged", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
