"""A condition as a sentence, and a node of it as a title: for people, in Chinese or English.

Invariant: says all that the tree says, in its order; every kind of node has words in every language
(`speech` is the port, `speech_zh` and `speech_en` are the languages). A name that the vocabulary has no
title for, or doesn't have at all any longer, is told as it is: telling never fails for names.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import singledispatch

from yutang.conditions.literals import percent_text
from yutang.conditions.nodes import (
    Age,
    Aggregate,
    All,
    AllRecords,
    Always,
    Anniversary,
    Any,
    AnyRecord,
    AtLeast,
    Compare,
    Consent,
    Count,
    Due,
    EachPeriod,
    Events,
    Happened,
    HasTag,
    Hold,
    InLabel,
    Moved,
    Never,
    Node,
    Not,
    NotFollowed,
    OneOf,
    Periods,
    Property,
    Reachable,
    RecordCount,
    RecordTrait,
    Related,
    Returned,
    Sequence,
    Share,
    Since,
    Step,
    Test,
    Trait,
    Unknown,
)
from yutang.conditions.sorts import Scope, Sort, sort_of
from yutang.conditions.speech import Speech
from yutang.conditions.speech_en import English
from yutang.conditions.speech_zh import Chinese
from yutang.conditions.telling import Telling
from yutang.conditions.vocabulary import Vocabulary
from yutang.kernel.errors import ConditionError


class Language(StrEnum):
    """The languages that there are."""

    ZH = "zh"
    EN = "en"


_LANGUAGES: Mapping[str, Speech] = {Language.ZH: Chinese(), Language.EN: English()}


def sentence(test: Test, vocabulary: Vocabulary, language: str) -> str:
    """The whole test as one sentence without a full stop. language: `zh` or `en`.

    Raises `condition.language` for another.
    """
    return _tell(test, _telling(vocabulary, language))


def events_title(events: Events, vocabulary: Vocabulary, language: str) -> str:
    """An event set in words. language: `zh` or `en`; raises `condition.language` for another."""
    return _events(events, _telling(vocabulary, language))


def property_title(events: Events, name: str, vocabulary: Vocabulary, language: str) -> str:
    """A property of an event set in words. language: `zh` or `en`; raises `condition.language` for another."""
    return _telling(vocabulary, language).property(events, name)


def step_title(step: Step, vocabulary: Vocabulary, language: str) -> str:
    """A step of a sequence in words. language: `zh` or `en`; raises `condition.language` for another."""
    return _tell(step, _telling(vocabulary, language))


def node_title(test: Test, vocabulary: Vocabulary, language: str) -> str:
    """One node of an explanation: what holds its parts together (`at least 2 of 3`), else its sentence.

    language: `zh` or `en`; raises `condition.language` for another.
    """
    telling = _telling(vocabulary, language)
    speech = telling.speech
    match test:
        case All():
            return speech.title_of_all()
        case Any():
            return speech.title_of_any()
        case Not():
            return speech.title_of_not()
        case AtLeast():
            return speech.title_of_at_least(test.count, len(test.tests))
        case Hold():
            return speech.title_of_hold(speech.span(test.ms))
        case AnyRecord(test=inner) if inner is not None:
            return speech.title_of_any_record(telling.kind(test.kind))
        case AllRecords():
            return speech.title_of_all_records(telling.kind(test.kind))
        case _:
            return _tell(test, telling)


def _telling(vocabulary: Vocabulary, language: str) -> Telling:
    speech = _LANGUAGES.get(language)
    if speech is None:
        remedy = f"choose {' or '.join(Language)}"
        raise ConditionError("condition.language", f"there is no language {language!r} here", remedy=remedy)
    return Telling(speech, Scope(vocabulary))


def _events(events: Events, telling: Telling) -> str:
    """An event set with its filter."""
    told = telling.types(events)
    if events.where is None:
        return told
    return telling.speech.filtered(told, _tell(events.where, telling.filtering(events)))


def _within(record: str, test: Test | None, telling: Telling) -> str:
    """A test of the records of a kind, "" for none."""
    return _tell(test, telling.within(record)) if test is not None else ""


def _enclosed(test: Test, telling: Telling) -> str:
    """A part of a larger test, in parentheses where it has parts itself."""
    told = _tell(test, telling)
    return telling.speech.enclosed(told) if isinstance(test, All | Any | AtLeast | Sequence) else told


@singledispatch
def _tell(node: Node, telling: Telling) -> str:
    raise AssertionError(f"{type(node).__name__} has no sentence of its own")


# ── what is looked at ───────────────────────────────────────────────────────────────────────────


@_tell.register
def _(node: Property, telling: Telling) -> str:
    return telling.property(telling.scope.events or Events(), node.name)


@_tell.register
def _(node: Trait, telling: Telling) -> str:
    return telling.trait(node.name)


@_tell.register
def _(node: RecordTrait, telling: Telling) -> str:
    return telling.speech.record_trait(telling.record_trait(node.name))


@_tell.register
def _(node: Count, telling: Telling) -> str:
    return telling.speech.count(_events(node.events, telling), node.window, telling.zone)


@_tell.register
def _(node: Aggregate, telling: Telling) -> str:
    of, events = telling.property(node.events, node.property), _events(node.events, telling)
    if node.net:
        return telling.speech.net(of, events, node.window, telling.zone)
    return telling.speech.aggregate(node.fold, of, events, node.window, telling.zone)


@_tell.register
def _(node: Since, telling: Telling) -> str:
    return telling.speech.since(_events(node.events, telling), first=node.first)


@_tell.register
def _(node: Periods, telling: Telling) -> str:
    return telling.speech.periods(_events(node.events, telling), node.unit, node.count)


@_tell.register
def _(node: Age, telling: Telling) -> str:
    return telling.speech.age(_tell(node.of, telling), node.unit)


@_tell.register
def _(node: Due, telling: Telling) -> str:
    return telling.speech.due(_tell(node.of, telling))


@_tell.register
def _(node: Anniversary, telling: Telling) -> str:
    return telling.speech.anniversary(_tell(node.of, telling))


@_tell.register
def _(node: RecordCount, telling: Telling) -> str:
    return telling.speech.record_count(telling.kind(node.kind), _within(node.kind, node.test, telling))


# ── tests ───────────────────────────────────────────────────────────────────────────────────────


@_tell.register
def _(node: Compare, telling: Telling) -> str:
    subject, value = node.subject, telling.speech.value(node.value, telling.zone)
    if isinstance(subject, Count):
        return telling.speech.counted(_events(subject.events, telling), subject.window, telling.zone, node.op, value)
    # What isn't known any longer is told as a text would be.
    sort = sort_of(subject, telling.scope) or Sort.TEXT
    return telling.speech.compared(_tell(subject, telling), node.op, value, sort)


@_tell.register
def _(node: OneOf, telling: Telling) -> str:
    return _one_of(node, telling, negated=False)


def _one_of(node: OneOf, telling: Telling, *, negated: bool) -> str:
    values = [telling.speech.value(value, telling.zone) for value in node.values]
    return telling.speech.one_of(_tell(node.subject, telling), values, negated=negated)


@_tell.register
def _(node: Unknown, telling: Telling) -> str:
    return telling.speech.unknown(_tell(node.subject, telling), negated=False)


@_tell.register
def _(node: Happened, telling: Telling) -> str:
    return telling.speech.happened(_events(node.events, telling), node.window, telling.zone)


@_tell.register
def _(node: Never, telling: Telling) -> str:
    return telling.speech.never(_events(node.events, telling), node.window, telling.zone)


@_tell.register
def _(node: EachPeriod, telling: Telling) -> str:
    return telling.speech.each(_events(node.events, telling), node.unit, node.count)


@_tell.register
def _(node: Step, telling: Telling) -> str:
    without = _events(node.without, telling) if node.without is not None else ""
    return telling.speech.step(_events(node.events, telling), telling.span(node.within_ms), without)


@_tell.register
def _(node: Sequence, telling: Telling) -> str:
    steps = [_tell(step, telling) for step in node.steps]
    return telling.speech.sequence(steps, telling.span(node.total_ms), node.window, telling.zone)


@_tell.register
def _(node: Returned, telling: Telling) -> str:
    return telling.speech.returned(_events(node.events, telling), telling.span(node.gap_ms), node.window, telling.zone)


@_tell.register
def _(node: NotFollowed, telling: Telling) -> str:
    events, by, within = _events(node.events, telling), _events(node.by, telling), telling.span(node.within_ms)
    return telling.speech.not_followed(events, by, within, node.window, telling.zone)


@_tell.register
def _(node: InLabel, telling: Telling) -> str:
    return _in_label(node, telling, negated=False)


def _in_label(node: InLabel, telling: Telling, *, negated: bool) -> str:
    return telling.speech.in_label(
        telling.label(node.label),
        telling.label_value(node.label, node.value),
        telling.span(node.for_ms),
        telling.speech.instant(node.at, telling.zone) if node.at is not None else "",
        single=telling.is_single(node.label),
        negated=negated,
    )


@_tell.register
def _(node: Moved, telling: Telling) -> str:
    value = telling.label_value(node.label, node.value)
    return telling.speech.moved(telling.label(node.label), value, telling.span(node.ms), left=node.left)


@_tell.register
def _(node: HasTag, telling: Telling) -> str:
    return telling.speech.tag(node.tag, node.group, negated=False)


@_tell.register
def _(node: Consent, telling: Telling) -> str:
    return telling.speech.consent(node.channel, node.purpose)


@_tell.register
def _(node: Reachable, telling: Telling) -> str:
    return telling.speech.reachable(node.channel)


@_tell.register
def _(node: Related, telling: Telling) -> str:
    return telling.speech.related(node.relation, node.object)


@_tell.register
def _(node: AnyRecord, telling: Telling) -> str:
    return telling.speech.any_record(telling.kind(node.kind), _within(node.kind, node.test, telling))


@_tell.register
def _(node: AllRecords, telling: Telling) -> str:
    return telling.speech.all_records(telling.kind(node.kind), _within(node.kind, node.test, telling))


@_tell.register
def _(node: Share, telling: Telling) -> str:
    return telling.speech.share(percent_text(node.basis_points), node.salt)


@_tell.register
def _(node: Hold, telling: Telling) -> str:
    return telling.speech.hold(_tell(node.test, telling), telling.span(node.ms))


@_tell.register
def _(node: Not, telling: Telling) -> str:
    match node.test:
        case OneOf() as test:
            return _one_of(test, telling, negated=True)
        case Unknown() as test:
            return telling.speech.unknown(_tell(test.subject, telling), negated=True)
        case InLabel(for_ms=None) as test:
            return _in_label(test, telling, negated=True)
        case HasTag() as test:
            return telling.speech.tag(test.tag, test.group, negated=True)
        case _:
            return telling.speech.not_met(_tell(node.test, telling))


@_tell.register
def _(node: All, telling: Telling) -> str:
    return telling.speech.all_met([_enclosed(test, telling) for test in node.tests])


@_tell.register
def _(node: Any, telling: Telling) -> str:
    return telling.speech.any_met([_enclosed(test, telling) for test in node.tests])


@_tell.register
def _(node: AtLeast, telling: Telling) -> str:
    return telling.speech.at_least(node.count, [_enclosed(test, telling) for test in node.tests])


@_tell.register
def _(node: Always, telling: Telling) -> str:
    return telling.speech.everyone()
