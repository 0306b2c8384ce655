"""Forgetting a customer: which identities go, which stay because others share them, and the state without them. Pure.

The outcome is that of a pool that had never met the customer's events, and in which nobody's events had carried an
identity that goes; only the numbers of those stay, and are nobody's. So an identity of a kind that people may
share stays if other customers' events carried it, and what only the customer's events had brought goes along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from yutang.domains.customers.contracts import Edit
from yutang.domains.customers.rules.state import CustomersState
from yutang.domains.customers.rules.whole import whole
from yutang.kernel.event import Identity

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Parting:
    """members: the customer's identities, whose events go. gone: identities that go. kept: members that stay."""

    members: tuple[int, ...]
    gone: tuple[int, ...]
    kept: tuple[int, ...]


def parting(state: CustomersState, number: int, a: Ints, b: Ints, busy: Callable[[Ints], Flags]) -> Parting:
    """Who goes with the customer of an identity. a, b: all evidence. busy: which identities have events."""
    members = state.members(number)
    inside = np.zeros(state.count, np.bool_)
    inside[members] = True
    carried = np.unique(b[inside[b] & ~inside[a]])
    kept = tuple(one for one in carried.tolist() if not state.spaces[one].personal)
    gone = inside.copy()
    gone[list(kept)] = False
    left = ~inside[a] & ~gone[b]
    brought = np.unique(b[inside[a] & ~inside[b]])
    alone = np.setdiff1d(brought, np.concatenate([a[left], b[left]]))
    said = {number for line in state.edits for number in _named(state, line)}
    alone = np.array([one for one in alone.tolist() if one not in said], np.int64)
    orphans = alone[~busy(alone)] if len(alone) else alone
    return Parting(tuple(members), (*np.flatnonzero(gone).tolist(), *orphans.tolist()), kept)


def without(state: CustomersState, found: Parting, a: Ints, b: Ints) -> CustomersState:
    """The state without those who go, and without the edits that name them."""
    gone = frozenset(found.gone)
    roll = state.identities.without(found.gone, nobody)
    inside, lost = np.zeros(state.count, np.bool_), np.zeros(state.count, np.bool_)
    inside[list(found.members)] = True
    lost[list(found.gone)] = True
    left = ~inside[a] & ~lost[b]
    edits = [line for line in state.edits if not gone.intersection(_named(state, line))]
    return whole(state.kinds, roll, a[left], b[left], edits)


def nobody(number: int) -> Identity:
    """What stands in the place of an identity that is forgotten: nothing can be sent that equals it."""
    return Identity("", "", str(number))


def _named(state: CustomersState, line: Edit) -> set[int]:
    found = (state.index.find(one) for one in (line.a, line.b, line.asked_a, line.asked_b))
    return {number for number in found if number is not None}
