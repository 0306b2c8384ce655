"""Records that couldn't be processed: listed, processed again once the cause is mended, or given up.

A replay is a record of its own, by the door for edits; what its events repeat is told apart as ever. So one that is
interrupted before its mark can be asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from yutang.kernel.errors import NotFoundError, YutangError
from yutang.runtime.log import store
from yutang.storage.database import Database

LISTED_COUNT_MAX = 200


def listed(database: Database, after_seq: int) -> tuple[Sequence[tuple[store.Entry, int]], bool]:
    """The records after a number with the bytes of each, oldest first; whether there are more after these."""
    with database.reading() as uow:
        found = store.list_quarantined(uow, after_seq, LISTED_COUNT_MAX + 1)
    return found[:LISTED_COUNT_MAX], len(found) > LISTED_COUNT_MAX


def replay(
    database: Database, submit: Callable[[str, bytes], Mapping[str, Any]], seq: int
) -> Mapping[str, Any]:  # fmt: skip
    """Process a record again; its verdict, with its new number.

    Raises NotFoundError, and what it meets: then it stays in quarantine, under a new number if it is poison still.
    """
    entry, body = _one(database, seq)
    try:
        verdict = submit(entry.kind, body)
    except YutangError as error:
        if error.code == "log.poison":
            _release(database, seq, "replayed")
        raise
    _release(database, seq, "replayed")
    return verdict


def drop(database: Database, seq: int) -> None:
    """Give a record up for good: its body is deleted. Raises NotFoundError."""
    _one(database, seq)
    _release(database, seq, "dropped")


def _one(database: Database, seq: int) -> tuple[store.Entry, bytes]:
    with database.reading() as uow:
        found = store.read_quarantined(uow, seq)
    if found is None:
        raise NotFoundError(
            "quarantine.unknown", f"record {seq} isn't in quarantine", where=str(seq),
            remedy="`yutang quarantine list` shows what is",
        )  # fmt: skip
    return found


def _release(database: Database, seq: int, state: str) -> None:
    with database.unit() as uow:
        store.release(uow, seq, state)
