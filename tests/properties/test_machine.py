"""The machine says what evaluation says: at any instant each ladder's value, and nothing changes before its until.

Seeded; `YUTANG_TEST_BUDGET` multiplies the number of examples.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from random import Random

import numpy as np
from tests.support.evaluation_trees import HOURS, VOCABULARY, ZONES, Scene, dense
from tests.support.memory_view import Fact, MemoryView

from yutang.conditions import nodes as n
from yutang.kernel.instants import DAY_MS, HOUR_MS, NEVER
from yutang.timeline.evaluate import CHANNEL_IDENTITIES, Context, Evaluation
from yutang.timeline.kernels.machine_fields import AT_INSTANT, BATCH, INPUT, LEAF_FIELDS, LOW, OP
from yutang.timeline.kernels.standing import changes as changed
from yutang.timeline.machine.compile import compiled
from yutang.timeline.machine.program import Input, Program
from yutang.timeline.machine.reading import Coding, facts_of, read, wanted
from yutang.timeline.machine.run import (
    Blocks,
    Flips,
    Links,
    Machine,
    Touched,
    address,
    blocks_of,
    words_of,
)
from yutang.timeline.plan import Definition, Plan, Rung
from yutang.timeline.steps import Ints

SCENES = max(1, int(150 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
INSTANTS = 8
TYPES = (("a",), ("b",), ("a", "b"), ("order_paid",))
HEADS = np.arange(2, dtype=np.int64)
NO_SET = np.zeros(2, np.int64)
IDENTITIES = [frozenset({"phone"}), frozenset()]
HASHES = [1_234_567_891_234, 2**61 + 7]
PARTS_COUNT_MAX = 4
OTHERS = 3  # scenes looked at for each test that is taken: a third begins on the same day


def _events(rng: Random) -> n.Events:
    where = rng.choice((None, None, n.Compare(n.Property("s"), n.Op.EQ, n.Text("p"))))
    which = rng.randrange(6)
    if which == 0:
        return n.Events()
    if which == 1:
        return n.Events(mark=rng.choice(("visit", "interest")))
    return n.Events(rng.choice(TYPES), where=where)


def _window(rng: Random, base: int) -> n.Window | None:
    which = rng.randrange(5)
    if which == 0:
        return None
    if which == 1:
        ends = [None, *(base * DAY_MS + hour * HOUR_MS for hour in (0, 30, 60, 100))]
        return n.Fixed(rng.choice(ends), rng.choice(ends))
    if which == 2:
        return n.Last(rng.choice(list(n.Unit)), rng.randint(1, 3))
    return n.This(rng.choice(list(n.Unit))) if which == 3 else n.Rolling(rng.randint(1, 80) * HOUR_MS)


def _subject(rng: Random, base: int) -> n.Subject:
    which = rng.randrange(5)
    if which == 0:
        return n.Count(_events(rng), _window(rng, base))
    if which == 1:
        return n.Since(_events(rng), rng.random() < 0.5)
    if which == 2:
        return n.Periods(_events(rng), rng.choice(list(n.Unit)), rng.randint(1, 4))
    if which == 3:
        fold = rng.choice((n.Fold.SUM, n.Fold.AVG))
        return n.Aggregate(fold, n.Events(("order_paid",)), "amount", _window(rng, base), net=fold is n.Fold.SUM)
    folds = [fold for fold in n.Fold if fold is not n.Fold.DISTINCT]
    types = n.Events(rng.choice((("a",), ("b",), ("a", "b"))), where=_events(rng).where)
    return n.Aggregate(rng.choice(folds), types, rng.choice(("i", "x", "m")), _window(rng, base))


def _set(rng: Random) -> n.Events:
    where = rng.choice((None, None, None, n.Compare(n.Property("s"), n.Op.EQ, n.Text("p"))))
    return n.Events(rng.choice((("a",), ("b",), ("a", "b"))), where=where)


def _ordered(rng: Random, base: int, apart: Sequence[int]) -> n.Test:
    """How events stand to one another, within spans that they often just keep or miss. apart: how far they lie from one
    another."""
    window = rng.choice((None, _window(rng, base), n.Rolling(rng.randint(10, 200) * HOUR_MS)))
    hours = rng.choice((rng.choice(apart), rng.randint(1, 30) * HOUR_MS))
    which = rng.randrange(4)
    if which == 0:
        return n.Returned(_set(rng), hours, window)
    if which == 1:
        return n.NotFollowed(_set(rng), _set(rng), rng.choice((0, hours)), window)
    if which == 2:
        distinct = n.Aggregate(n.Fold.DISTINCT, _set(rng), rng.choice(("s", "i", "d")), window)
        op = rng.choice((n.Op.EQ, n.Op.NE, n.Op.LT, n.Op.LE, n.Op.GT, n.Op.GE))
        return n.Compare(distinct, op, n.Number(str(rng.randint(0, 3))))
    steps = [n.Step(_set(rng))]
    for _ in range(rng.randint(1, 2)):
        steps.append(n.Step(_set(rng), rng.choice((None, hours)), rng.choice((None, None, _set(rng)))))
    return n.Sequence(tuple(steps), rng.choice((None, hours)), window)


def _leaf(rng: Random, base: int, apart: Sequence[int]) -> n.Test:
    if rng.random() < 0.35:
        return _ordered(rng, base, apart)
    which = rng.randrange(6)
    if which == 0:
        return rng.choice((n.Happened, n.Never))(_events(rng), _window(rng, base))
    if which == 1:
        return n.EachPeriod(_events(rng), rng.choice(list(n.Unit)), rng.randint(1, 3))
    subject = _subject(rng, base)
    if rng.random() < 0.1:
        return n.Unknown(subject)
    op = rng.choice((n.Op.EQ, n.Op.NE, n.Op.LT, n.Op.LE, n.Op.GT, n.Op.GE))
    hours = n.Span(rng.randint(1, 80) * HOUR_MS)
    return n.Compare(subject, op, hours if isinstance(subject, n.Since) else n.Number(str(rng.randint(-1, 3))))


def _of_label(rng: Random, label: str) -> n.Test:
    hours, which = rng.randint(1, 40) * HOUR_MS, rng.randrange(3)
    if which == 0:
        return n.InLabel(label, "in")
    return n.InLabel(label, "in", hours) if which == 1 else n.Moved(label, "in", hours, rng.random() < 0.5)


def _test(rng: Random, base: int, depth: int, labels: tuple[str, ...], apart: Sequence[int]) -> n.Test:
    which = rng.randrange(9) if depth else 6
    if which >= 7:
        return n.Hold(_leaf(rng, base, apart), rng.choice((0, rng.choice(apart), 20 * HOUR_MS)))
    if which >= 5:
        return _of_label(rng, rng.choice(labels)) if labels and rng.random() < 0.3 else _leaf(rng, base, apart)
    parts = tuple(_test(rng, base, depth - 1, labels, apart) for _ in range(rng.randint(1, 3)))
    one = (n.Not(parts[0]), n.All(parts), n.Any(parts), n.AtLeast(rng.randint(0, 3), parts), parts[0])
    return one[which]


def sayable(scene: Scene, rng: Random) -> Plan:
    """Ladders that the machine can say most of, of which the later ones name the first."""
    found: list[Definition] = []
    times = {one.at for one in scene.facts if one.type in ("a", "b")}
    apart = sorted({abs(one - other) for one in times for other in times} - {0}) or [HOUR_MS]
    for place in range(6):
        labels = ("l0",) if place else ()
        tests = [_test(rng, scene.base, 2, labels, apart) for _ in range(1 if place == 0 else rng.randint(1, 2))]
        rungs = tuple(Rung(value, test) for value, test in zip(("in", "other"), tests, strict=False))
        found.append(Definition(f"l{place}", 1, rng.choice(("", "Asia/Shanghai")), rungs))
    return Plan(found)


def all_said(scene: Scene, seed: int, rng: Random) -> Plan:
    """The scene's plan, and the tests of other scenes: every kind of test, also of its labels and in one another."""
    found = list(scene.plan.definitions.values())
    for other in range(6 * OTHERS):
        one = dense(1_000_000 + OTHERS * 6 * seed + other)
        if one.base == scene.base and len(found) < 2 + 6:
            found.append(Definition(f"d{other}", 1, rng.choice(("", *ZONES)), (Rung("in", one.test),)))
    return Plan(found)


