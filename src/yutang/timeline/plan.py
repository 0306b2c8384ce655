"""Named definitions in the order in which they can be evaluated.

A `Definition` is a ladder: the first rung whose test holds gives the value, none otherwise; a segment
is a ladder of one rung, `in`. Definitions may name one another through `in`, `entered`, `left`; a plan
orders them so that each comes after those it names, and refuses circles, unknown labels and values.

Invariant: a plan is immutable and total: what it has accepted can be evaluated.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from yutang.conditions.nodes import Anniversary, InLabel, Moved, Node, Test
from yutang.conditions.walk import children
from yutang.kernel.errors import ConditionError
from yutang.kernel.instants import BEGINNING

DEFINITIONS_COUNT_MAX = 10_000
NODES_DEPTH_MAX = 64  # of a test: evaluation recurses into it


@dataclass(frozen=True, slots=True)
class Rung:
    """A value of a ladder and the test that gives it."""

    value: str
    test: Test


@dataclass(frozen=True, slots=True)
class Definition:
    """A named ladder. zone: IANA name, "" for the pool's."""

    name: str
    version: int
    zone: str
    rungs: tuple[Rung, ...]

    def rung_of(self, value: str) -> int | None:
        """The index of a value's rung, None if the ladder hasn't got it."""
        return next((i for i, rung in enumerate(self.rungs) if rung.value == value), None)


def nodes_of(node: Node, depth: int = 0) -> Iterator[Node]:
    """A node and all nodes inside it."""
    if depth > NODES_DEPTH_MAX:
        raise ConditionError(
            "condition.too_deep", f"a condition is nested deeper than {NODES_DEPTH_MAX}", remedy="name parts as labels"
        )
    yield node
    for _, part in children(node):
        yield from nodes_of(part, depth + 1)


def labels_of(test: Test) -> tuple[InLabel | Moved, ...]:
    """The nodes of a test that name a label, in order."""
    return tuple(node for node in nodes_of(test) if isinstance(node, (InLabel, Moved)))


def recurs(test: Test) -> bool:
    """Whether the test itself (not the labels it names) asks what comes back by the calendar."""
    return any(isinstance(node, Anniversary) for node in nodes_of(test))


class Plan:
    """Definitions, each after those it names."""

    def __init__(self, definitions: Iterable[Definition] = ()) -> None:
        given = list(definitions)
        if len(given) > DEFINITIONS_COUNT_MAX:
            raise ConditionError("condition.too_many", f"a plan has at most {DEFINITIONS_COUNT_MAX} definitions")
        self._by_name = {definition.name: definition for definition in given}
        if len(self._by_name) < len(given):
            twice = next(d.name for d in given if sum(e.name == d.name for e in given) > 1)
            raise ConditionError("condition.label_twice", f"the label {twice!r} is defined twice", where=twice)
        for definition in given:
            self._check(definition)
        self._level: dict[str, int] = {}
        for name in sorted(self._by_name):
            self._place(name)
        self._order = tuple(sorted(self._by_name, key=lambda name: (self._level[name], name)))
        self._recurring: set[str] = set()
        for name in self._order:
            if any(self.recurs(rung.test) for rung in self._by_name[name].rungs):
                self._recurring.add(name)
        tests = [rung.test for definition in given for rung in definition.rungs]
        self._fixed_instant_max = max(map(fixed_instant_max, tests), default=BEGINNING)

    def __repr__(self) -> str:
        return f"Plan({[self._by_name[name] for name in self._order]})"

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    @property
    def definitions(self) -> Mapping[str, Definition]:
        """By name."""
        return self._by_name

    @property
    def names(self) -> tuple[str, ...]:
        """In order: by level, then by name."""
        return self._order

    def level(self, name: str) -> int:
        """0: names no other; else one more than the highest it names."""
        return self._level[self.find(name).name]

    def find(self, name: str) -> Definition:
        """The definition; ConditionError with a suggestion if there is none of that name."""
        found = self._by_name.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self._by_name, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else "define it first"
            raise ConditionError("condition.unknown_label", f"there is no label {name!r}", remedy=remedy)
        return found

    def recurs(self, test: Test) -> bool:
        """Whether answers to the test are right only up to the horizon of an evaluation."""
        return recurs(test) or any(node.label in self._recurring for node in labels_of(test))

    def label_recurs(self, name: str) -> bool:
        """Whether a definition's values are right only up to the horizon of an evaluation."""
        return self.find(name).name in self._recurring

    def fixed_instant_max(self) -> int:
        """The latest instant at which any definition asks for a membership (`at`); BEGINNING if none does."""
        return self._fixed_instant_max

    def rung_of(self, label: str, value: str) -> int | None:
        """The rung that a node names; None for "" (any). ConditionError if the ladder hasn't got the value."""
        if not value:
            return None
        definition = self.find(label)
        rung = definition.rung_of(value)
        if rung is None:
            values = ", ".join(r.value for r in definition.rungs)
            raise ConditionError(
                "condition.unknown_value", f"the label {label!r} has no value {value!r}", remedy=f"one of {values}"
            )
        return rung

    def _check(self, definition: Definition) -> None:
        values = [rung.value for rung in definition.rungs]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None or "" in values:
            raise ConditionError(
                "condition.rung_twice",
                f"the ladder {definition.name!r} has the value {twice or ''!r} twice or without a name",
                where=definition.name,
                remedy="join the tests of one value with or",
            )
        for rung in definition.rungs:
            for node in labels_of(rung.test):
                self.rung_of(self.find(node.label).name, node.value)

    def _place(self, name: str) -> None:
        """Give the label and all it names their levels; the path is kept by hand, so that no chain is too long."""
        path: list[str] = [name]
        while path:
            here = path[-1]
            needs = [n.label for rung in self._by_name[here].rungs for n in labels_of(rung.test)]
            missing = next((need for need in needs if need not in self._level), None)
            if missing is None:
                self._level[here] = 1 + max((self._level[need] for need in needs), default=-1)
                path.pop()
            elif missing in path:
                circle = " → ".join([*path[path.index(missing) :], missing])
                raise ConditionError(
                    "condition.circle", f"labels name one another in a circle: {circle}", where=here,
                    remedy="take one of them out of the other's condition",
                )  # fmt: skip
            else:
                path.append(missing)


def fixed_instant_max(test: Test) -> int:
    """The latest `at` of a test; BEGINNING if it has none."""
    return max((n.at for n in labels_of(test) if isinstance(n, InLabel) and n.at is not None), default=BEGINNING)
