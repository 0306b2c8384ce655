"""Collections that grow from epoch to epoch while every published one stays as it was.

`Growing` shares one buffer: each sees its own length, and only the newest heir extends in place; an heir of an
older one (after a dropped delta) copies. `Paged` copies the pages that change. `Layers` stacks small dicts and
melts the upper ones together. All are O(change) amortised.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeVar
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
K = TypeVar("K")

PAGE_ENTRIES = 512
_SHIFT = 9
_MASK = PAGE_ENTRIES - 1


class Growing(Generic[T]):
    """An append-only list. Read below `len()` only."""

    __slots__ = ("__weakref__", "_heirs", "_items", "_length")

    def __init__(self, items: list[T] | None = None, heirs: WeakSet[Growing[T]] | None = None) -> None:
        self._items: list[T] = items if items is not None else []
        self._length = len(self._items)
        self._heirs: WeakSet[Growing[T]] = heirs if heirs is not None else WeakSet()  # all that share the items
        self._heirs.add(self)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, place: int) -> T:
        return self._items[place]

    def __iter__(self) -> Iterator[T]:
        items = self._items
        return (items[place] for place in range(self._length))

    def part(self, start: int) -> list[T]:
        """The items from a place on."""
        return self._items[start : self._length]

    def extended(self, more: Sequence[T]) -> Growing[T]:
        """The list with more at its end."""
        if not more:
            return self
        items, heirs = self._items, self._heirs
        if len(items) != self._length:
            if any(heir._length > self._length for heir in heirs):
                return Growing([*items[: self._length], *more])
            del items[self._length :]  # left behind by one that was dropped
        items.extend(more)
        return Growing(items, heirs)


class Paged(Generic[T]):
    """A value for each number, most of them a default."""

    __slots__ = ("default", "pages")

    def __init__(self, default: T, pages: list[list[T] | None] | None = None) -> None:
        self.default = default
        self.pages: list[list[T] | None] = pages if pages is not None else []

    @classmethod
    def of(cls, default: T, entries: Iterable[tuple[int, T]]) -> Paged[T]:
        """The collection that holds a value for some numbers."""
        draft = PagedDraft(cls(default))
        for number, value in entries:
            draft.set(number, value)
        return draft.frozen()

    def get(self, number: int) -> T:
        """The value of a number."""
        place = number >> _SHIFT
        if place >= len(self.pages):
            return self.default
        page = self.pages[place]
        return self.default if page is None else page[number & _MASK]

    def column(self, count: int) -> npt.NDArray[np.int64]:
        """int64[count]: the values of the first numbers, where they are integers."""
        empty = np.full(PAGE_ENTRIES, self.default, np.int64)
        pages = self.pages[: -(-count // PAGE_ENTRIES)]
        parts = [empty if page is None else np.array(page, np.int64) for page in pages]
        held = np.concatenate([*parts, np.empty(0, np.int64)])[:count]
        return np.concatenate([held, np.full(count - len(held), self.default, np.int64)])

    def edited(self) -> PagedDraft[T]:
        """A private copy to change."""
        return PagedDraft(self)


class PagedDraft(Generic[T]):
    """A `Paged` under change; what it was made from stays as it is."""

    __slots__ = ("_default", "_own", "_pages")

    def __init__(self, base: Paged[T]) -> None:
        self._default = base.default
        self._pages = list(base.pages)
        self._own: set[int] = set()

    def get(self, number: int) -> T:
        """The value of a number."""
        place = number >> _SHIFT
        if place >= len(self._pages):
            return self._default
        page = self._pages[place]
        return self._default if page is None else page[number & _MASK]

    def set(self, number: int, value: T) -> None:
        """Give a number a value."""
        place = number >> _SHIFT
        if place not in self._own:
            while place >= len(self._pages):
                self._pages.append(None)
            page = self._pages[place]
            self._pages[place] = [self._default] * PAGE_ENTRIES if page is None else list(page)
            self._own.add(place)
        page = self._pages[place]
        assert page is not None
        page[number & _MASK] = value

    def frozen(self) -> Paged[T]:
        """The changed collection; the draft must not be used after."""
        return Paged(self._default, self._pages)


class Layers(Generic[K, T]):
    """A mapping of few entries, or of many that seldom change."""

    __slots__ = ("_layers",)

    def __init__(self, layers: tuple[dict[K, T | None], ...] = ()) -> None:
        self._layers = layers

    def __bool__(self) -> bool:
        return any(True for _ in self.items())

    def get(self, key: K) -> T | None:
        """The value of a key, None if it has none."""
        for layer in reversed(self._layers):
            if key in layer:
                return layer[key]
        return None

    def items(self) -> Iterable[tuple[K, T]]:
        """All entries, in no particular order."""
        seen: set[K] = set()
        for layer in reversed(self._layers):
            for key, value in layer.items():
                if key not in seen:
                    seen.add(key)
                    if value is not None:
                        yield key, value

    def changed(self, changes: dict[K, T | None]) -> Layers[K, T]:
        """The mapping with some entries changed; None removes one."""
        if not changes:
            return self
        layers, top = list(self._layers), dict(changes)
        while layers and len(layers[-1]) <= 2 * len(top):
            top = {**layers.pop(), **top}
        if not layers:
            top = {key: value for key, value in top.items() if value is not None}
        return Layers((*layers, top)) if top or layers else Layers()
