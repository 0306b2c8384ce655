"""The arrays of a program: what a plan asks, flat, so that one kernel can answer it customer by customer.

A program has *leaves*, each one test over the events of some *sources* in a window; *ladders*, each some rungs of
postfix code over the leaves' truths; and *periods*, the instants at which calendar periods begin. A leaf that asks how
something came about over time (hold, entered, for so long), or about each record, has a *body*: code over other leaves,
which is worked out at the instants that matter. A leaf that the machine can't say is an *input*: its truth is worked
out elsewhere (`Evaluation`) and handed in. What is no event (random shares, identities) is a *fact* of a customer.

Rows are read where they lie. A *block* is a run of a source's rows: addresses of columns, and where each customer's
rows begin and end in them. Counts, sums, extremes and the like are put together over blocks, so nothing is merged.

Invariant: a program is immutable, and all of it depends on the plan, the vocabulary and the types that there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from yutang.conditions.nodes import Events, Test
from yutang.timeline.evaluation.selection import MarkedType
from yutang.timeline.kernels.machine_fields import (
    BASE,
    BODY,
    BODY_END,
    CURSOR_FIELDS,
    DISTINCT,
    DISTINCT_COUNT_MAX,
    ENTRIES_AT,
    ENTRY,
    LEAF_FIELDS,
    NEAR_AT,
    OP,
    PLACES,
    ROOM_HEAD,
    SEQUENCE,
    STEP_FIELDS,
    STEPS_AT,
    TABLE_AT,
)
from yutang.timeline.steps import Ints


@dataclass(frozen=True, slots=True)
class Source:
    """The events of one type that are of a set, with what a leaf reads of them.

    property: whose values are read, "" for none. shape: as what: "" as they are, "codes", "days" (local, since 1970),
    "instants". judge: a filter that is worked out for each row in place of values. key: the property whose words tell
    rows apart, as codes. space: of the codes. ranked: feeds and sources, best first.
    """

    kind: MarkedType
    events: Events
    zone: str
    property: str = ""
    shape: str = ""
    judge: Test | None = None
    key: str = ""
    space: str = ""
    ranked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """A test that is worked out elsewhere, in a zone."""

    test: Test
    zone: str


@dataclass(frozen=True, slots=True)
class Fact:
    """What is true of a customer whatever the time: to be in a random share, or to own an identity that a channel
    addresses."""

    salt: str = ""
    basis_points: int = 0
    channel: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """A plan, flat.

    leaves: int64[k * LEAF_FIELDS], first those that ladders read, then those of bodies only. leaf_sources: int64[k + 1]
    into `uses`; uses: int64[], places in `sources`, and `roles` beside it. body: int64[], the code of bodies. code:
    int64[]; ladder_code: int64[ladders + 1] into it, in instructions. periods, period_bounds: the tables of begins, one
    after the other. names: of the ladders, in order. inputs: the place of each is the LOW of its leaf; of facts too.
    leaves_of: of each ladder the leaves below it, those of the ladders that it names included. names_of: of each ladder
    those that it names, through others too. Of each leaf that ladders read: reads: the event types whose rows it looks
    at; none of an input. keys: what it tests, as text that is the same in every process and whatever types of events
    there are.
    """

    leaves: Ints
    leaf_sources: Ints
    uses: Ints
    roles: Ints
    body: Ints
    code: Ints
    ladder_code: Ints
    periods: Ints
    period_bounds: Ints
    names: Sequence[str]
    sources: Sequence[Source]
    inputs: Sequence[Input]
    facts: Sequence[Fact]
    leaves_of: Sequence[frozenset[int]]
    names_of: Sequence[frozenset[int]]
    reads: Sequence[frozenset[str]]
    keys: Sequence[str]

    @property
    def leaves_count(self) -> int:
        """Of those that ladders read: whose truths are kept."""
        return len(self.keys)

    @property
    def asked(self) -> tuple[Ints, ...]:
        """What the kernels are asked, apart from ladders."""
        return (
            self.leaves,
            self.leaf_sources,
            self.uses,
            self.roles,
            self.periods,
            self.period_bounds,
            self.body,
        )


def room_of(program: Program, of: Ints) -> Ints:
    """int64[]: room for any leaf of a program. of: int64[sources + 1], the blocks of each source."""
    fields = program.leaves.reshape(-1, LEAF_FIELDS)
    blocks = np.append(0, np.cumsum(np.diff(of)[program.uses]))
    cursors = int(np.diff(blocks[program.leaf_sources]).max(initial=0))
    steps = int((fields[:, BODY_END] - fields[:, BODY])[fields[:, OP] == SEQUENCE].max(initial=0))
    places = 4 * DISTINCT_COUNT_MAX if (fields[:, OP] == DISTINCT).any() else 1
    steps_at = ROOM_HEAD + cursors * CURSOR_FIELDS
    table_at = steps_at + steps * STEP_FIELDS
    near_at = table_at + 2 * places
    entries_at = near_at + 2 * len(program.sources)
    room = np.zeros(entries_at + ENTRY // 8 * int(of[-1]), np.int64)
    room[[STEPS_AT, TABLE_AT, PLACES]] = steps_at, table_at, places
    room[[NEAR_AT, ENTRIES_AT, BASE]] = near_at, entries_at, 1
    return room
