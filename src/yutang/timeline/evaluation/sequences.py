"""Ordered matches: a then b then c, and a that b didn't follow.

A match lies in a window from when its last event enters it until its first leaves (`windows`), so for
each event of the last step the latest possible beginning decides (`kernels.chains`), and the union of
those intervals is one fold. Cost: linear in the events of all steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from yutang.conditions.limits import STEPS_COUNT_MAX
from yutang.conditions.nodes import Events, NotFollowed, Sequence, Step
from yutang.kernel.errors import ConditionError
from yutang.kernel.instants import BEGINNING, NEVER
from yutang.timeline.evaluation import points
from yutang.timeline.evaluation.algebra import Spans, covered, ever, kept, shifted
from yutang.timeline.evaluation.ask import Ask
from yutang.timeline.evaluation.inside import any_followed
from yutang.timeline.evaluation.selection import Reach, Selected
from yutang.timeline.evaluation.windows import enters, leaves, reach
from yutang.timeline.kernels import chains
from yutang.timeline.steps import Flags, Ints, Steps

_NONE: Ints = np.empty(0, np.int64)


def sequence(ask: Ask, node: Sequence) -> Steps:
    """Whether a match lies in the window; asked of those only who have an event for each step."""

    def matched(some: Ask) -> Steps:
        found, begun = matches(some, node)
        return covered(match_spans(some, node, found[-1], begun[-1]), some.stretch)

    within = reach(node.window, ask.stretch, ask.calendar)
    plain = _plainly(ask, node, within) if ask.stretch.point else None
    if plain is not None:
        return plain
    return ask.only(partial(_all_seen, ask, [step.events for step in node.steps], within), matched, 0)


def _plainly(ask: Ask, node: Sequence, within: Reach) -> Steps | None:
    """The same at a point, by one walk over the rows of the steps where they lie; None: not every step is of one type,
    or something is said about two that follow one another."""
    if not 1 <= len(node.steps) <= STEPS_COUNT_MAX:
        return None
    if any(step.without is not None or (place and step.within_ms is not None) for place, step in enumerate(node.steps)):
        return None
    steps = [ask.inside(step.events, within) for step in node.steps]
    if any(len(parts) > 1 for parts in steps):
        return None
    if not all(steps):
        return Steps.truths(np.zeros(ask.view.count, np.bool_))
    total = NEVER if node.total_ms is None else node.total_ms
    return Steps.truths(any_followed([one for (one,) in steps], ask.view.count, total, within))


def _all_seen(ask: Ask, sets: Iterable[Events], within: Reach) -> Flags:
    """bool[n]: who has an event of each set within reach."""
    seen = np.ones(ask.view.count, np.bool_)
    for events in dict.fromkeys(sets):
        seen &= ever(points.at_least(ask, events, within, 1))
    return seen


def match_spans(ask: Ask, node: Sequence, last: Selected, begun: Ints) -> Spans:
    """When the longest-lasting match that ends in each event of the last step is in the window."""
    start = enters(node.window, last.at, ask.calendar)
    end = leaves(node.window, begun, ask.calendar)
    if node.total_ms is not None:
        end = np.where(begun >= shifted(last.at, -node.total_ms), end, BEGINNING)
    return Spans(last.offsets, start, end)


def matches(ask: Ask, node: Sequence) -> tuple[list[Selected], list[Ints]]:
    """(events of each step, for each event the latest beginning of a match of the steps so far, BEGINNING: none)."""
    if not 1 <= len(node.steps) <= STEPS_COUNT_MAX:
        raise ConditionError(
            "condition.sequence_steps", f"a sequence has 1 to {STEPS_COUNT_MAX} steps, not {len(node.steps)}"
        )
    within = reach(node.window, ask.stretch, ask.calendar)  # of every event of a match, so also of those between
    found = [ask.select(step.events, None, within) for step in node.steps]
    begun = [found[0].at]
    for step, before, here in zip(node.steps[1:], found, found[1:], strict=False):
        out = None if step.without is None else ask.select(step.without, None, within)
        begun.append(_chained(step, before, begun[-1], here, out))
    return found, begun


def _chained(step: Step, before: Selected, begun: Ints, here: Selected, out: Selected | None) -> Ints:
    out = out or Selected(np.zeros_like(before.offsets), _NONE, _NONE)
    within = NEVER if step.within_ms is None else step.within_ms
    return chains.chain(
        before.offsets, before.at, before.tie, begun,
        here.offsets, here.at, here.tie,
        out.offsets, out.at, out.tie, within,
    )  # fmt: skip


def not_followed(ask: Ask, node: NotFollowed) -> Steps:
    """Whether an event in the window wasn't followed by any of `by` within a span that has passed; asked of those only
    who have such an event."""
    within = reach(node.window, ask.stretch, ask.calendar)
    passed = int(shifted(np.array([ask.stretch.end], np.int64), -node.within_ms)[0])
    asked = Reach(within.after, max(within.after, min(within.until, passed)))
    return ask.only(
        partial(_all_seen, ask, [node.events], asked),
        lambda some: covered(unanswered(some, node)[1], some.stretch),
        0,
    )


def unanswered(ask: Ask, node: NotFollowed) -> tuple[Selected, Spans]:
    """The events that weren't followed, and when each makes the condition true."""
    within = reach(node.window, ask.stretch, ask.calendar)
    selected = ask.select(node.events, None, within)
    by = ask.select(node.by, None, Reach(within.after, ask.stretch.end))
    following = chains.next_after(selected.offsets, selected.at, selected.tie, by.offsets, by.at, by.tie)
    deadline = shifted(selected.at, node.within_ms)
    start = np.maximum(enters(node.window, selected.at, ask.calendar), deadline)
    end = leaves(node.window, selected.at, ask.calendar)
    lonely = following > deadline
    return selected.keep(lonely), kept(Spans(selected.offsets, start, end), lonely)
