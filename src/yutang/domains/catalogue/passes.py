"""The catalogue's part in the log, the first of all passes: edits, and what events mention for the first time.

Owns the slots CATALOGUE and VOCABULARY; labels that a later pass has laid into VOCABULARY stay in it.
Nothing to replay: the store is as new as the last processed record.
"""

from __future__ import annotations

from dataclasses import replace

from yutang.domains.catalogue import api
from yutang.domains.catalogue.contracts import CATALOGUE_EDIT, Catalogue
from yutang.runtime.log.contracts import EVENTS, Batch, Delta, Epoch, QuietPass
from yutang.runtime.slots import VOCABULARY
from yutang.storage.database import UnitOfWork


class CataloguePass(QuietPass):
    """zone, currency: the pool's, as its settings say."""

    name = "catalogue"

    def __init__(self, zone: str, currency: str) -> None:
        self._zone = zone
        self._currency = currency

    def open(self, uow: UnitOfWork, epoch: Epoch) -> Delta:
        catalogue = api.open_catalogue(uow, self._zone, self._currency)
        return Delta({api.CATALOGUE.name: catalogue, VOCABULARY.name: catalogue.vocabulary})

    def apply(self, batch: Batch, epoch: Epoch) -> Delta | None:
        old = epoch[api.CATALOGUE]
        if batch.record.kind == CATALOGUE_EDIT:
            new, names = api.apply_edit(old, batch.record.body)
            return _delta(old, new, epoch, names)
        if batch.record.kind == EVENTS:
            new = api.with_seen(old, batch.events)
            return None if new is old else _delta(old, new, epoch, None)
        return None

    def write(self, uow: UnitOfWork, delta: Delta) -> None:
        if delta.rows:
            api.write_rows(uow, delta.rows)


def _delta(old: Catalogue, new: Catalogue, epoch: Epoch, names: tuple[str, ...] | None) -> Delta:
    verdicts = () if names is None else ({"version": new.version, "names": list(names)},)
    if new is old:
        return Delta(verdicts=verdicts)
    seen = epoch[VOCABULARY]
    said = new.vocabulary
    vocabulary = replace(
        seen, version=max(seen.version, old.version) + 1, events=said.events, traits=said.traits, records=said.records
    )
    return Delta(
        slots={api.CATALOGUE.name: new, VOCABULARY.name: vocabulary},
        rows=api.changed_rows(old, new),
        verdicts=verdicts,
    )
