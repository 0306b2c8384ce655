"""Why a condition holds, or doesn't, for one customer at one instant: the events and rules themselves.

An explanation mirrors the tree of the condition. Each node says whether it holds at T, since when and
until when, the value that was compared, and the events that made it so, newest first: those in the
window, the match of a sequence, what wasn't followed, the event that set a trait. A label is explained
by its rungs down to the one that holds, records by one part each.

It asks the evaluation that computed the truth, so it can't disagree with it. Cost: that of evaluating,
and one more pass over the events of the customer for the ids. Events after T are never named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from yutang.conditions import nodes
from yutang.conditions.nodes import Compare, Events, OneOf, Op, Property, Subject, Test, Text, Unknown, Window
from yutang.conditions.vocabulary import (
    CONSENT_GIVEN,
    CONSENT_WITHDRAWN,
    RECORD_ENDED,
    RECORD_SET,
    TAG_ADDED,
    TAG_REMOVED,
    TRAIT_SET,
    Kind,
)
from yutang.kernel.instants import BEGINNING
from yutang.timeline.evaluate import Evaluation
from yutang.timeline.evaluation.measures import returns
from yutang.timeline.evaluation.population import Population
from yutang.timeline.evaluation.selection import Selected, select_type, types_of
from yutang.timeline.evaluation.sequences import match_spans, matches, unanswered
from yutang.timeline.evaluation.windows import eligible, enters, leaves
from yutang.timeline.steps import UNKNOWN, Steps

EVIDENCE_COUNT_MAX = 20  # events named by one node
RECORDS_EXPLAINED_COUNT_MAX = 20


@dataclass(frozen=True, slots=True, order=True)
class Evidence:
    """An event that made a node so. tie: its id hash."""

    at: int
    tie: int
    type: str
    id: str


@dataclass(frozen=True, slots=True)
class Explained:
    """A node at T. title: "" or what this part is of its parent (`label.value`, `record id`).

    value, kind: of the subject compared, None where it is unknown or there is none; a text is itself, the
    rest in engine units. evidence_left_off: how many events more there were.
    """

    test: Test
    truth: bool
    since: int
    until: int
    title: str = ""
    value: int | str | None = None
    kind: Kind | None = None
    evidence: tuple[Evidence, ...] = ()
    evidence_left_off: int = 0
    parts: tuple[Explained, ...] = ()


def explain(evaluation: Evaluation, test: Test, instant: int, customer: int = 0, zone: str = "") -> Explained:
    """The test for one customer of the evaluation's view at T <= its horizon."""
    evaluation.truth(test, zone)
    return _Explainer(evaluation, evaluation.population(zone), customer, customer, instant).explained(test)


def _state(types: tuple[str, ...], **wanted: str) -> Events:
    """Events of the types whose properties are as wanted; what is wanted as "" may be anything."""
    tests = tuple(Compare(Property(name), Op.EQ, Text(value)) for name, value in wanted.items() if value)
    return Events(types, where=nodes.All(tests) if tests else None)