def plans() -> Iterator[tuple[int, Scene, Plan, Random]]:
    for seed in range(SCENES):
        scene, rng = dense(seed), Random(seed)
        yield seed, scene, sayable(scene, rng) if seed % 2 == 0 else all_said(scene, seed, rng), rng


def instants(scene: Scene, full: Evaluation, plan: Plan, rng: Random) -> Iterator[int]:
    """At and beside events, where ladders change and just before, and anywhere."""
    events = [fact.at for fact in scene.facts]
    turns = np.concatenate([full.ladder(name).at for name in plan.names])
    turns = turns[(turns > 0) & (turns <= full.horizon)]
    for place in range(INSTANTS):
        at = scene.base * DAY_MS + rng.randint(-20, HOURS + 60) * HOUR_MS + rng.choice((-1, 0, 0, 1))
        if place % 4 == 0 and events:
            at = rng.choice(events) + rng.choice((-1, 0, 1))
        elif place % 4 != 1 and len(turns):
            at = int(rng.choice(turns)) - rng.choice((0, 0, 1))
        yield max(0, at)


def ops_of(program: Program) -> set[int]:
    return set(program.leaves[OP::LEAF_FIELDS].tolist())


def view_of(facts: Sequence[Fact]) -> MemoryView:
    return MemoryView(VOCABULARY, 2, facts, HASHES, IDENTITIES)


