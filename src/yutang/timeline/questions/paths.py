"""Paths: what customers do after an event, or before one, step by step.

Events are named by their type or by a property of theirs; one without the property keeps its type's name, in brackets.
Only customers with an event from which a path begins are looked at, and of them only what comes after the first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from yutang.conditions.nodes import Events
from yutang.kernel.instants import INSTANT_MIN_MS
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.selection import select_type, types_of
from yutang.timeline.kernels import paths as kernels
from yutang.timeline.kernels.intervals import between, rows_of
from yutang.timeline.questions.lines import Rows, together
from yutang.timeline.steps import UNKNOWN, Ints
from yutang.timeline.view import Column, View

FULL, STOPPED, ONGOING = kernels.FULL, kernels.STOPPED, kernels.ONGOING


@dataclass(frozen=True)
class Paths:
    """A question, parsed. anchor: the events from which paths begin, or, with `backwards`, to which they lead.

    among: the events that they are made of. prop: names them; "": their type does. names_of: what values are called.
    every: a path for each such event that lies in none yet, not only for the customer's first.
    """

    anchor: Events
    among: Events
    steps: int
    gap_ms: int
    since_ms: int
    until_ms: int
    calendar: Calendar
    names_of: Callable[[Column], Sequence[str]]
    prop: str = ""
    backwards: bool = False
    every: bool = False
    collapse: bool = True

    @property
    def first_ms(self) -> int:
        """The first instant at which an event may lie."""
        return max(self.since_ms, INSTANT_MIN_MS)


@dataclass(frozen=True)
class Walked:
    """Paths of customers of a view. taken: steps after the first event. end: FULL, STOPPED or ONGOING.

    name: int64[paths, steps + 1], places in `names`. at: their instants. Beyond `taken` both are 0.
    """

    owner: Ints
    taken: Ints
    end: Ints
    name: Ints
    at: Ints
    names: tuple[str, ...]


def walked(view: View, paths: Paths) -> Walked:
    """The paths of the customers of a view, in the order of customers and, of each, of time."""
    codes: dict[str, int] = {}
    anchors = _events(view, paths, paths.anchor, codes, None)
    if not paths.every:
        owners = np.flatnonzero(np.diff(anchors.offsets))
        anchors = anchors.laid(anchors.offsets[owners], owners, view.count)
    events = _events(view, paths, paths.among, codes, anchors)
    if paths.backwards:
        anchors, events = _turned(anchors), _turned(events)
    owner, taken, end, name, at = kernels.walk(
        events.offsets, events.at, events.tie, events.code,
        anchors.offsets, anchors.at, anchors.tie, anchors.code,
        paths.steps, paths.gap_ms, -paths.first_ms if paths.backwards else paths.until_ms, int(paths.collapse),
    )  # fmt: skip
    shape = (len(owner), paths.steps + 1)
    beyond = np.arange(shape[1]) > taken[:, None]
    name, at = np.where(beyond, 0, name.reshape(shape)), np.where(beyond, 0, at.reshape(shape))
    if paths.backwards:
        owner, taken, end, name, at = view.count - 1 - owner[::-1], taken[::-1], end[::-1], name[::-1], -at[::-1]
    return Walked(owner, taken, end, name, at, tuple(codes))


def _events(view: View, paths: Paths, events: Events, codes: dict[str, int], near: Rows | None) -> Rows:
    """The events of a set, named; with `near`, only those of customers who have one of these."""
    parts = []
    for kind in types_of(view, events):
        found = select_type(view, kind, events, paths.calendar, paths.prop or None)
        lows, highs = between(found.offsets[:-1], found.offsets[1:], found.at, paths.first_ms - 1, paths.until_ms)
        if near is not None:
            highs = np.where(near.offsets[1:] > near.offsets[:-1], highs, lows)
        offsets, rows = rows_of(lows, highs)
        if len(rows):
            code = _codes(found.column, rows, kind[0], paths, codes)
            parts.append(Rows(offsets, found.at[rows], found.tie[rows], code=code))
    return together(parts) if parts else Rows.none(view.count)


def _codes(column: Column | None, rows: Ints, type_name: str, paths: Paths, codes: dict[str, int]) -> Ints:
    """The place of each event's name in `codes`, to which new names are added."""
    if column is None:
        return np.full(len(rows), codes.setdefault(type_name, len(codes)))
    present, places = np.unique(column.values[rows], return_inverse=True)
    names = paths.names_of(Column(column.kind, present, column.words))
    named = [
        f"[{type_name}]" if value == UNKNOWN else name for value, name in zip(present.tolist(), names, strict=True)
    ]
    return np.array([codes.setdefault(name, len(codes)) for name in named], np.int64)[places]


def _turned(rows: Rows) -> Rows:
    """In time turned round, the last customer first."""
    return Rows(
        np.ascontiguousarray(len(rows.at) - rows.offsets[::-1]),
        np.ascontiguousarray(-rows.at[::-1]),
        np.ascontiguousarray(-rows.tie[::-1]),
        code=np.ascontiguousarray(rows.code[::-1]),
    )
