"""Funnels as one would explain them: try every combination of events of a customer, and pick by the rules.

The obvious, slow reference of `timeline.questions.funnel`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.support.memory_view import Fact

Chosen = Callable[[Fact], bool]


@dataclass(frozen=True)
class SlowStep:
    """chosen: whether an event is of the step; without: whether it may not lie in the gap before it."""

    chosen: Chosen
    within_ms: int | None = None
    without: Chosen | None = None


@dataclass(frozen=True)
class SlowFunnel:
    """begins: which events may be the first of a match."""

    steps: Sequence[SlowStep]
    window_ms: int
    since_ms: int
    until_ms: int
    strict: bool = False
    any_order: bool = False
    same: str = ""
    begins: Chosen = lambda _fact: True

    def level_and_times(self, facts: Sequence[Fact]) -> tuple[int, list[int]]:
        """The deepest step of a customer, and when the events of its match lay."""
        facts = sorted(facts, key=lambda fact: (fact.at, fact.tie))
        values = {value for fact in facts for value in self._values(fact)} if self.same else {None}
        found = [one for value in values if (one := self._of_value(facts, value))]
        if not found:
            return 0, []
        best = min(found, key=lambda one: (-len(one), one[-1], -one[0], one[::-1]))
        return len(best), best

    def _values(self, fact: Fact) -> set[object]:
        value = fact.props.get(self.same)
        return set() if value is None else set(value) if isinstance(value, list) else {value}

    def _of_value(self, facts: Sequence[Fact], value: object) -> list[int]:
        if self.any_order:
            return self._together(facts, value)
        matches = list(self._matches(facts, value, ()))
        if not matches:
            return []
        level = max(map(len, matches))
        deepest = [match for match in matches if len(match) == level]
        end = min((match[-1].at, match[-1].tie) for match in deepest)
        deepest = [match for match in deepest if (match[-1].at, match[-1].tie) == end]
        begin = max(match[0].at for match in deepest)
        rest = [match for match in deepest if match[0].at == begin]
        chosen = min(rest, key=lambda match: [(fact.at, fact.tie) for fact in match[::-1]])
        return [fact.at for fact in chosen]

    def _of_step(self, step: SlowStep, fact: Fact, value: object) -> bool:
        held = value is None or value in self._values(fact)
        return held and step.chosen(fact) and self.since_ms <= fact.at <= self.until_ms

    def _matches(self, facts: Sequence[Fact], value: object, so_far: tuple[Fact, ...]) -> Iterator[tuple[Fact, ...]]:
        """All matches, however far they come."""
        if so_far:
            yield so_far
        if len(so_far) == len(self.steps):
            return
        step = self.steps[len(so_far)]
        for fact in facts:
            if self._of_step(step, fact, value) and self._fits(facts, value, so_far, step, fact):
                yield from self._matches(facts, value, (*so_far, fact))

    def _fits(self, facts: Sequence[Fact], value: object, so_far: tuple[Fact, ...], step: SlowStep, fact: Fact) -> bool:
        if not so_far:
            return self.begins(fact)
        first, last = so_far[0], so_far[-1]
        if (last.at, last.tie) >= (fact.at, fact.tie) or fact.at - first.at > self.window_ms:
            return False
        if step.within_ms is not None and fact.at - last.at > step.within_ms:
            return False
        between = [one for one in facts if (last.at, last.tie) < (one.at, one.tie) < (fact.at, fact.tie)]
        return not any(self._excluded(step, one, value) for one in between)

    def _excluded(self, step: SlowStep, fact: Fact, value: object) -> bool:
        values = self._values(fact)
        if value is not None and values and value not in values:
            return False
        named = step.without is not None and step.without(fact)
        return named or (self.strict and any(one.chosen(fact) for one in self.steps))

    def _together(self, facts: Sequence[Fact], value: object) -> list[int]:
        """When the first, second, … different step was done."""
        done = [
            (fact, [place for place, step in enumerate(self.steps) if self._of_step(step, fact, value)])
            for fact in facts
        ]
        tries: list[tuple[tuple[int, ...], list[int]]] = []
        for place, (first, steps) in enumerate(done):
            if not steps or not self.begins(first):
                continue
            seen: set[int] = set()
            when: list[int] = []
            end = (0, 0)
            for fact, of in done[place:]:
                new = [step for step in of if step not in seen] if fact.at - first.at <= self.window_ms else []
                seen.update(new)
                when += [fact.at] * len(new)
                end = (fact.at, fact.tie) if new else end
            tries.append(((*end, -first.at, -first.tie), when))
        return min(tries, key=lambda one: (-len(one[1]), one[0]), default=((), []))[1]
