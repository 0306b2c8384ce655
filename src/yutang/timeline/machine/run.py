"""A program run over the customers of a view.

The rows of each source are found once (`Blocks`), then one kernel goes from customer to customer. `Machine.at` says
all ladders at an instant, from nothing. `Machine.moved` is upkeep: the truths of all leaves are kept, a bit each, and
only leaves that something can have touched are tested again; ladders are worked out where a leaf turned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from yutang.timeline.kernels import machine_fields as p
from yutang.timeline.kernels.machine_fields import BATCH
from yutang.timeline.machine.program import Program, Source, room_of
from yutang.timeline.machine.reading import Coding, read, wanted
from yutang.timeline.steps import Ints
from yutang.timeline.view import View

_NOTHING: Ints = np.zeros(1, np.int64)


@dataclass(slots=True)
class Blocks:
    """Where the rows of a program's sources lie; holds what its addresses point to.

    of: int64[sources + 1] into the blocks. numbers: BLOCK_FIELDS a block.
    """

    of: Ints
    numbers: Ints
    held: list[Any] = field(default_factory=list)


def address(array: Any) -> int:
    """Where the entries of a column begin; it must be contiguous, and is the caller's to hold."""
    return int(array.__array_interface__["data"][0])


def blocks_of(program: Program, view: View) -> Blocks:
    """The rows of a view, a block a source."""
    numbers: list[int] = []
    held: list[Any] = []
    coding = Coding()
    for source in program.sources:
        block, arrays = _block(source, view, coding)
        numbers += block
        held += arrays
    of = np.arange(len(program.sources) + 1, dtype=np.int64)
    return Blocks(of, np.array(numbers or [0], np.int64), held)


def _block(source: Source, view: View, coding: Coding) -> tuple[list[int], list[Any]]:
    rows = view.events(source.kind[0], wanted(source))
    found = read(source, view, rows, coding)
    columns = [rows.offsets, rows.at, rows.tie, found.flags, found.values, found.keys]
    arrays = [None if one is None else np.ascontiguousarray(one) for one in columns]
    lows, at, tie, flags, values, keys = (0 if one is None else address(one) for one in arrays)
    return [BATCH, lows, lows + 8, at, tie, flags, values, 0, keys], arrays


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed, by customer and instant: the ladder, the customer's place in the batch, its rungs, when.

    when: BEGINNING where it always was so, NEVER where it can't be told without the inputs.
    """

    ladder: Ints
    place: Ints
    was: Ints
    now: Ints
    when: Ints


@dataclass(frozen=True, slots=True)
class Flips:
    """The truths of inputs that turned, worked out elsewhere: of customer i those at offsets[i]:offsets[i+1].

    at: ascending within a customer, not before the first instant that is asked about. leaf: of the input.
    """

    offsets: Ints
    at: Ints
    leaf: Ints

    @classmethod
    def none(cls, count: int) -> Flips:
        """Of so many customers, none."""
        nothing = np.empty(0, np.int64)
        return cls(np.zeros(count + 1, np.int64), nothing, nothing)


@dataclass(frozen=True, slots=True)
class Touched:
    """Customers and what of each is tested again. heads: int64[n]. sets: leaves; set_of: int64[n], whose is which.

    start: int64[n], an instant before the oldest of what touched each. seen: int64[n], the first event of each, NEVER
    for none; seen_before: as it was known before.
    """

    heads: Ints
    set_of: Ints
    sets: Sequence[Sequence[int]]
    start: Ints
    seen: Ints
    seen_before: Ints


class Links:
    """A program as kernels take it: what reads what. Made once a program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        below, below_of = _lists([sorted(one) for one in program.leaves_of])
        named = [[*sorted(names), place] for place, names in enumerate(program.names_of)]
        above: list[list[int]] = [[] for _ in range(program.leaves_count)]
        for ladder, leaves in enumerate(program.leaves_of):
            for leaf in leaves:
                above[leaf].append(ladder)
        self.asked = tuple(np.ascontiguousarray(one, np.int64) for one in program.asked)
        self.context = np.zeros(p.CONTEXT_FIELDS, np.int64)
        self.context[: len(self.asked)] = [address(one) for one in self.asked]
        self.context[[p.C_INPUTS_COUNT, p.C_FACTS_COUNT]] = len(program.inputs), len(program.facts)
        self.code = _all(program.code, program.ladder_code)
        self.below = _all(below, below_of)
        self.links = _all(*_lists(named), *_lists(above))


