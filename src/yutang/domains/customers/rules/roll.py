"""All identities as columns: what a start reads at once, made into `Identity` objects only where one is looked at.

A million objects, and a dictionary of them, cost a start more than all else, and most are never asked for. A number is
found by its hash among the sorted ones (1 µs more than in a dictionary, once: what was found is remembered).
Invariant: as far as anybody sees, a `Roll` doesn't change, and neither does an `Identities`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from yutang.domains.customers.rules.growing import Growing
from yutang.kernel.event import Identity
from yutang.kernel.ids import hash64

Ints = npt.NDArray[np.int64]

FORGOTTEN = 0  # the hash of an identity that is nobody's any more: its kind is empty


class Roll:
    """Identities by number.

    pairs: the kinds and scopes, in the order of first sight. place: int64[identities], which of the pairs each has.
    values: what each is called. hashes: int64[identities], hash64 of each, FORGOTTEN where there is none.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]], place: Ints, values: list[str], hashes: Ints) -> None:
        self.pairs = tuple(pairs)
        self.place = place
        self.values = values
        self.hashes = hashes
        self._place = place.data  # one number out of it costs a third
        self._met: dict[Identity, int] = {}

    @classmethod
    def of(cls, identities: Sequence[Identity], hashes: Ints | None = None) -> Roll:
        """The columns of identities; their hashes are reckoned if they aren't known."""
        known: dict[tuple[str, str], int] = {}
        place = [known.setdefault(identity[:2], len(known)) for identity in identities]
        if hashes is None:
            hashes = np.array([hash_of(identity) for identity in identities], np.int64)
        return cls(tuple(known), np.array(place, np.int64), [identity.value for identity in identities], hashes)

    def __len__(self) -> int:
        return len(self.values)

    def identity(self, number: int) -> Identity:
        """The identity of a number."""
        kind, scope = self.pairs[self._place[number]]
        return Identity(kind, scope, self.values[number])

    def find(self, identity: Identity) -> int | None:
        """The number of an identity, None if it isn't one of these."""
        number = self._met.get(identity)
        if number is None and self.values:
            number = self._sought(identity)
            if number is not None:
                self._met[identity] = number
        return number

    def _sought(self, identity: Identity) -> int | None:
        hashes, numbers = self._sorted
        sought = hash64(*identity)
        place = bisect_left(hashes, sought)
        while place < len(hashes) and hashes[place] == sought:  # two may have one hash
            number: int = numbers[place]
            if self.identity(number) == identity:
                return number
            place += 1
        return None

    @cached_property
    def _sorted(self) -> tuple[memoryview, memoryview]:
        order = np.argsort(self.hashes, kind="stable")
        return self.hashes[order].data, order.data


def hash_of(identity: Identity) -> int:
    """The hash that is kept of an identity."""
    return hash64(*identity) if identity.kind else FORGOTTEN


NO_ROLL = Roll((), np.empty(0, np.int64), [], np.empty(0, np.int64))


class Identities:
    """An append-only list of identities: those of a roll, then those that came since. Read below `len()` only."""

    __slots__ = ("_fresh", "_stored", "roll")

    def __init__(self, roll: Roll = NO_ROLL, fresh: Growing[Identity] | None = None) -> None:
        self.roll = roll
        self._stored = len(roll)
        self._fresh: Growing[Identity] = Growing() if fresh is None else fresh

    def __len__(self) -> int:
        return self._stored + len(self._fresh)

    def __getitem__(self, number: int) -> Identity:
        return self.roll.identity(number) if number < self._stored else self._fresh[number - self._stored]

    def __iter__(self) -> Iterator[Identity]:
        return chain(map(self.roll.identity, range(self._stored)), self._fresh)

    def extended(self, more: Sequence[Identity]) -> Identities:
        """The list with more at its end."""
        return Identities(self.roll, self._fresh.extended(more)) if more else self

    def without(self, gone: Iterable[int], nobody: Callable[[int], Identity]) -> Roll:
        """All as columns, with what stands for nobody in the place of some."""
        identities, hashes = list(self), [hash_of(identity) for identity in self._fresh]
        kept = np.concatenate([self.roll.hashes, np.array(hashes, np.int64)])
        for number in gone:
            identities[number] = nobody(number)
            kept[number] = FORGOTTEN
        return Roll.of(identities, kept)


class Index:
    """Identity → its number: of a roll, then in the order of appending.

    What was appended is shared: each index sees its own length, and only the newest heir extends in place.
    """

    __slots__ = ("__weakref__", "_heirs", "_length", "_numbers", "_roll", "_stored")

    def __init__(
        self, roll: Roll = NO_ROLL, numbers: dict[Identity, int] | None = None, heirs: WeakSet[Index] | None = None
    ) -> None:
        self._roll = roll
        self._stored = len(roll)
        self._numbers: dict[Identity, int] = numbers if numbers is not None else {}
        self._length = self._stored + len(self._numbers)
        self._heirs: WeakSet[Index] = heirs if heirs is not None else WeakSet()  # all that share the numbers
        self._heirs.add(self)

    def find(self, identity: Identity) -> int | None:
        """The number of an identity, None if it was never seen."""
        number = self._numbers.get(identity)
        if number is None:
            return self._roll.find(identity)
        return number if number < self._length else None

    def extended(self, more: Sequence[Identity]) -> Index:
        """The index with new identities, numbered onwards."""
        if not more:
            return self
        numbers, heirs = self._numbers, self._heirs
        if self._stored + len(numbers) != self._length:
            if any(heir._length > self._length for heir in heirs):
                numbers = {identity: number for identity, number in numbers.items() if number < self._length}
                heirs = WeakSet()
            while self._stored + len(numbers) > self._length:  # left behind by one that was dropped: the last put in
                numbers.popitem()
        numbers.update(zip(more, range(self._length, self._length + len(more)), strict=True))
        return Index(self._roll, numbers, heirs)
