"""What one record of the log changes for customers: pure, from state to state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from yutang.domains.customers.contracts import Edit, EditOrder, IdentityProblem, Kinds, KindSpec
from yutang.domains.customers.rules import edits
from yutang.domains.customers.rules.draft import Draft
from yutang.domains.customers.rules.forgetting import Parting
from yutang.domains.customers.rules.kinds import check_kind
from yutang.domains.customers.rules.settle import settled
from yutang.domains.customers.rules.state import CustomersState, identity_id
from yutang.kernel.event import Identity
from yutang.kernel.ids import hash64

IDENTITIES_MET_MAX = 131_072  # combinations remembered by `Met`

# id, kind, scope, value, hash, public id
IdentityRow = tuple[int, str, str, str, int, str]


@dataclass(frozen=True, slots=True)
class Rows:
    """What a record adds to the tables. edits: each with the numbers of a, b, asked_a, asked_b."""

    seq: int
    identities: Sequence[IdentityRow] = ()
    links: Sequence[tuple[int, int]] = ()
    doubtful_links: Sequence[tuple[int, int]] = ()
    edits: Sequence[tuple[Edit, tuple[int, int, int, int]]] = ()
    kinds: Sequence[tuple[KindSpec, str]] = ()
    forgotten: Parting | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The next state, the customers made anew ({head: members}), and what to keep."""

    state: CustomersState
    regrouped: Mapping[int, Sequence[int]]
    rows: Rows
    hashes: Sequence[int] = ()


@dataclass(slots=True)
class Met:
    """A memory of which combinations of identities are anchored where, all known to `state`.

    It only saves time: it is emptied when it grows too large or meets another state than the one it knows.
    """

    state: CustomersState | None = None
    anchors: dict[tuple[Identity, ...], int] = field(default_factory=dict)

    def of(self, state: CustomersState) -> dict[tuple[Identity, ...], int]:
        """The memory for a state."""
        if self.state is not state or len(self.anchors) > IDENTITIES_MET_MAX:
            self.anchors.clear()
            self.state = state
        return self.anchors


class BurstError(Exception):
    """Evidence of a group would bring an identity over its cap: what it linked on the way depends on the order."""


def anchor_events(
    state: CustomersState, carried: Sequence[tuple[Identity, ...]], seq: int, met: Met, *, bursts: bool = True
) -> tuple[list[int], Change | None]:
    """The anchor of each event by the identities that it carries, and the change if anything is new.

    bursts: whether an identity may come over its cap by it; else BurstError is raised, and nothing is changed.
    """
    known, find = met.of(state), state.index.find
    anchors = [find(identities[0]) if len(identities) == 1 else known.get(identities) for identities in carried]
    if None not in anchors:
        return anchors, None  # type: ignore[return-value]
    draft = Draft(state)
    fresh: dict[tuple[Identity, ...], int] = {}
    for place, identities in enumerate(carried):
        if anchors[place] is None:
            anchor = fresh.get(identities)
            if anchor is None:
                anchor = fresh[identities] = draft.anchor(identities)
            anchors[place] = anchor
    if not bursts and _bursts(draft):
        raise BurstError
    change = _changed(draft, seq) if draft.changed else None
    known.update((identities, anchor) for identities, anchor in fresh.items() if len(identities) > 1)
    met.state = change.state if change else state
    return anchors, change  # type: ignore[return-value]


def _bursts(draft: Draft) -> bool:
    ends = {number for link in draft.evidence_rows for number in link}
    return any(draft.links.get(number) is None and draft.base.links.get(number) is not None for number in ends)


def moved(before: CustomersState, change: Change) -> list[int]:
    """The identities, ascending, of all customers that the links of a change may have joined or parted on the way.

    Those at the ends of the links, before and after; those made anew; and those that evidence binds to any of them.
    """
    after = change.state
    near = {number for link in change.rows.links for number in link}
    near.update(member for group in change.regrouped.values() for member in group)
    found: set[int] = set()
    for number in near:
        found.update(after.members(number))
        if number < before.count:
            found.update(before.members(number))
    for number in list(found):
        for other in after.links.get(number) or ():
            if other not in found:
                found.update(after.members(other))
    return sorted(found)


def take_edit(state: CustomersState, body: bytes, speaker: edits.Speaker) -> tuple[Change, list[Edit]]:
    """What an IDENTITY_EDIT record changes. Raises InvalidError, NotFoundError, ConflictError."""
    order = msgspec.msgpack.decode(body, type=EditOrder)
    draft = Draft(state)
    lines = edits.edit(draft, order, speaker)
    return _changed(draft, speaker.seq), lines


def take_kind(state: CustomersState, body: bytes, actor: str, seq: int) -> tuple[Change, KindSpec]:
    """What an IDENTITY_KIND record changes. Raises IdentityProblem.

    A kind that was met before can't be declared any more: its events are anchored, for ever.
    """
    spec = msgspec.msgpack.decode(body, type=KindSpec)
    check_kind(spec, state.kinds)
    if any(space.spec.name == spec.name for _, space in state.known_spaces.items()):
        raise IdentityProblem(
            "identity.kind_met", f"{spec.name} was met in events before it was declared", where=spec.name,
            remedy="declare another name and send it from now on; events stay anchored as they came",
        )  # fmt: skip
    after = replace(state, kinds=Kinds({**state.kinds.specs, spec.name: spec}))
    return Change(after, {}, Rows(seq, kinds=[(spec, actor)])), spec


def _changed(draft: Draft, seq: int) -> Change:
    outcome = settled(draft)
    first = draft.base.count
    hashes = [hash64(*identity) for identity in draft.fresh]
    rows = Rows(
        seq,
        identities=[
            (first + place, identity.kind, identity.scope, identity.value, hashes[place], identity_id(identity))
            for place, identity in enumerate(draft.fresh)
        ],
        links=draft.evidence_rows,
        doubtful_links=sorted(draft.doubtful_rows),
        edits=[
            (
                line,
                (
                    draft.number(line.a),
                    draft.number(line.b),
                    draft.number(line.asked_a),
                    draft.number(line.asked_b),
                ),
            )
            for line in draft.edit_rows
        ],
    )
    return Change(outcome.state, outcome.regrouped, rows, hashes)
