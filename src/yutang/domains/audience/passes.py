"""The audience's part in the log: keeps the present value of every label, and writes down every change.

A record re-evaluates the customers that it touched; the passing of time re-evaluates those whose next change
is due, and every change in between is in their step functions, at its exact instant. Quintiles are taken anew
at each midnight of the pool's zone. Invariant: after any record the standings equal a full recompute at pool time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from yutang.domains.audience.api import background, forgetting, standing_cache, upkeep
from yutang.domains.audience.api.building import BUILDER, Builder
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.contracts import BUILT, DEFINE, DROPPED
from yutang.domains.catalogue.contracts import CATALOGUE_EDIT
from yutang.kernel.faults import Faults
from yutang.kernel.instants import HOUR_MS
from yutang.runtime.folder import Folder
from yutang.runtime.log.contracts import ERASE, RETAIN, Batch, Delta, Epoch, QuietPass
from yutang.runtime.log.keeping import Mark
from yutang.storage.database import Database, UnitOfWork

_AFTER: Mapping[str, Callable[[Batch, Epoch], upkeep.Changed | None]] = {
    DEFINE: background.after_define,
    BUILT: background.after_built,
    DROPPED: background.after_dropped,
    CATALOGUE_EDIT: upkeep.after_catalogue,
    ERASE: forgetting.after_erase,
    RETAIN: forgetting.after_retention,
}
STALE_MS = HOUR_MS  # of kept standings after which no record came: who is due since is evaluated again by a start


class AudiencePass(QuietPass):
    """See the module."""

    name = "audience"

    def __init__(self, folder: Folder, faults: Faults) -> None:
        self._builder = Builder(faults)
        self._cache = folder.cache
        self._mark: Mark | None = None  # of the standings that a start may take over, or that are kept
        self._keeping = threading.Lock()

    def open(self, uow: UnitOfWork, epoch: Epoch) -> Delta:
        self._mark = standing_cache.marked(uow, epoch)
        return Delta({**upkeep.opened(uow, epoch), BUILDER.name: self._builder})

    def ready(self, epoch: Epoch) -> Delta:
        mark, self._mark = self._mark, None
        kept = None if mark is None or epoch[AUDIENCE].derived else standing_cache.kept_by(self._cache, mark, epoch)
        if kept is not None and kept.seq == epoch.seq:
            self._mark = mark
        return Delta(upkeep.recomputed(epoch, kept))

    def elapse(self, epoch: Epoch, until_ms: int) -> Delta | None:
        changed = upkeep.after_time(epoch, until_ms)
        return None if changed is None else Delta(changed.slots, changed.rows)

    def apply(self, batch: Batch, epoch: Epoch) -> Delta | None:
        after = _AFTER.get(batch.record.kind, upkeep.after_events)
        everybody = batch.record.kind == CATALOGUE_EDIT
        changed = background.followed(batch, epoch, after(batch, epoch), everybody=everybody)
        if changed is None:
            return None
        # Only a record that stands alone has a verdict here: of a definition.
        return Delta(changed.slots, changed.rows, verdicts=(changed.verdict,) if changed.verdict else ())

    def write(self, uow: UnitOfWork, delta: Delta) -> None:
        upkeep.store_written(uow, delta.rows)

    def rest(self, epoch: Epoch, database: Database) -> None:
        with self._keeping:
            mark = self._mark
            if mark is None or mark.seq != epoch.seq or epoch.time_ms - mark.time_ms > STALE_MS:
                self._mark = standing_cache.keep(self._cache, database, epoch) or mark
