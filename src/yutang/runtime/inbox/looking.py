"""What can be said of an inbox without its owner: for whoever looks after the pool."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from yutang.runtime.inbox import store
from yutang.storage.database import open_sqlite


def kept_payloads(inbox: Path) -> Mapping[str, tuple[int, int]]:
    """By hook, how many bodies that didn't map are kept, and their bytes."""
    if not inbox.exists():  # to open it would make it
        return {}
    database = open_sqlite(inbox)
    try:
        store.make_tables(database)
        with database.reading() as uow:
            return {hook: store.payload_sums(uow, hook) for hook in store.payload_hooks(uow)}
    finally:
        database.close()
