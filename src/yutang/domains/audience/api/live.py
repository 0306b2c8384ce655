"""The newest changes of labels by the records that made them: what an event changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yutang.domains.audience import store
from yutang.domains.audience.contracts import Cause, Ints
from yutang.domains.audience.rules.changes import CAUSES
from yutang.runtime.desk import Desk

CHUNKS_READ_MAX = 20_000  # of one question: records and stretches of time since the last one


@dataclass(frozen=True, slots=True)
class RecordChange:
    """A row of the change feed. record: its number in the log, of a group the last one's. head: the customer then."""

    record: int
    head: int
    label: str
    before: str
    after: str
    at: int
    cause: Cause


def changes_of_records(
    desk: Desk, after_seq: int, up_to_seq: int, heads: Ints, count_max: int
) -> Sequence[RecordChange]:
    """What records changed for some customers, newest record first, at most count_max; not what time alone did."""
    found: list[RecordChange] = []
    with desk.reading() as uow:
        for seq, blob, rows in store.read_feed_between(uow, after_seq, up_to_seq, CHUNKS_READ_MAX):
            causes = [code for code, cause in enumerate(CAUSES) if cause in (Cause.EVENT, Cause.LATE, Cause.IDENTITY)]
            wanted = np.isin(rows.cause, causes) & np.isin(rows.head, heads)
            for row in np.flatnonzero(wanted).tolist():
                label = int(rows.label[row])
                values = blob.values[label]
                found.append(RecordChange(
                    seq, int(rows.head[row]), blob.labels[label], values[int(rows.before[row])],
                    values[int(rows.after[row])], int(rows.at[row]), CAUSES[int(rows.cause[row])],
                ))  # fmt: skip
            if len(found) >= count_max:
                break
    return found[:count_max]
