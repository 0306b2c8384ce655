"""What people ask of the audience: who, how many, why, since when.

Figures count a customer at T if it has an event that isn't a state event at or before T. "As of" reads
history as known now, with today's identities; the change feed (`feed`) alone tells what was known then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from yutang.conditions.grammar import parse
from yutang.conditions.nodes import Anniversary, Due, Since, Test
from yutang.conditions.sentences import node_title, sentence
from yutang.conditions.text import to_text
from yutang.conditions.vocabulary import NUMBER_SCALE, Kind
from yutang.domains.audience.api.definitions import in_zone, new_ones, show
from yutang.domains.audience.api.evaluating import (
    AUDIENCE,
    POINT_CUSTOMERS_AT_ONCE_MAX,
    SEVERAL_CUSTOMERS_AT_ONCE_MAX,
    evaluation,
    everyone,
    look_ladder,
    measured,
    midnight_before,
    point,
    read_for,
)
from yutang.domains.audience.contracts import (
    NONE,
    AskAnswer,
    AskQuestion,
    CountedLabel,
    Evidence,
    ExplainAnswer,
    ExplainQuestion,
    Label,
    Membership,
    Part,
)
from yutang.domains.audience.rules.changes import QUINTILES, quintiles
from yutang.domains.audience.rules.standings import HORIZON_MS
from yutang.domains.customers import api as customers
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import INSTANT_MAX_MS, INSTANT_MIN_MS, SECOND_MS, instant_from_text, instant_text, span_text
from yutang.kernel.limits import PAGE_ROWS_COUNT_MAX
from yutang.kernel.money import major_text
from yutang.runtime.desk import Desk
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.slots import PEOPLE, VOCABULARY
from yutang.timeline.boundaries import calendar
from yutang.timeline.evaluate import Evaluation
from yutang.timeline.everyone import Part as Batch
from yutang.timeline.explain import Explained, explain
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.view import View


def instant_asked(desk: Desk, as_of: str) -> int:
    """The instant that a question means: its own, or pool time. Raises InvalidError."""
    return checked_instant(as_of, "as_of") if as_of else desk.now_ms


def checked_instant(text: str, where: str) -> int:
    """An instant that may be asked about. Raises InvalidError."""
    instant = instant_from_text(text, where=where)
    if not INSTANT_MIN_MS <= instant <= INSTANT_MAX_MS:
        raise InvalidError(
            "instant.out_of_range", f"{text!r} lies outside of what can be asked about", where=where,
            remedy=f"name an instant from {instant_text(INSTANT_MIN_MS)} to {instant_text(INSTANT_MAX_MS)}",
        )  # fmt: skip
    return instant


def counted_at(evaluated: Evaluation, instant: int) -> Flags:
    """bool[n]: who counts in figures at an instant."""
    flags: Flags = evaluated.view.first_seen() <= instant
    return flags


def members_at(epoch: Epoch, test: Test, instant: int) -> tuple[Ints, int]:
    """(heads of the customers who satisfy a test at an instant, size of the population then)."""
    everybody, context = everyone(epoch), point(epoch, instant)

    def work(view: View) -> tuple[Flags, Flags]:
        evaluated = Evaluation(view, context)
        counted = counted_at(evaluated, instant)
        return counted, counted & (evaluated.truth(test).value == 1)

    counted, chosen = everybody.columns(work, read_for(epoch, [test]), POINT_CUSTOMERS_AT_ONCE_MAX)
    return everybody.heads[chosen], int(counted.sum())


def ask(desk: Desk, question: AskQuestion) -> AskAnswer:
    """Who satisfies a condition at an instant. Raises ConditionError with the place and a suggestion."""
    vocabulary = desk.epoch[VOCABULARY]
    instant = instant_asked(desk, question.as_of)
    test = parse(question.condition, vocabulary)
    heads, population = members_at(desk.epoch, test, instant)
    limit = max(0, min(question.limit, PAGE_ROWS_COUNT_MAX))
    return AskAnswer(
        to_text(test, vocabulary),
        sentence(test, vocabulary, desk.settings.language),
        instant_text(instant),
        len(heads),
        population,
        tuple(customers.customer_ids(desk.epoch, heads[:limit])),
    )


def explain_one(desk: Desk, question: ExplainQuestion) -> ExplainAnswer:
    """Why a customer does or doesn't satisfy a condition, part by part, and until when."""
    vocabulary, language = desk.epoch[VOCABULARY], desk.settings.language
    instant = instant_asked(desk, question.as_of)
    test = parse(question.condition, vocabulary)
    head = customers.find_customer(desk, question.customer)
    evaluated = evaluation(desk.epoch, np.array([head], np.int64), instant + HORIZON_MS)
    tree = explain(evaluated, test, instant)
    return ExplainAnswer(
        customers.customer_ids(desk.epoch, np.array([head], np.int64))[0],
        to_text(test, vocabulary),
        sentence(test, vocabulary, language),
        instant_text(instant),
        _part(desk, tree),
    )