class Machine:
    """A program over rows. It changes nothing of its own, so that several threads may run one."""

    def __init__(self, links: Links, blocks: Blocks) -> None:
        self._program = links.program
        self._links = links
        self._blocks = blocks
        self._rows_at = address(blocks.of), address(blocks.numbers)
        self._room = room_of(links.program, blocks.of)

    def at(
        self,
        heads: Ints,
        seen: Ints,
        instant: int,
        given: Ints | None = None,
        facts: Ints | None = None,
        ladders: Sequence[int] | None = None,
    ) -> tuple[Ints, Ints]:
        """(value, until) of ladders for customers at an instant: int64[n, ladders of the program] each.

        seen: the first event of each. given: int64[n, inputs, 2], truth and until of the inputs at the instant. facts:
        int64[n, facts] (`facts_of`). ladders: by their places, None for all; the columns of those that neither are
        wanted nor named by one that is hold anything.
        """
        from yutang.timeline.kernels.machine import valued

        count, every = len(heads), len(self._program.names)
        value, until = np.empty((2, count, every), np.int64)
        due = np.empty(count, np.int64)
        named = [(one, *self._program.names_of[one]) for one in (range(every) if ladders is None else ladders)]
        wanted = np.array(sorted({one for some in named for one in some}), np.int64)
        plan = (*self._links.code, _read(wanted), *self._links.below)
        context, held = self._context(seen, given, facts)
        valued(address(context), plan, _read(heads), instant, value.reshape(-1), until.reshape(-1), due)
        del held  # not before the kernel has read it
        return value, until

    def asking(self, ladder: int, heads: Ints, seen: Ints, facts: Ints) -> Callable[[int], Ints]:
        """What gives the value of one ladder at an instant, int64[n], each time it is called: `at` for few customers
        and many calls. heads, seen, facts: as of `at`, contiguous; the caller may write others into them. One thread
        calls, and copies what it keeps."""
        from yutang.timeline.kernels.machine import valued

        every = len(self._program.names)
        value, until = np.empty((2, len(heads), every), np.int64)
        wanted = np.array(sorted({ladder, *self._program.names_of[ladder]}), np.int64)
        plan = (*self._links.code, _read(wanted), *self._links.below)
        context, held = self._context(seen, None, facts)
        rest = (value.reshape(-1), until.reshape(-1), np.empty(len(heads), np.int64))
        where, who, found = address(context), _read(heads), value[:, ladder]

        def asked(instant: int, _held: object = (self, context, held)) -> Ints:  # what addresses point to
            valued(where, plan, who, instant, *rest)
            return found

        return asked

    def kept(
        self,
        heads: Ints,
        seen: Ints,
        instant: int,
        leaves: Sequence[int],
        given: Ints | None = None,
        facts: Ints | None = None,
    ) -> tuple[Ints, Ints]:
        """(bits, due) of some leaves for customers at an instant, from nothing: int64[n, words], their truths, a bit
        each, the others 0; int64[n], before when none of them changes."""
        from yutang.timeline.kernels.machine import kept

        bits = np.zeros((len(heads), words_of(self._program)), np.int64)
        due = np.empty(len(heads), np.int64)
        context, held = self._context(seen, given, facts)
        kept(address(context), _read(np.array(leaves, np.int64)), _read(heads), instant, bits.reshape(-1), due)
        del held  # not before the kernel has read it
        return bits, due

    def moved(
        self,
        touched: Touched,
        span: tuple[int, int],
        bits: Ints,
        flips: Flips | None = None,
        facts: Ints | None = None,
    ) -> tuple[Changes, Ints]:
        """(what changed against the kept truths and inside a span, int64[n]: before when no tested leaf changes next).

        span: the instants for which `bits` stand at the latest and to which they are carried on. bits: int64[n, words],
        the truths of all leaves, a bit each; written to. facts: int64[n, facts].
        """
        from yutang.timeline.kernels.machine import moved

        flips = flips or Flips.none(len(touched.heads))
        due = np.empty(len(touched.heads), np.int64)
        plan = (*self._links.code, *self._links.below, *self._links.links)
        who = _all(touched.heads, touched.set_of, *_lists(touched.sets), touched.start,
                   touched.seen_before)  # fmt: skip
        turned = _all(flips.offsets, flips.at, flips.leaf)
        context, held = self._context(touched.seen, None, facts)
        found = moved(address(context), plan, who, turned, *span, bits.reshape(-1), due)
        del held  # not before the kernel has read it
        return Changes(*found), due

    def _context(self, seen: Ints, given: Ints | None, facts: Ints | None) -> tuple[Ints, list[Ints]]:
        """(context, what it points to besides what the machine holds), of one call."""
        from yutang.timeline.kernels.machine_asked import leaf_tested

        inputs, truths = (_NOTHING if one is None else one for one in (given, facts))
        held = [np.ascontiguousarray(one, np.int64) for one in (inputs, seen, truths)]
        context, room = self._links.context.copy(), self._room.copy()
        context[[p.C_BLOCK_OF, p.C_BLOCKS]] = self._rows_at
        context[[p.C_INPUTS, p.C_SEEN, p.C_FACTS]] = [address(one) for one in held]
        context[[p.C_ROOM, p.C_TESTED]] = address(room), int(leaf_tested.address or 0)
        return context, [*held, room]


def compile_kernels() -> None:
    """Compile the machine's kernels, or load them out of numba's cache: by running them over nobody. Seconds."""
    nothing: Ints = np.empty(0, np.int64)
    begin = np.zeros(1, np.int64)
    arrays = (nothing, begin, nothing, nothing, nothing, nothing, begin, nothing, begin)
    links = Links(Program(*arrays, (), (), (), (), (), (), (), ()))
    machine = Machine(links, Blocks(begin, begin))
    machine.at(nothing, nothing, 0)
    machine.kept(nothing, nothing, 0, ())
    nobody = Touched(nothing, nothing, (), nothing, nothing, nothing)
    machine.moved(nobody, (0, 0), np.zeros((0, 1), np.int64))


def words_of(program: Program) -> int:
    """How many words hold the truths of a customer."""
    return -(-program.leaves_count // 64)


def _lists(lists: Sequence[Sequence[int]]) -> tuple[Ints, Ints]:
    """(the entries of all, where each begins)."""
    flat = np.array([entry for one in lists for entry in one], np.int64)
    return flat, np.cumsum([0, *map(len, lists)], dtype=np.int64)


def _all(*arrays: Ints) -> tuple[Ints, ...]:
    return tuple(map(_read, arrays))


def _read(array: Ints) -> Ints:
    """The array as kernels take it in tuples: contiguous, all of one type."""
    array = np.ascontiguousarray(array, np.int64).view()
    array.flags.writeable = False
    return array
