"""What the audience adds to the service's metrics: how many customers have each value of each ladder now."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.contracts import NONE
from yutang.domains.audience.rules.standings import NO_VALUE
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.measures import Sample
from yutang.runtime.slots import PEOPLE

_HELP = "Customers by the value of a label that they have now (quintiles are left out: they are snapshots)"


def label_samples(epoch: Epoch) -> Iterator[Sample]:
    """A sample for each value of each ladder; nothing until the standings are worked out, after a start."""
    state, people = epoch[AUDIENCE], epoch[PEOPLE]
    heads = people.heads()
    if not state.derived:
        return
    for ladder, name in enumerate(state.standings.names):
        values = state.labels[name].values
        codes = state.standings.codes_of(ladder, heads)
        counts = np.bincount(codes - NO_VALUE, minlength=len(values) + 1)
        for place, value in enumerate((NONE, *values)):
            yield Sample("label_customers", _HELP, {"label": name, "value": value}, float(counts[place]))
