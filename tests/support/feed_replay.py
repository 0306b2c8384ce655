"""The change feed replayed row by row, in plain words: what anybody had of a label at T, as was known at K."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from yutang.domains.audience.contracts import NONE, Cause
from yutang.domains.audience.rules.changes import CAUSES


def plainly_held(chunks: Iterable[Any], label: str, as_of: int, known_at: int) -> dict[int, tuple[int, str]]:
    """head → (lead, value), `none` left out. chunks: as `store.read_feed` gives them, but oldest first."""
    found: dict[int, tuple[int, str]] = {}
    for _, told_at, book, rows in chunks:
        for i in range(len(rows)):
            place, at = int(rows.label[i]), int(rows.at[i])
            known = at if CAUSES[int(rows.cause[i])] is Cause.TIME else told_at
            if book.labels[place] == label and at <= as_of and known <= known_at:
                value = book.values[place][int(rows.after[i])]
                found[int(rows.head[i])] = (int(rows.lead[i]), value)
    return {head: (lead, value) for head, (lead, value) in found.items() if value != NONE}
