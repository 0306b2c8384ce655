"""The slice's part in the ordered log: events get their anchors, identities become customers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from yutang.domains.customers import api
from yutang.domains.customers.contracts import IDENTITY_EDIT, IDENTITY_KIND
from yutang.runtime import slots
from yutang.runtime.collecting import uncollected
from yutang.runtime.folder import Folder
from yutang.runtime.log.contracts import ERASE, EVENTS, Batch, Delta, Epoch, QuietPass, SplitGroup
from yutang.storage.database import UnitOfWork, open_sqlite


class CustomersPass(QuietPass):
    """Leaves the notes ANCHORS, TOUCHED and MOVED; gives the slots PEOPLE and CUSTOMERS."""

    name = "customers"

    def __init__(self, folder: Folder) -> None:
        self._met = api.Met()
        self._database = folder.database

    def open(self, uow: UnitOfWork, epoch: Epoch) -> Delta:
        state, people = api.load(uow)
        return Delta({api.CUSTOMERS.name: state, slots.PEOPLE.name: people})

    def replay(self, batch: Batch, epoch: Epoch, verdicts: Sequence[Mapping[str, Any]]) -> Delta:
        # The tables hold the identities of every processed record, so nothing is new here.
        taken = self._take_events(batch, epoch)
        return Delta(notes={slots.ANCHORS: taken.anchors})

    def apply(self, batch: Batch, epoch: Epoch) -> Delta | None:
        record = batch.record
        if record.kind == EVENTS:
            try:
                return self._delta(self._take_events(batch, epoch, group=len(batch.records) > 1), None)
            except api.BurstError:
                raise SplitGroup from None
        state, people = epoch[api.CUSTOMERS], epoch[slots.PEOPLE]
        if record.kind == IDENTITY_EDIT:
            taken, lines = api.take_edit(state, people, record)
            return self._delta(taken, {"edits": [line.id for line in lines]})
        if record.kind == IDENTITY_KIND:
            taken, spec = api.take_kind(state, people, record)
            return self._delta(taken, {"identity_kind": spec.name})
        return self._erased(batch, epoch) if record.kind == ERASE else None

    def _erased(self, batch: Batch, epoch: Epoch) -> Delta:
        # Memory doesn't keep the evidence of identities that link nobody; nothing else is under way beside this record.
        database = open_sqlite(self._database)
        try:
            with database.reading() as uow, uncollected():
                taken, forgotten = api.take_erase(uow, epoch, batch.record)
        finally:
            database.close()
        delta = self._delta(taken, {})
        return replace(delta, notes={**delta.notes, slots.FORGOTTEN: forgotten})

    def write(self, uow: UnitOfWork, delta: Delta) -> None:
        api.keep(uow, delta.rows)

    def committed(self, delta: Delta) -> None:
        if delta.rows.forgotten is not None:
            self._met = api.Met()

    def _take_events(self, batch: Batch, epoch: Epoch, *, group: bool = False) -> api.Taken:
        state, people = epoch[api.CUSTOMERS], epoch[slots.PEOPLE]
        return api.take_events(state, people, batch.events, batch.record.seq, self._met, group=group)

    def _delta(self, taken: api.Taken, verdict: Mapping[str, Any] | None) -> Delta:
        notes: dict[str, Any] = {slots.ANCHORS: taken.anchors, slots.TOUCHED: taken.touched}
        if taken.moved is not None:
            notes[slots.MOVED] = taken.moved
        if taken.rows is None:
            return Delta(notes=notes)
        return Delta(
            {api.CUSTOMERS.name: taken.state, slots.PEOPLE.name: taken.people},
            rows=taken.rows,
            notes=notes,
            verdicts=() if verdict is None else (verdict,),
        )
