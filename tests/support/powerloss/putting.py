"""`python -m tests.support.powerloss.putting POOL`: hands parts to a pool and prints when each was acknowledged.

Between parts the log moves on, flushes and compacts, as in a service; all of it in one process.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from tests.support.pools import event
from yutang.app import BLUEPRINT
from yutang.kernel.clock import SystemClock
from yutang.kernel.event import Event, EventBlob, encode_blob
from yutang.kernel.faults import NoFaults
from yutang.runtime.folder import Folder
from yutang.runtime.pool import Pool
from yutang.runtime.settings import load_settings

PARTS, PART_EVENTS = 60, 20


def part_events(part: int) -> list[Event]:
    """The events of a part: ids that tell part and place, customers that come again."""
    return [
        event(
            "order_paid" if place % 3 else "search", f"2024-0{1 + part % 6}-{1 + place:02d} 08:00",
            (f"member_no:{(part * 7 + place) % 40}", f"phone:+8613800{place % 9:06d}"), f"p{part}-{place}",
            **({"amount": 1_000 * place} if place % 3 else {"target": "brand"}),
        )
        for place in range(PART_EVENTS)
    ]  # fmt: skip


def main(folder: Path) -> None:
    """Put all parts."""
    where = Folder(folder)
    settings, _ = load_settings(where.config, os.environ, {})
    pool = Pool(where, settings, BLUEPRINT, SystemClock(), NoFaults())
    for part in range(PARTS):
        blob = encode_blob(EventBlob("live", False, 1, part_events(part)))
        pool.inbox.put(blob, lane="live", job=f"part-{part}", rows_from=0, next_row=1, count=PART_EVENTS)
        print(time.monotonic_ns(), flush=True)
        if part % 4 == 3:
            pool.loop.drain()
    pool.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
