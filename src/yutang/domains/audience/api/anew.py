"""The truths of all leaves worked out from nothing: at a start, and when something else is meant by them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from yutang.domains.audience.api.evaluating import everyone, looked_again
from yutang.domains.audience.rules.standings import HORIZON_MS, Truths, words_count
from yutang.kernel.instants import NEVER
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.slots import PEOPLE
from yutang.timeline.evaluate import Context, Evaluation
from yutang.timeline.everyone import Part
from yutang.timeline.kernels.machine_fields import INPUT, LEAF_FIELDS, LOW, OP
from yutang.timeline.machine.reading import facts_of
from yutang.timeline.machine.run import Links, Machine, blocks_of
from yutang.timeline.plan import Plan
from yutang.timeline.steps import Ints


def truths_anew(epoch: Epoch, plan: Plan, links: Links, asked: Sequence[tuple[Ints, int]]) -> tuple[Ints, Truths]:
    """(by anchor: before when no leaf turns, the truths) of some customers, each at an instant; others have none."""
    count = epoch[PEOPLE].count
    due, given_due = np.full((2, count), NEVER, np.int64)
    words = np.zeros((count, words_count(links.program.keys)), np.int64)
    for heads, instant in asked:
        _fill(epoch, plan, links, (heads, instant), (words, due, given_due))
    return due, Truths(tuple(links.program.keys), words, given_due)


def _fill(epoch: Epoch, plan: Plan, links: Links, asked: tuple[Ints, int], into: tuple[Ints, Ints, Ints]) -> None:
    (heads, instant), (words, due, given_due) = asked, into
    among = everyone(epoch, heads)

    def work(part: Part) -> None:
        context = Context(plan, instant + HORIZON_MS, start=instant)
        mine = among.heads[part.places]
        found, soonest, given = truths_of(links, Evaluation(part.view, context), instant)
        words[mine] = part.own(found.T).T
        given_due[mine] = part.own(given)
        due[mine] = part.own(np.minimum(soonest, given))

    if among.count:
        among.map(work)  # parts have customers of their own, so they write into different entries


def truths_of(
    links: Links, evaluated: Evaluation, instant: int, keys: Collection[str] | None = None
) -> tuple[Ints, Ints, Ints]:
    """(int64[n, words]: truths, before when no tested leaf turns, before when no input does) of a view's customers.

    evaluated: asked about the instant, and what comes after it. keys: of the leaves that are asked for; None: all.
    """
    program = links.program
    asked = np.array([keys is None or key in keys for key in program.keys], np.bool_)
    ops, lows = program.leaves[OP::LEAF_FIELDS][: len(asked)], program.leaves[LOW::LEAF_FIELDS]
    view = evaluated.view
    count = view.count
    own = np.flatnonzero(asked & (ops != INPUT)).tolist()
    facts = facts_of(program.facts, view, evaluated.context.channels)
    machine = Machine(links, blocks_of(program, view))
    words, due = machine.kept(np.arange(count), view.first_seen(), instant, own, facts=facts)
    given_due = looked_again(view, instant + HORIZON_MS) if program.inputs else np.full(count, NEVER)
    for leaf in np.flatnonzero(asked & (ops == INPUT)).tolist():
        one = program.inputs[int(lows[leaf])]
        truth, _, until = evaluated.truth(one.test, one.zone).look(instant)
        np.minimum(given_due, until, out=given_due)
        words[:, leaf // 64] |= truth << (leaf % 64)
    return words, due, given_due
