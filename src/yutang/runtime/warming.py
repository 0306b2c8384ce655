"""Columns of new files are brought into the cache before somebody asks for them.

Whoever reads a column first decodes it for everyone, and of a large file that takes a page's time many times over. A
service does it by itself, file by file, beside everything else; a command that opens a pool for one question doesn't.
"""

from __future__ import annotations

import shutil
from contextlib import suppress

from yutang.kernel.errors import DamagedError
from yutang.runtime.desk import Desk
from yutang.runtime.slots import TIMELINE
from yutang.timeline.runs import OWN, property_key

PERIOD_S = 5.0  # between two looks for files that are new
# What the cache may not take: it can be made again, what is written into this room can't.
RESERVES_LEFT = 4
MB = 1_024 * 1_024


def warm_columns(desk: Desk) -> None:
    """Load every stored column of every run; those that are there already cost nothing."""
    for track in desk.epoch[TIMELINE].tracks.values():
        for run in track.runs:
            if shutil.disk_usage(desk.folder.root).free < RESERVES_LEFT * desk.settings.disk_reserve_mb * MB:
                return
            with suppress(DamagedError):  # whoever asks for it is told
                for key in (*OWN, *map(property_key, run.facts.kinds)):
                    run.stored(key)
