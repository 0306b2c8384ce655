"""From when until when an event is in a window, as T passes.

An event at t is in a window for T in [start, end), and later events never start or end earlier:

    all time         [t, never)
    rolling w        [t, t + w)                        the window is (T − w, T]
    from … to …      [t, never), if t lies in it
    this unit        [t, beginning of the next period)
    last k units     [beginning of the next period, beginning of the k-th period after that)

so a sequence of events is in the window from the start of its last until the end of its first. Turned round, the
events that are in a window at some T of a stretch lie in one interval of time (`reach`), the rest needn't be read;
at a point that interval is the window.
"""

from __future__ import annotations

import numpy as np

from yutang.conditions.nodes import Fixed, Last, Rolling, This, Window
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.boundaries import Calendar
from yutang.timeline.evaluation.algebra import Spans, shifted
from yutang.timeline.evaluation.selection import Reach, Selected
from yutang.timeline.steps import Ints, Stretch


def enters(window: Window | None, at: Ints, calendar: Calendar) -> Ints:
    """From when on an event at each instant is in the window."""
    if isinstance(window, Last):
        return calendar.period_begins(calendar.periods(at, window.unit) + 1, window.unit)
    return at


def leaves(window: Window | None, at: Ints, calendar: Calendar) -> Ints:
    """Until when an event at each instant is in the window. BEGINNING (no event) stays BEGINNING."""
    if isinstance(window, Rolling):
        return shifted(at, window.ms)
    if isinstance(window, (Last, This)):
        ahead = 1 + window.count if isinstance(window, Last) else 1
        ends = calendar.period_begins(calendar.periods(at, window.unit) + ahead, window.unit)
        return np.where(at == BEGINNING, BEGINNING, ends)
    return np.where(at == BEGINNING, BEGINNING, NEVER)


def eligible(window: Window | None, selected: Selected) -> Selected:
    """The events that can be in the window at any time: all, but for a fixed one."""
    if not isinstance(window, Fixed):
        return selected
    start = BEGINNING if window.start is None else window.start
    end = NEVER if window.end is None else window.end
    return selected.keep((selected.at >= start) & (selected.at < end))


def spans(window: Window | None, selected: Selected, calendar: Calendar) -> Spans:
    """When each of the (eligible) events is in the window."""
    return Spans(selected.offsets, enters(window, selected.at, calendar), leaves(window, selected.at, calendar))


def reach(window: Window | None, stretch: Stretch, calendar: Calendar) -> Reach:
    """The interval of the events that are in the window at some T of the stretch."""
    start, end = BEGINNING, stretch.end
    if isinstance(window, Rolling):
        start = int(shifted(np.array([stretch.start], np.int64), -window.ms)[0])
    elif isinstance(window, Fixed):
        start = BEGINNING if window.start is None else window.start - 1
        end = end if window.end is None else min(end, window.end - 1)
    elif isinstance(window, (This, Last)):
        back = window.count if isinstance(window, Last) else 0
        first, last = calendar.periods(np.array([stretch.start, end], np.int64), window.unit)
        first, last = calendar.period_begins(np.array([first - back, last], np.int64), window.unit).tolist()
        start = first if first == BEGINNING else first - 1
        end = last - 1 if isinstance(window, Last) and last > BEGINNING else end
    return Reach(start, max(start, end))
