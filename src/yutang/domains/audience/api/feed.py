"""The change feed as people read it: what was known then, newest first, in pages.

A page reads a bounded number of rows; where few of them fit the filters it may be short, or empty, and still
have a following page.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yutang.domains.audience import store
from yutang.domains.audience.api.definitions import named
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.contracts import Cause, Change, ChangePage, FeedRows
from yutang.domains.audience.rules.changes import CAUSES
from yutang.domains.customers import api as customers
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import instant_text
from yutang.kernel.limits import PAGE_ROWS_COUNT_MAX
from yutang.runtime.desk import Desk
from yutang.runtime.slots import PEOPLE
from yutang.timeline.steps import Flags, Ints

CHUNKS_READ_MAX = 10_000  # of one page
ROWS_READ_MAX = 4_000_000  # of one page: a second of reading

Place = tuple[int, int]  # of a row: its chunk, and its place there


def changes(desk: Desk, label: str = "", customer: str = "", cursor: str = "", limit: int = 100) -> ChangePage:
    """The rows of the feed that concern a label, or a customer and all who were joined to it; "" for any."""
    if label:
        named(desk.epoch[AUDIENCE], label)
    anchors = _anchors(desk, customer) if customer else None
    limit = max(1, min(limit, PAGE_ROWS_COUNT_MAX))
    found: list[Change] = []
    last: Place = (0, 0)
    for place, change in _rows(desk, label, anchors, _place_of(cursor)):
        if change is not None:
            found.append(change)
        last = place
        if len(found) == limit:
            break
    else:
        last = (0, 0)
    return ChangePage(tuple(found), f"{last[0]}.{last[1]}" if last[0] else "")


def _anchors(desk: Desk, customer: str) -> Ints:
    head = customers.find_customer(desk, customer)
    return desk.epoch[PEOPLE].members(np.array([head], np.int64))[1]


def _rows(desk: Desk, label: str, anchors: Ints | None, before: Place) -> Iterator[tuple[Place, Change | None]]:
    """The rows that fit, and how far was read; ends early, with a place and no row, where enough was read."""
    read = chunks = 0
    with desk.reading() as uow:
        for number, known_at, blob, rows in store.read_feed(uow, before[0], CHUNKS_READ_MAX):
            end = before[1] if number == before[0] else len(rows)
            fitting = _fitting(blob, rows, label, anchors)[:end]
            for row in np.flatnonzero(fitting)[::-1].tolist():
                yield (number, row), _change(desk, known_at, blob, rows, row)
            read, chunks = read + end, chunks + 1
            if read >= ROWS_READ_MAX or chunks == CHUNKS_READ_MAX:
                yield (number, 0), None
                return


def _fitting(blob: store.Book, rows: FeedRows, label: str, anchors: Ints | None) -> Flags:
    keep = np.ones(len(rows), bool)
    if label:
        keep &= rows.label == (blob.labels.index(label) if label in blob.labels else -1)
    if anchors is not None:
        keep &= np.isin(rows.head, anchors)
    return keep


def _change(desk: Desk, known_at: int, blob: store.Book, rows: FeedRows, row: int) -> Change:
    label = int(rows.label[row])
    values = blob.values[label]
    at, cause = int(rows.at[row]), CAUSES[int(rows.cause[row])]
    return Change(
        blob.labels[label],
        customers.identity_ids(desk.epoch, [int(rows.lead[row])])[0],
        values[int(rows.before[row])],
        values[int(rows.after[row])],
        instant_text(at),
        # Pool time passes every instant, however far it was moved at once.
        instant_text(at if cause is Cause.TIME else known_at),
        cause,
    )


def _place_of(cursor: str) -> Place:
    chunk, dot, row = cursor.partition(".")
    if cursor and not (dot and chunk.isascii() and chunk.isdecimal() and row.isascii() and row.isdecimal()
                       and len(cursor) <= 40):  # fmt: skip
        raise InvalidError(
            "page.cursor", "this isn't a cursor of ours", where="cursor", remedy="use `next` of the page before"
        )
    return (int(chunk), int(row)) if cursor else (0, 0)
