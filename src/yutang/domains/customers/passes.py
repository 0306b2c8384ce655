"""The slice's part in the ordered log: events get their anchors, identities become customers."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from yutang.domains.customers import api
from yutang.domains.customers.contracts import IDENTITY_EDIT, IDENTITY_KIND
from yutang.runtime import slots
from yutang.runtime.log.contracts import EVENTS, Batch, Delta, Epoch, QuietPass
from yutang.storage.database import UnitOfWork


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection: walking millions of new objects again and again would double a start."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class CustomersPass(QuietPass):
    """Leaves the notes ANCHORS and TOUCHED; gives the slots PEOPLE and CUSTOMERS."""

    name = "customers"

    def __init__(self) -> None:
        self._met = api.Met()

    def open(self, uow: UnitOfWork, epoch: Epoch) -> Delta:
        with _uncollected():
            state, people = api.load(uow)
        return Delta({api.CUSTOMERS.name: state, slots.PEOPLE.name: people})

    def replay(self, batch: Batch, epoch: Epoch, verdict: Mapping[str, Any]) -> Delta:
        # The tables hold the identities of every processed record, so nothing is new here.
        taken = self._take_events(batch, epoch)
        return Delta(notes={slots.ANCHORS: taken.anchors})

    def apply(self, batch: Batch, epoch: Epoch) -> Delta | None:
        record = batch.record
        if record.kind == EVENTS:
            return self._delta(self._take_events(batch, epoch), {})
        state, people = epoch[api.CUSTOMERS], epoch[slots.PEOPLE]
        if record.kind == IDENTITY_EDIT:
            taken, lines = api.take_edit(state, people, record)
            return self._delta(taken, {"edits": [line.id for line in lines]})
        if record.kind == IDENTITY_KIND:
            taken, spec = api.take_kind(state, people, record)
            return self._delta(taken, {"identity_kind": spec.name})
        return None

    def write(self, uow: UnitOfWork, delta: Delta) -> None:
        api.keep(uow, delta.rows)

    def _take_events(self, batch: Batch, epoch: Epoch) -> api.Taken:
        return api.take_events(epoch[api.CUSTOMERS], epoch[slots.PEOPLE], batch.events, batch.record.seq, self._met)

    def _delta(self, taken: api.Taken, verdict: Mapping[str, Any]) -> Delta:
        notes = {slots.ANCHORS: taken.anchors, slots.TOUCHED: taken.touched}
        if taken.rows is None:
            return Delta(notes=notes)
        return Delta(
            {api.CUSTOMERS.name: taken.state, slots.PEOPLE.name: taken.people},
            rows=taken.rows,
            notes=notes,
            verdict=verdict,
        )