def laid(program: Program, facts: Sequence[Fact], rng: Random) -> Blocks:
    """The rows of each source in several blocks, whose words have codes of their own. Rows that are equal in instant
    and tie stay together: their order is that of blocks."""
    count = rng.randint(1, PARTS_COUNT_MAX)
    part_of: dict[object, int] = {}
    parts: list[list[Fact]] = [[] for _ in range(count)]
    for fact in facts:
        parts[part_of.setdefault((fact.customer, fact.type, fact.at, fact.tie), rng.randrange(count))].append(fact)
    views, coding = [view_of(part) for part in parts], Coding()
    blocks = Blocks(np.arange(len(program.sources) + 1, dtype=np.int64) * count, np.empty(0, np.int64))
    numbers: list[int] = []
    for source in program.sources:
        for view in views:
            rows = view.events(source.kind[0], wanted(source))
            found = read(source, view, rows, coding)
            columns = [rows.offsets, rows.at, rows.tie, found.flags, found.values, found.keys]
            held = [None if one is None else np.ascontiguousarray(one) for one in columns]
            lows, at, tie, flags, values, keys = (0 if one is None else address(one) for one in held)
            numbers += [BATCH, lows, lows + 8, at, tie, flags, values, 0, keys]
            blocks.held.append(held)
    blocks.numbers = np.array(numbers or [0], np.int64)
    return blocks


def test_values_are_those_of_evaluation_and_nothing_changes_before_until() -> None:
    met: set[int] = set()
    for seed, scene, plan, rng in plans():
        view = view_of(scene.facts)
        program, last = compiled(plan, view), (scene.base + 40) * DAY_MS
        rows = laid(program, scene.facts, rng) if seed % 3 else blocks_of(program, view)
        machine, full = Machine(Links(program), rows), Evaluation(view, Context(plan, last))
        facts = facts_of(program.facts, view, CHANNEL_IDENTITIES)
        met |= ops_of(program)
        for at in instants(scene, full, plan, rng):
            given = _inputs_at(program, Evaluation(view, Context(plan, last, start=at)), at)
            value, until = machine.at(HEADS, view.first_seen(), at, given, facts)
            assert (until > at).all(), (seed, at)
            for place, name in enumerate(program.names):
                held, _, next_ = full.ladder(name).look(at)
                assert value[:, place].tolist() == held.tolist(), (seed, name, at)
                changes = np.where(next_ <= last, next_, NEVER)
                assert (until[:, place] <= changes).all(), (seed, name, at)
    assert met == set(range(AT_INSTANT + 1))


