"""What modules that say single tests as leaves may use of the whole; and numbers as ranges."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Protocol

from yutang.conditions import nodes as n
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.evaluation.selection import MarkedType, types_of
from yutang.timeline.machine.parts import SPAN_MS_MAX, CannotSayError, Code, Parts, Range, Use, Window
from yutang.timeline.machine.program import Source
from yutang.timeline.view import View


class Speaker(Protocol):
    """A program that grows."""

    view: View
    parts: Parts
    zone: str  # of the definition
    record: str | None  # the kind of record that is asked about, if any

    def test(self, test: n.Test) -> None:
        """The code that leaves the truth of any test."""

    def bodied(self, inner: Callable[[], None]) -> Code:
        """What is emitted while something is said, as a body."""

    def push(
        self,
        op: int,
        window: Window,
        within: Range,
        uses: Sequence[Use],
        more: tuple[int, int] = (0, 0),
        body: Code | None = None,
    ) -> None:
        """Ask a leaf."""

    def emit(self, what: int, operand: int) -> None:
        """Add an instruction."""


def ranged(op: n.Op, than: Fraction) -> Range:
    """`x op than` of integers as low <= x <= high, or its opposite."""
    low, high = math.floor(than), math.ceil(than)
    if op in (n.Op.EQ, n.Op.NE):
        return (*((low, low) if low == high else (1, 0)), int(op is n.Op.NE))
    found = {
        n.Op.GE: (high, NEVER),
        n.Op.GT: (low + 1, NEVER),
        n.Op.LT: (BEGINNING, high - 1),
        n.Op.LE: (BEGINNING, low),
    }.get(op)
    if found is None or abs(than) >= SPAN_MS_MAX:
        raise CannotSayError
    return (*found, 0)


def types(by: Speaker, events: n.Events) -> Sequence[MarkedType]:
    """The types of a set; those that are named whether there are events of them yet or not."""
    return types_of(by.view, events)


def sources(by: Speaker, events: n.Events, role: int = 0, prop: str = "", shape: str = "") -> list[Use]:
    """The sources of a set, one a type, in a role. shape "codes": the property's words have codes of one space."""
    zone = by.zone if events.where is not None else ""
    space = prop if shape == "codes" else ""
    return [(Source(kind, events, zone, prop, shape, space=space), role) for kind in types(by, events)]
