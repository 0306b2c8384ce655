"""Stickiness: who is active on a day, in the seven days that end with it, in the thirty days that end with it.

A customer's active days are bits (`kernels.periods`); the customers of all windows of all days are counted in one walk
over the bits set (`rolling`), and in how many days of a month somebody came is a number of bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from yutang.conditions.nodes import Events
from yutang.timeline.kernels import periods as kernels
from yutang.timeline.questions.periods import Periods, bits_count, marked, without_before
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.view import View

WINDOWS_DAYS = (1, 7, 30)
MONTH_DAYS = WINDOWS_DAYS[-1]


@dataclass(frozen=True)
class Plan:
    """What is asked. days: those that are shown, and as many before them as the longest window reaches back."""

    events: Events
    days: Periods


def active(view: View, plan: Plan, codes: Ints, groups: int) -> tuple[Ints, Ints]:
    """(int64[groups, windows, days]: customers active in the window that ends with each day; int64[groups, 30]: those
    active on 1, 2, … days of the last thirty). codes: the group of each customer, -1 for none."""
    words, count = plan.days.words, plan.days.count
    masks = without_before(marked(view, plan.events, plan.days), words)
    widths = np.array(WINDOWS_DAYS, np.int64)
    rolled = kernels.rolling(masks, codes, widths, words, count + 1, groups)
    came = _came(masks, plan)
    mine = (codes >= 0) & (came > 0)
    spread = np.bincount(codes[mine] * MONTH_DAYS + came[mine] - 1, minlength=groups * MONTH_DAYS)
    return rolled.reshape(groups, len(widths), count + 1)[:, :, 1:], spread.reshape(groups, MONTH_DAYS)


def in_window(view: View, plan: Plan, day: int, days: int) -> Flags:
    """bool[n]: who is active in the so many days that end with a day."""
    masks = marked(view, plan.events, plan.days)
    return bits_count(masks, plan.days.words, max(day + 2 - days, 1), day + 2) > 0


def on_days(view: View, plan: Plan, days: int) -> Flags:
    """bool[n]: who is active on exactly so many of the last thirty days."""
    found: Flags = _came(marked(view, plan.events, plan.days), plan) == days
    return found


def _came(masks: Ints, plan: Plan) -> Ints:
    """int64[n]: on how many of the last thirty days."""
    end = plan.days.count + 1
    return bits_count(masks, plan.days.words, max(end - MONTH_DAYS, 1), end)
