"""What the audience adds to the service's metrics: how many customers have each value of each ladder now."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.contracts import NONE
from yutang.domains.audience.rules import NO_VALUE
from yutang.kernel.instants import NEVER
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.measures import Sample
from yutang.runtime.slots import PEOPLE

_HELP = "Customers by the value of a label that they have now (quintiles are left out: they are snapshots)"


def label_samples(epoch: Epoch) -> Iterator[Sample]:
    """A sample for each value of each ladder; nothing until the standings are worked out, after a start."""
    state, people = epoch[AUDIENCE], epoch[PEOPLE]
    heads = people.heads()
    columns = state.standings.codes(heads)
    if (columns == NO_VALUE).all() and (state.standings.due_at(heads) == NEVER).all():
        return
    for name, codes in zip(state.standings.names, columns, strict=True):
        values = state.labels[name].values
        counts = np.bincount(codes - NO_VALUE, minlength=len(values) + 1)
        for place, value in enumerate((NONE, *values)):
            yield Sample("label_customers", _HELP, {"label": name, "value": value}, float(counts[place]))