def _part(desk: Desk, tree: Explained) -> Part:
    vocabulary = desk.epoch[VOCABULARY]
    return Part(
        tree.title or node_title(tree.test, vocabulary, desk.settings.language),
        tree.truth,
        instant_text(tree.since),
        instant_text(tree.until),
        _value_text(tree, vocabulary.currency),
        tuple(Evidence(one.type, instant_text(one.at), one.id) for one in tree.evidence),
        tree.evidence_left_off,
        tuple(_part(desk, part) for part in tree.parts),
    )


def _value_text(tree: Explained, currency: str) -> str:
    """A measure in readable units; "" where there is none."""
    value, kind = tree.value, tree.kind
    if value is None or kind is None:
        return ""
    if isinstance(getattr(tree.test, "subject", None), (Since, Due, Anniversary)):
        return span_text(int(value) // SECOND_MS * SECOND_MS)
    if kind is Kind.MONEY:
        return f"{major_text(int(value), currency)} {currency}"
    if kind is Kind.NUMBER:
        return f"{Decimal(value) / NUMBER_SCALE:f}"
    if kind is Kind.INSTANT:
        return instant_text(int(value))
    if kind is Kind.DATE:
        return instant_text(int(value))[:10]
    return str(value)


def taken_at(epoch: Epoch, instant: int) -> int:
    """When the snapshot of quintiles was taken that holds at an instant: the last midnight of the pool's zone."""
    return midnight_before(calendar(epoch[VOCABULARY].zone), instant)


@dataclass(frozen=True, slots=True)
class Census:
    """Everybody counted at an instant. counts: by label and value, every value named, `none` for the rest."""

    population: int
    counts: Mapping[str, Mapping[str, int]]


def census(epoch: Epoch, instant: int) -> Census:
    """How many customers have each value of each label at an instant, as is known now."""
    labels, context = epoch[AUDIENCE].labels, point(epoch, instant)
    ladders = {name: label for name, label in labels.items() if label.quintile is None}

    def work(batch: Batch) -> tuple[int, dict[str, Ints]]:
        evaluated = Evaluation(batch.view, context)
        counted = counted_at(evaluated, instant)
        counted = counted if batch.mine is None else counted & batch.mine
        counts = {name: _counts(evaluated, label, counted) for name, label in ladders.items()}
        return int(counted.sum()), counts

    tests = [rung.test for name in ladders for rung in epoch[AUDIENCE].plan.find(name).rungs]
    parts = everyone(epoch).map(work, read_for(epoch, tests), SEVERAL_CUSTOMERS_AT_ONCE_MAX)
    found = {name: np.sum([counts[name] for _, counts in parts], axis=0) for name in ladders}
    found |= _fifths_at(epoch, instant)
    return Census(
        sum(population for population, _ in parts),
        {name: _named_counts(labels[name], found[name]) for name in labels},
    )


def _counts(evaluated: Evaluation, label: Label, counted: Flags) -> Ints:
    """How many have no value, and each value of a ladder."""
    codes = evaluated.ladder(label.name).value[counted]
    return np.bincount(codes + 1, minlength=len(label.values) + 1)


def _fifths_at(epoch: Epoch, instant: int) -> dict[str, Ints]:
    """How many counted at an instant have no value, and each value of every label by quintiles."""
    found = _reckoned_quintiles(epoch, taken_at(epoch, instant))
    if not found:
        return {}
    (counted,) = everyone(epoch).columns(lambda view: (view.first_seen() <= instant,), (), POINT_CUSTOMERS_AT_ONCE_MAX)
    return {name: np.bincount(codes[counted] + 1, minlength=QUINTILES + 1) for name, codes in found.items()}


def _named_counts(label: Label, counts: Ints) -> Mapping[str, int]:
    found = counts.tolist()
    return {**dict(zip(label.values, found[1:], strict=True)), NONE: found[0]}


def labels(desk: Desk, as_of: str = "") -> Iterator[CountedLabel]:
    """Every label with how many customers have each value at an instant."""
    epoch, instant = desk.epoch, instant_asked(desk, as_of)
    state = epoch[AUDIENCE]
    counts = census(epoch, instant).counts
    yield from (CountedLabel(view, {}) for view in new_ones(desk))
    for name in state.feed_order():
        label = state.labels[name]
        yield CountedLabel(
            show(desk, name),
            counts[name],
            "" if label.quintile is None else instant_text(taken_at(epoch, instant)),
        )


def memberships(desk: Desk, head: int, as_of: str = "") -> tuple[Membership, ...]:
    """Every label of a customer at an instant, with its reason, since when and until when."""
    epoch, instant = desk.epoch, instant_asked(desk, as_of)
    state = epoch[AUDIENCE]
    evaluated = evaluation(epoch, np.array([head], np.int64), instant + HORIZON_MS)
    found = [
        _membership(desk, state.labels[name], *(int(column[0]) for column in look_ladder(evaluated, name, instant)))
        for name in state.plan.names
    ]
    moment = taken_at(epoch, instant)
    codes = _quintiles_of(desk, head, moment)
    return (*found, *(_membership(desk, state.labels[name], code, moment, 0) for name, code in codes.items()))


def _quintiles_of(desk: Desk, head: int, midnight: int) -> Mapping[str, int]:
    """Label → code: of the snapshot that was kept for a midnight, else reckoned for it now."""
    state = desk.epoch[AUDIENCE]
    names = [name for name in state.feed_order() if state.labels[name].quintile is not None]
    kept = state.quintiles
    if all(kept[name].taken_at == midnight for name in names):
        return {name: int(kept[name].at(np.array([head]))[0]) for name in names}
    codes = _reckoned_quintiles(desk.epoch, midnight)
    place = int(np.searchsorted(desk.epoch[PEOPLE].heads(), head))
    return {name: int(codes[name][place]) for name in names}


def quintile_codes(epoch: Epoch, name: str, instant: int) -> Ints:
    """Everybody's place in a quintile's values (-1: none), by the snapshot that holds at an instant."""
    return _reckoned_quintiles(epoch, taken_at(epoch, instant))[name]


def _reckoned_quintiles(epoch: Epoch, midnight: int) -> Mapping[str, Ints]:
    """Everybody's quintiles at a midnight, as is known now."""
    labels = epoch[AUDIENCE].labels
    asked = {name: label.quintile for name, label in labels.items() if label.quintile is not None}
    if not asked:
        return {}
    context = point(epoch, midnight)

    def work(view: View) -> list[Ints | Flags]:
        evaluated = Evaluation(view, context)
        return [column for quintile in asked.values() for column in measured(evaluated, quintile, midnight)]

    nodes = [node for quintile in asked.values() for node in (quintile.among, quintile.by)]
    columns = everyone(epoch).columns(work, read_for(epoch, nodes), POINT_CUSTOMERS_AT_ONCE_MAX)
    measures = zip(asked.items(), columns[::2], columns[1::2], strict=True)
    return {
        name: quintiles(values, among, low_is_best=quintile.low_is_best) for (name, quintile), values, among in measures
    }


def _membership(desk: Desk, label: Label, code: int, since: int, until: int) -> Membership:
    language, vocabulary = desk.settings.language, in_zone(desk.epoch[VOCABULARY], label.zone)
    chinese = language == "zh"
    value = label.values[code] if code >= 0 else NONE
    title = (label.title_zh if chinese else label.title_en) or label.name
    value_title, reason = value, ""
    if label.quintile is not None:
        taken = instant_text(since)
        reason = f"快照于 {taken}" if chinese else f"snapshot of {taken}"
    elif code >= 0:
        rung = label.rungs[code]
        value_title = (rung.title_zh if chinese else rung.title_en) or value
        reason = sentence(rung.test, vocabulary, language)
    until_text = instant_text(until) if until else ("下次快照" if chinese else "the next snapshot")
    return Membership(label.name, label.kind, title, value, value_title, instant_text(since), until_text, reason)
