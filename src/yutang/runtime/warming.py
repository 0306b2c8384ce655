"""Columns of new files are brought into the cache before somebody asks for them.

Whoever reads a column first decodes it for everyone, and of a large file that takes a page's time many times over; who
asks first about everybody puts all rows into the order of customers. A service does both by itself, beside everything
else, and arranges anew when much has come since; a command that opens a pool for one question doesn't.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain

from yutang.kernel.errors import DamagedError
from yutang.runtime.desk import Desk
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.slots import PEOPLE, TIMELINE, VOCABULARY
from yutang.timeline.arranging_parts import due
from yutang.timeline.arranging_store import Arrangements
from yutang.timeline.pinned import kind_of
from yutang.timeline.runs import OWN, property_key

PERIOD_S = 5.0  # between two looks for files that are new
# What the cache may not take: it can be made again, what is written into this room can't.
RESERVES_LEFT = 4
MB = 1_024 * 1_024


def warm_columns(desk: Desk) -> None:
    """Load and arrange every stored column of every run; those that are there already cost nothing.

    Ends where the disk, or the cache's budget, has no room for more: what is asked for goes first then.
    """
    epoch = desk.epoch
    arrangements = epoch[TIMELINE].arrangements
    for step in chain(_arranging(epoch, arrangements), _loading(epoch)):
        left = shutil.disk_usage(desk.folder.root).free
        if left < RESERVES_LEFT * desk.settings.disk_reserve_mb * MB or (arrangements and arrangements.cramped):
            return
        with suppress(DamagedError):  # whoever asks for it is told
            step()


Step = Callable[[], object]


def _arranging(epoch: Epoch, arrangements: Arrangements | None) -> Iterator[Step]:
    if arrangements is None:
        return
    people, vocabulary = epoch[PEOPLE], epoch[VOCABULARY]
    for name, track in epoch[TIMELINE].tracks.items():
        if due(track, people, arrangements.of(name, track)):
            yield partial(arrangements.build, name, track, people)
    for name, track in epoch[TIMELINE].tracks.items():
        one = arrangements.of(name, track)
        if one is not None:
            for prop in sorted({prop for run in one.runs for prop in run.facts.kinds}):
                yield partial(one.column, prop, kind_of(vocabulary, name, prop), vocabulary.currency)


def _loading(epoch: Epoch) -> Iterator[Step]:
    for track in epoch[TIMELINE].tracks.values():
        for run in track.runs:
            for key in (*OWN, *map(property_key, run.facts.kinds)):
                yield partial(run.stored, key)
