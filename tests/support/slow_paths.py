"""Paths as one would draw them by hand: the obvious, slow reference of `timeline.questions.paths`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.support.memory_view import Fact

Chosen = Callable[[Fact], bool]


@dataclass(frozen=True)
class SlowPaths:
    """See `timeline.questions.paths.Paths`."""

    anchor: Chosen
    among: Chosen
    steps: int
    gap_ms: int
    since_ms: int
    until_ms: int
    prop: str = ""
    backwards: bool = False
    every: bool = False
    collapse: bool = True

    def of(self, facts: Sequence[Fact]) -> list[tuple[list[str], list[int], str]]:
        """(names, instants, how it ends) of each path of a customer, by where it begins."""
        known = [fact for fact in facts if self.since_ms <= fact.at <= self.until_ms]
        known.sort(key=lambda fact: (fact.at, fact.tie), reverse=self.backwards)
        anchors = [fact for fact in known if self.anchor(fact)]
        if not self.every:
            anchors = sorted(anchors, key=lambda fact: (fact.at, fact.tie))[:1]
        found, past = [], -1  # the place of the last event of the path before
        for anchor in anchors:
            place = known.index(anchor)
            if place > past:
                path, last = self._from(anchor, [one for one in known[place + 1 :] if self.among(one)])
                found.append(path)
                past = known.index(last)
        return found[::-1] if self.backwards else found

    def _from(self, anchor: Fact, rest: list[Fact]) -> tuple[tuple[list[str], list[int], str], Fact]:
        names, instants, now, last = [self._name(anchor)], [anchor.at], anchor.at, anchor
        for fact in rest:
            if len(names) > self.steps:
                return (names, instants, "full"), last
            if abs(fact.at - now) > self.gap_ms:
                return (names, instants, "stopped"), last
            now, last = fact.at, fact
            if not (self.collapse and self._name(fact) == names[-1]):
                names.append(self._name(fact))
                instants.append(fact.at)
        if len(names) > self.steps:
            return (names, instants, "full"), last
        edge = now - max(self.since_ms, 0) if self.backwards else self.until_ms - now
        return (names, instants, "ongoing" if edge <= self.gap_ms else "stopped"), last

    def _name(self, fact: Fact) -> str:
        if not self.prop:
            return fact.type
        value = fact.props.get(self.prop)
        return f"[{fact.type}]" if value is None else str(value)
