"""Which groups a change makes resolution look at again.

Invariant: what is opened is whole groups, with all that people joined with them; groups with changes of their
own that are next to an opened one are opened too, so those around have none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from yutang.domains.customers.rules.draft import Draft


class Groups(Protocol):
    """The groups as they stand while changes are settled."""

    def label(self, number: int) -> int:
        """The label of an identity's customer."""

    def core(self, label: int) -> tuple[int, ...]:
        """The core of a customer."""

    def in_core(self, number: int) -> bool:
        """Whether an identity is part of its customer's core, not attached to it."""


class Opened:
    """The groups that are resolved again together, and the labels of those around them."""

    def __init__(self, draft: Draft, groups: Groups, dirty: set[int]) -> None:
        self._draft = draft
        self._groups = groups
        self._dirty = dirty
        self._labels: set[int] = set()
        self._around: set[int] = set()
        self.inside: dict[int, None] = {}

    def around(self) -> set[int]:
        """The labels of groups that evidence links with the opened ones."""
        return self._around - self._labels

    def take(self, number: int) -> None:
        """Open the group of an identity; of a weak one that is attached somewhere, only itself."""
        if self._groups.in_core(number):
            self.take_group(self._groups.label(number))
        else:
            self._include([number])

    def take_group(self, label: int) -> None:
        """Open a group, and those next to it that have changes of their own."""
        if label not in self._labels:
            self._labels.add(label)
            self._dirty.discard(label)
            self._include(self._groups.core(label))

    def _include(self, numbers: Iterable[int]) -> None:
        draft, groups = self._draft, self._groups
        waiting = [number for number in numbers if number not in self.inside]
        while waiting:
            number = waiting.pop()
            if number in self.inside:
                continue
            self.inside[number] = None
            for other in (*draft.evidence(number), *draft.same(number)):
                if other in self.inside:
                    continue
                label = groups.label(other)
                if not groups.in_core(other):
                    waiting.append(other)
                elif label in self._dirty or other in draft.same(number):
                    if label not in self._labels:
                        self._labels.add(label)
                        self._dirty.discard(label)
                        waiting.extend(groups.core(label))
                else:
                    self._around.add(label)
