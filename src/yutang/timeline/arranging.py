"""Rows of one type out of several runs, put into the order of customers: what an arrangement is made of.

Pure. A customer's rows lie side by side, in the order of (at, tie), customers by their heads; `sources` says of each
row where it comes from: its place if the runs lay one after the other. Everything is made in blocks of customers or
rows, so memory doesn't grow with the runs. Cost: a sort within each customer; then a pass over the rows a column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from yutang.timeline.columns import Words, recoded, united_words, words_of
from yutang.timeline.kernels.gather import place_rows, rows_between
from yutang.timeline.ordering import customer_order
from yutang.timeline.people import People
from yutang.timeline.runs import Run
from yutang.timeline.steps import Ints
from yutang.timeline.view import Column

CUSTOMERS_A_BLOCK = 32_768
ROWS_A_BLOCK = 1 << 20


@dataclass(eq=False)
class Ordering:
    """The order of the rows of some runs, block by block; `starts` is whole once all blocks were taken.

    starts: int64[anchors+1], by head the first row of its customer, and where it ends; anchors that aren't heads
    have no rows. people: who is one person, each anchor that is nobody's being its own.
    """

    runs: Sequence[Run]
    people: People
    starts: Ints = field(init=False)

    def __post_init__(self) -> None:
        self.starts = np.zeros(self.people.count + 1, np.int64)

    def blocks(self) -> Iterator[tuple[Ints, Ints, Ints]]:
        """(at, tie, sources) of the rows of some customers after the other."""
        heads = self.people.heads()
        firsts = first_sources(self.runs)
        counts = self.starts[1:]
        for start in range(0, len(heads), CUSTOMERS_A_BLOCK):
            mine = heads[start : start + CUSTOMERS_A_BLOCK]
            offsets, anchors = self.people.members(mine)
            owner = np.repeat(np.arange(len(mine)), np.diff(offsets))
            taken = [rows_between(*run.ranges(anchors), owner) for run in self.runs]
            owners = np.concatenate([owners for _, owners in taken])
            at = np.concatenate([run.at[rows] for run, (rows, _) in zip(self.runs, taken, strict=True)])
            tie = np.concatenate([run.tie[rows] for run, (rows, _) in zip(self.runs, taken, strict=True)])
            ends, order = customer_order(owners, at, tie, len(mine))
            counts[mine] = np.diff(ends)
            sources = np.concatenate([rows + first for (rows, _), first in zip(taken, firsts, strict=True)])
            yield at[order], tie[order], sources[order]
        np.cumsum(counts, out=counts)


def first_sources(runs: Sequence[Run]) -> list[int]:
    """Where the rows of each run begin if they lay one after the other."""
    return [sum(run.rows for run in runs[:place]) for place in range(len(runs))]


def lies_so(run: Run, people: People) -> bool:
    """Whether the rows of a run lie in the order of customers already: each anchor with rows is its own head."""
    return not people.joined_count or bool((people.head_of[run.anchors] == run.anchors).all())


def starts_of(run: Run, count: int) -> Ints:
    """`Ordering.starts` of a run whose rows lie so."""
    bits, ranks, starts = run.index
    del bits, ranks
    held = np.zeros(count + 1, np.int64)
    held[run.anchors + 1] = np.diff(starts)
    return np.cumsum(held, out=held)


def joined_words(columns: Sequence[Column]) -> tuple[Words, list[Column]]:
    """The words of all columns, each once, and the columns in their codes."""
    words, mappings = united_words([words_of(column) for column in columns])
    whole = Words(words)
    return whole, [
        Column(column.kind, recoded(column.values, mapping), whole)
        for column, mapping in zip(columns, mappings, strict=True)
    ]


def arranged_blocks(parts: Sequence[Ints], sources: Ints) -> Iterator[Ints]:
    """The values of runs, one after the other given by `parts`, in the order of an arrangement."""
    for start in range(0, len(sources), ROWS_A_BLOCK):
        mine = sources[start : start + ROWS_A_BLOCK]
        out = np.empty(len(mine), np.int64)
        first = 0
        for values in parts:
            place_rows(values, mine, first, out)
            first += len(values)
        yield out
