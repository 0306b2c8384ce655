"""The audience's part in the log: keeps the present value of every label, and writes down every change.

A record re-evaluates the customers that it touched; the passing of time re-evaluates those whose next change
is due, and every change in between is in their step functions, at its exact instant. Quintiles are taken anew
at each midnight of the pool's zone. Invariant: after any record the standings equal a full recompute at pool time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from yutang.domains.audience.api import forgetting, upkeep
from yutang.domains.audience.contracts import DEFINE
from yutang.domains.catalogue.contracts import CATALOGUE_EDIT
from yutang.runtime.log.contracts import ERASE, RETAIN, Batch, Delta, Epoch, QuietPass
from yutang.storage.database import UnitOfWork

_AFTER: Mapping[str, Callable[[Batch, Epoch], upkeep.Changed | None]] = {
    DEFINE: upkeep.after_definition,
    CATALOGUE_EDIT: upkeep.after_catalogue,
    ERASE: forgetting.after_erase,
    RETAIN: forgetting.after_retention,
}


class AudiencePass(QuietPass):
    """See the module."""

    name = "audience"

    def open(self, uow: UnitOfWork, epoch: Epoch) -> Delta:
        return Delta(upkeep.opened(uow, epoch))

    def ready(self, epoch: Epoch) -> Delta:
        return Delta(upkeep.recomputed(epoch))

    def elapse(self, epoch: Epoch, until_ms: int) -> Delta | None:
        changed = upkeep.after_time(epoch, until_ms)
        return None if changed is None else Delta(changed.slots, changed.rows)

    def apply(self, batch: Batch, epoch: Epoch) -> Delta | None:
        after = _AFTER.get(batch.record.kind, upkeep.after_events)
        changed = after(batch, epoch)
        if changed is None:
            return None
        # Only a record that stands alone has a verdict here: a definition.
        return Delta(changed.slots, changed.rows, verdicts=(changed.verdict,) if changed.verdict else ())

    def write(self, uow: UnitOfWork, delta: Delta) -> None:
        upkeep.store_written(uow, delta.rows)
