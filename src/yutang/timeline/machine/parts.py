"""The parts of a program as they come together: leaves, sources, bodies, tables of periods. Nothing twice.

Pure. Owns how a leaf is told from all others: by numbers and sources here, and by a text that means the same in every
process (`Program.keys`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from yutang.conditions import nodes as n
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.boundaries import calendar
from yutang.timeline.kernels import machine_fields as p
from yutang.timeline.machine.program import Fact, Input, Source
from yutang.timeline.steps import Ints

SPAN_MS_MAX = 2**61
Range = tuple[int, int, int]  # low, high, negated
Window = tuple[int, int, int]
Code = list[tuple[int, int]]
Use = tuple[Source, int]  # with its role
EVER: Window = (p.ALL, 0, 0)
ANYTHING: Range = (BEGINNING, NEVER, 0)


class CannotSayError(Exception):
    """The machine has no word for a test."""


@dataclass(slots=True)
class Leaf:
    """One leaf: what it is made of, what it reads, its key; how many bodies deep it is."""

    numbers: tuple[int, ...]
    uses: list[tuple[int, int]]
    reads: frozenset[str]
    key: str
    depth: int = 0


@dataclass(slots=True)
class Parts:
    """All leaves so far, with what they share."""

    leaves: list[Leaf] = field(default_factory=list)
    sources: dict[Source, int] = field(default_factory=dict)
    inputs: dict[Input, int] = field(default_factory=dict)
    facts: dict[Fact, int] = field(default_factory=dict)
    body: Code = field(default_factory=list)
    tables: dict[tuple[str, n.Unit], int] = field(default_factory=dict)
    begins: list[Ints] = field(default_factory=list)
    _places: dict[tuple[object, ...], int] = field(default_factory=dict)
    _bodies: dict[tuple[tuple[int, int], ...], tuple[int, int]] = field(default_factory=dict)

    def leaf(
        self,
        op: int,
        window: Window,
        within: Range,
        uses: Sequence[Use] = (),
        more: tuple[int, int] = (0, 0),
        body: Iterable[tuple[int, int]] = (),
    ) -> int:
        """The place of a leaf. body: of a leaf that has one, its code."""
        code = tuple(body)
        if any(what == p.PUSH and self.leaves[operand].depth == p.BODIES_DEPTH_MAX for what, operand in code):
            raise CannotSayError
        numbers = (op, *window, *within, *more, *self._body(code))
        used = [(self.sources.setdefault(one, len(self.sources)), role) for one, role in uses]
        identity = (numbers, tuple(used))
        found = self._places.get(identity)
        if found is None:
            found = self._places[identity] = len(self.leaves)
            below = [self.leaves[operand] for what, operand in code if what == p.PUSH]
            reads = frozenset(one.kind[0] for one, _ in uses).union(*(one.reads for one in below))
            depth = int(op >= p.RECORDS) + max((one.depth for one in below), default=0)
            self.leaves.append(Leaf(numbers, used, reads, self._key(numbers, uses, code), depth))
        return found

    def _body(self, code: tuple[tuple[int, int], ...]) -> tuple[int, int]:
        found = self._bodies.get(code)
        if found is None:
            found = self._bodies[code] = len(self.body), len(self.body) + len(code)
            self.body += code
        return found

    def table(self, zone: str, unit: n.Unit) -> int:
        """The place of a unit's periods in a zone."""
        place = self.tables.get((zone, unit))
        if place is None:
            place = self.tables[zone, unit] = len(self.begins)
            self.begins.append(calendar(zone).begins(unit))
        return place

    def window(self, window: n.Window | None, zone: str) -> Window:
        """A window as a leaf has it."""
        if window is None:
            return EVER
        if isinstance(window, n.Rolling):
            if not 0 < window.ms < SPAN_MS_MAX:
                raise CannotSayError
            return p.ROLLING, window.ms, 0
        if isinstance(window, n.Fixed):
            start = BEGINNING if window.start is None else window.start
            return p.FIXED, start, NEVER if window.end is None else window.end
        if isinstance(window, n.Last):
            return p.COMPLETE, self.table(zone, window.unit), window.count
        return p.CURRENT, self.table(zone, window.unit), 0

    def _key(self, numbers: tuple[int, ...], uses: Sequence[Use], code: tuple[tuple[int, int], ...]) -> str:
        """What a leaf tests: places by what they mean, and no types that are there by chance."""
        op, told = numbers[p.OP], list[object](numbers[: p.BODY])
        tables = list(self.tables)
        if op == p.INPUT:
            return repr(list(self.inputs)[numbers[p.LOW]])
        if op == p.FACT:
            return repr(list(self.facts)[numbers[p.LOW]])
        if op in (p.AGE, p.ANNIVERSARY):
            told[p.WINDOW_END] = tables[numbers[p.WINDOW_END]]
        elif op not in _UNWINDOWED and numbers[p.WINDOW] in (p.COMPLETE, p.CURRENT):
            told[p.WIDTH] = tables[numbers[p.WIDTH]]
        below = [(what, self.leaves[operand].key if what == p.PUSH else operand) for what, operand in code]
        sets = dict.fromkeys((_meaning(one), role) for one, role in uses)
        return repr((told, below, list(sets)))

    def arrays(self, order: Sequence[int]) -> tuple[Ints, Ints, Ints, Ints]:
        """(leaves, leaf_sources, uses, roles), the leaves in an order."""
        ordered = [self.leaves[place] for place in order]
        uses = [use for one in ordered for use in one.uses]
        return (
            np.array([one.numbers for one in ordered], np.int64).reshape(-1),
            np.cumsum([0, *(len(one.uses) for one in ordered)], dtype=np.int64),
            np.array([source for source, _ in uses], np.int64),
            np.array([role for _, role in uses], np.int64),
        )


# Leaves whose window field says something else.
_UNWINDOWED = frozenset({p.JUDGED, p.AGE, p.DUE, p.ANNIVERSARY, p.HOLD, p.ENTERED, p.AT_INSTANT})


def _meaning(source: Source) -> tuple[object, ...]:
    """A source but for the type, which may be one of those that a set has by chance."""
    return (source.events, source.zone, source.property, source.shape, source.judge, source.key, source.ranked)