@dataclass(frozen=True, slots=True)
class _Explainer:
    """row: of the population (customers or records); customer: whose events count."""

    evaluation: Evaluation
    population: Population
    row: int
    customer: int
    instant: int

    def explained(self, test: Test, title: str = "") -> Explained:
        steps = self.population.truth(test)
        truth, since, until = (int(found[self.row]) for found in steps.look(self.instant))
        certain = self.evaluation.certain(test, np.array([until], np.int64))
        value, kind = self._value(test)
        found = sorted(set(self._evidence(test)), reverse=True)
        return Explained(
            test, bool(truth), since, int(certain[0]), title, value, kind,
            tuple(found[:EVIDENCE_COUNT_MAX]), max(0, len(found) - EVIDENCE_COUNT_MAX), tuple(self._parts(test)),
        )  # fmt: skip

    def _value(self, test: Test) -> tuple[int | str | None, Kind | None]:
        if not isinstance(test, (Compare, OneOf, Unknown)):
            return None, None
        column = self.population.reading(test.subject, self.instant)
        value = int(column.values[self.row])
        if value == UNKNOWN:
            return None, column.kind
        return (column.words[value] if column.kind in (Kind.STRING, Kind.LIST) else value), column.kind

    # ── parts ───────────────────────────────────────────────────────────────────────────────────

    def _parts(self, test: Test) -> Iterator[Explained]:
        if isinstance(test, (nodes.Not, nodes.Hold)):
            yield self.explained(test.test)
        elif isinstance(test, (nodes.All, nodes.Any, nodes.AtLeast)):
            yield from (self.explained(part) for part in test.tests)
        elif isinstance(test, (nodes.InLabel, nodes.Moved)):
            yield from self._rungs(test)
        elif isinstance(test, (nodes.AnyRecord, nodes.AllRecords)):
            yield from self._records(test.kind, test.test)
        elif isinstance(test, (Compare, OneOf, Unknown)) and isinstance(test.subject, nodes.RecordCount):
            yield from self._records(test.subject.kind, test.subject.test)

    def _rungs(self, test: nodes.InLabel | nodes.Moved) -> Iterator[Explained]:
        """The rungs down to the one that holds, in the definition's zone, when the label is read."""
        definition = self.evaluation.context.plan.find(test.label)
        population = self.evaluation.population(definition.zone or self.evaluation.view.vocabulary.zone)
        instant = test.at if isinstance(test, nodes.InLabel) and test.at is not None else self.instant
        inside = replace(self, population=population, row=self.customer, instant=instant)
        for rung in definition.rungs:
            part = inside.explained(rung.test, f"{test.label}.{rung.value}")
            yield part
            if part.truth:
                return

    def _records(self, kind: str, test: Test | None) -> Iterator[Explained]:
        """The open records of the customer, each with the test as it stands for it."""
        population, opened, _ = self.population.open_records(kind)
        records = population.records
        if records is None:
            return
        mine = np.flatnonzero((records.owner == self.customer) & (opened.values_at(self.instant) == 1))
        for row in mine[:RECORDS_EXPLAINED_COUNT_MAX].tolist():
            title = records.standing.words[int(records.standing.key[row])]
            inside = replace(self, population=population, row=row)
            yield inside.explained(nodes.Always() if test is None else test, title)

    # ── evidence ────────────────────────────────────────────────────────────────────────────────

    def _evidence(self, test: Test) -> Iterable[Evidence]:
        if isinstance(test, (Compare, OneOf, Unknown)):
            return self._of_subject(test.subject)
        if isinstance(test, (nodes.Happened, nodes.Never)):
            return self._inside(test.events, test.window)
        if isinstance(test, nodes.EachPeriod):
            return self._inside(test.events, nodes.Last(test.unit, test.count))
        if isinstance(test, nodes.Sequence):
            return self._match(test)
        if isinstance(test, nodes.Returned):
            return self._windowed(test.events, test.window, returns(self.population, test))
        if isinstance(test, nodes.NotFollowed):
            return self._unanswered(test)
        return self._of_state(test)

    def _of_subject(self, subject: Subject) -> Iterable[Evidence]:
        if isinstance(subject, (nodes.Count, nodes.Aggregate)):
            found = self._inside(subject.events, subject.window)
            if isinstance(subject, nodes.Aggregate) and subject.net:
                refunds = Events(("order_refunded",), where=subject.events.where)
                found = [*found, *self._inside(refunds, subject.window)]
            return found
        if isinstance(subject, nodes.Periods):
            return self._inside(subject.events, nodes.Last(subject.unit, subject.count))
        if isinstance(subject, nodes.Since):
            found = self._listed(subject.events)
            return found[:1] if subject.first else found[-1:]
        if isinstance(subject, (nodes.Age, nodes.Due, nodes.Anniversary)):
            return self._of_subject(subject.of)
        if isinstance(subject, nodes.Trait):
            return self._set(self.population.trait(subject).steps, _state((TRAIT_SET,), trait=subject.name))
        if isinstance(subject, nodes.RecordTrait):
            records = self.population.records
            assert records is not None  # the trait has been evaluated: it stands inside a record
            record = records.standing.words[int(records.standing.key[self.row])]
            wanted = _state((RECORD_SET,), kind=records.kind, record=record, trait=subject.name)
            return self._set(self.population.trait(subject).steps, wanted)
        return ()

    def _of_state(self, test: Test) -> Iterable[Evidence]:
        if isinstance(test, nodes.HasTag):
            return self._listed(_state((TAG_ADDED, TAG_REMOVED), tag=test.tag, group=test.group))
        if isinstance(test, nodes.Consent):
            both = (CONSENT_GIVEN, CONSENT_WITHDRAWN)
            return self._listed(_state(both, medium=test.channel, purpose=test.purpose))
        if isinstance(test, nodes.Reachable):
            return self._listed(_state((CONSENT_GIVEN, CONSENT_WITHDRAWN), medium=test.channel))
        if isinstance(test, (nodes.AnyRecord, nodes.AllRecords)):
            return self._listed(_state((RECORD_SET, RECORD_ENDED), kind=test.kind))
        if isinstance(test, nodes.Related):
            return [row for events in self._relating(test) for row in self._listed(events)]
        return ()

    def _relating(self, test: nodes.Related) -> Iterator[Events]:
        for name, declared in self.evaluation.view.vocabulary.events.items():
            rule = declared.relation
            if rule is not None and rule.relation == test.relation:
                yield _state((name,), **({rule.object_property: test.object} if rule.object_property else {}))

    def _listed(self, events: Events) -> list[Evidence]:
        """The customer's events of a set up to T, in order."""
        view, calendar = self.evaluation.view, self.population.calendar
        found: list[Evidence] = []
        for kind in types_of(view, events):
            rows = select_type(view, kind, events, calendar, "id")
            column = rows.with_values()
            for row in range(int(rows.offsets[self.customer]), int(rows.offsets[self.customer + 1])):
                code = int(column.values[row])
                name = "" if code == UNKNOWN else column.words[code] if column.words else str(code)
                found.append(Evidence(int(rows.at[row]), int(rows.tie[row]), kind[0], name))
        return sorted(row for row in found if row.at <= self.instant)

    def _inside(self, events: Events, window: Window | None) -> list[Evidence]:
        """The customer's events in the window at T."""
        return self._windowed(events, window, eligible(window, self.population.select(events)))

    def _windowed(self, events: Events, window: Window | None, selected: Selected) -> list[Evidence]:
        """Those of the (eligible) events of a set that are the customer's and in the window at T."""
        mine = slice(int(selected.offsets[self.customer]), int(selected.offsets[self.customer + 1]))
        at = selected.at[mine]
        calendar = self.population.calendar
        held = (enters(window, at, calendar) <= self.instant) & (leaves(window, at, calendar) > self.instant)
        return self._named(events, zip(at[held].tolist(), selected.tie[mine][held].tolist(), strict=True))

    def _named(self, events: Events, keys: Iterable[tuple[int, int]]) -> list[Evidence]:
        wanted = set(keys)
        return [row for row in self._listed(events) if (row.at, row.tie) in wanted]

    def _set(self, steps: Steps, events: Events) -> list[Evidence]:
        """The events that set the value that stands: the last at the instant since when it does."""
        since = int(steps.look(self.instant)[1][self.row])
        return [row for row in self._listed(events) if row.at == since][-1:]

    def _unanswered(self, test: nodes.NotFollowed) -> list[Evidence]:
        selected, spans = unanswered(self.population, test)
        mine = slice(int(selected.offsets[self.customer]), int(selected.offsets[self.customer + 1]))
        held = (spans.start[mine] <= self.instant) & (spans.end[mine] > self.instant)
        keys = zip(selected.at[mine][held].tolist(), selected.tie[mine][held].tolist(), strict=True)
        return self._named(test.events, keys)

    def _match(self, test: nodes.Sequence) -> list[Evidence]:
        """The match that lasts longest, from its last event back; none if there is no match at T."""
        found, begun = matches(self.population, test)
        last = found[-1]
        spans = match_spans(self.population, test, last, begun[-1])
        held = (spans.start <= self.instant) & (spans.end > self.instant)
        rows = np.arange(int(last.offsets[self.customer]), int(last.offsets[self.customer + 1]))
        rows = rows[held[rows]]
        if not len(rows):
            return []
        row = int(rows[np.argmax(spans.end[rows])])
        beginning, key = int(begun[-1][row]), (int(last.at[row]), int(last.tie[row]))
        match = self._named(test.steps[-1].events, [key])[:1]
        for i in range(len(test.steps) - 2, -1, -1):
            mine = slice(int(found[i].offsets[self.customer]), int(found[i].offsets[self.customer + 1]))
            fits = begun[i][mine] == beginning
            keys = zip(found[i].at[mine][fits].tolist(), found[i].tie[mine][fits].tolist(), strict=True)
            key = self._before(test.steps[i + 1], key, keys)
            match += self._named(test.steps[i].events, [key])[:1]
        return match

    def _before(self, step: nodes.Step, key: tuple[int, int], keys: Iterable[tuple[int, int]]) -> tuple[int, int]:
        """The latest of the events before which the step, at `key`, may directly follow; there is one."""
        out = [] if step.without is None else [(x.at, x.tie) for x in self._listed(step.without)]
        shut = max((x for x in out if x < key), default=(BEGINNING, 0))
        within = key[0] - BEGINNING if step.within_ms is None else step.within_ms
        return max(at for at in keys if shut <= at < key and key[0] - at[0] <= within)