def flips(program: Program, was: list[Ints], now: Evaluation, first: int, last: int) -> Flips:
    """The inputs that turn: at `first` against what they were, then up to `last`."""
    found: list[list[tuple[int, int]]] = [[], []]
    leaf_of = {
        int(program.leaves[leaf * LEAF_FIELDS + LOW]): leaf
        for leaf in range(program.leaves_count)
        if program.leaves[leaf * LEAF_FIELDS + OP] == INPUT
    }
    for place, one in enumerate(program.inputs):
        steps = now.truth(one.test, one.zone)
        who, _, _, when, *_ = changed(steps.offsets, steps.at, steps.value, was[place], first, last)
        for customer, at in zip(who.tolist(), when.tolist(), strict=True):
            found[customer].append((max(at, first), leaf_of[place]))
    flat = [turn for one in found for turn in sorted(one)]
    at, leaf = np.array(flat, np.int64).reshape(-1, 2).T
    return Flips(np.cumsum([0, *map(len, found)], dtype=np.int64), at, leaf)


def test_upkeep_tells_the_changes_between_two_instants() -> None:
    told = 0
    for seed, scene, plan, rng in plans():
        first = scene.base * DAY_MS + rng.randint(0, 5 * 24) * HOUR_MS
        last = first + rng.randint(0, 4 * 24) * HOUR_MS
        old = [fact for fact in scene.facts if rng.random() < 0.7]
        before, view = view_of(old), view_of(scene.facts)
        if before.types() != view.types():
            continue  # another program
        program = compiled(plan, view)
        was, now = Evaluation(before, Context(plan, last)), Evaluation(view, Context(plan, last + 400 * DAY_MS))
        bits = np.zeros((2, words_of(program)), np.int64)
        own = [leaf for leaf in range(program.leaves_count) if program.leaves[leaf * LEAF_FIELDS + OP] != INPUT]
        oldest = min([first, *(fact.at for fact in scene.facts)]) - 1
        begin = np.array([rng.randint(oldest, first), oldest])  # what began before is looked for all the same
        nothing = [np.zeros(2, np.int64)] * len(program.inputs)
        known = Touched(HEADS, NO_SET, [own], begin, before.first_seen(), np.full(2, NEVER))
        links, facts = Links(program), facts_of(program.facts, view, CHANNEL_IDENTITIES)
        machine = Machine(links, laid(program, old, rng))
        machine.moved(known, (first, first), bits, flips(program, nothing, was, first, first), facts)
        known = Touched(HEADS, NO_SET, [own], begin, view.first_seen(), before.first_seen())
        former = [was.truth(one.test, one.zone).values_at(first) for one in program.inputs]
        machine = Machine(links, laid(program, scene.facts, rng))
        turned = flips(program, former, now, first, last)
        changes, due = machine.moved(known, (first, last), bits, turned, facts)
        told += len(changes.ladder)
        for place, name in enumerate(program.names):
            whole = not _inputs_of(program, place)
            steps = now.ladder(name)
            columns = (steps.offsets, steps.at, steps.value, was.ladder(name).values_at(first), first, last)
            who, from_, to, when, _, until = changed(*columns)
            if not whole:  # since when isn't told of what had come about before
                when = np.where(when <= first, NEVER, when)
            mine = changes.ladder == place
            found = zip(changes.place[mine], changes.was[mine], changes.now[mine], changes.when[mine], strict=True)
            assert list(found) == list(zip(who, from_, to, when, strict=True)), (seed, name)
            assert not whole or (due <= np.where(until > last + 399 * DAY_MS, NEVER, until)).all(), (seed, name)
    assert told


def _inputs_at(program: Program, others: Evaluation, instant: int) -> Ints:
    """int64[n, inputs, 2]: truth and until of what the machine can't say."""
    found = np.empty((others.view.count, len(program.inputs), 2), np.int64)
    for place, one in enumerate(program.inputs):
        found[:, place, 0], _, found[:, place, 1] = others.look(one.test, instant, one.zone)
    return found


def _inputs_of(program: Program, ladder: int) -> list[Input]:
    """What must be worked out elsewhere for a ladder."""
    leaves = (leaf * LEAF_FIELDS for leaf in program.leaves_of[ladder])
    return [program.inputs[program.leaves[leaf + LOW]] for leaf in leaves if program.leaves[leaf + OP] == INPUT]
