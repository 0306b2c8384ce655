"""The port between a condition and a language: the phrases that every language must have.

Invariant: `sentences` walks the tree and hands over phrases already told; a language only puts words
around them, so it knows no nodes but windows and literals. What a language says of an operator depends
on what is compared: one is `earlier`, not `less`, for a date.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from yutang.conditions.literals import money_literal, zone_named
from yutang.conditions.nodes import Day, Flag, Fold, Instant, Money, Number, Op, Span, Text, Unit, Value, Window
from yutang.conditions.sorts import Sort
from yutang.conditions.vocabulary import EventType, LabelType, Mark, PropertyType, RecordType, TraitType
from yutang.kernel.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, datetime_from_instant

Titled = EventType | TraitType | PropertyType | RecordType | LabelType


class Speech(Protocol):
    """A language. All arguments are phrases in it unless their type says else; windows may be None (all time)."""

    # ── names and literals ──────────────────────────────────────────────────────────────────────

    def title(self, name: str, titled: Titled | None) -> str:
        """The title of a declared thing, else its name."""

    def label_value(self, value: str, label: LabelType | None) -> str: ...

    def value(self, value: Value, zone: str) -> str: ...

    def span(self, span_ms: int) -> str: ...

    def instant(self, instant: int, zone: str) -> str: ...

    # ── event sets ──────────────────────────────────────────────────────────────────────────────

    def types(self, titles: Sequence[str]) -> str: ...

    def marked(self, mark: str) -> str: ...

    def every_event(self) -> str: ...

    def filtered(self, events: str, test: str) -> str: ...

    # ── what is looked at, as a noun ────────────────────────────────────────────────────────────

    def record_trait(self, title: str) -> str: ...

    def count(self, events: str, window: Window | None, zone: str) -> str: ...

    def aggregate(self, fold: Fold, of: str, events: str, window: Window | None, zone: str) -> str: ...

    def net(self, of: str, events: str, window: Window | None, zone: str) -> str: ...

    def since(self, events: str, *, first: bool) -> str: ...

    def periods(self, events: str, unit: Unit, count: int) -> str: ...

    def age(self, of: str, unit: Unit) -> str: ...

    def due(self, of: str) -> str: ...

    def anniversary(self, of: str) -> str: ...

    def record_count(self, kind: str, test: str) -> str: ...

    # ── tests ───────────────────────────────────────────────────────────────────────────────────

    def compared(self, subject: str, op: Op, value: str, sort: Sort) -> str: ...

    def counted(self, events: str, window: Window | None, zone: str, op: Op, times: str) -> str: ...

    def one_of(self, subject: str, values: Sequence[str], *, negated: bool) -> str: ...

    def unknown(self, subject: str, *, negated: bool) -> str: ...

    def happened(self, events: str, window: Window | None, zone: str) -> str: ...

    def never(self, events: str, window: Window | None, zone: str) -> str: ...

    def each(self, events: str, unit: Unit, count: int) -> str: ...

    def step(self, events: str, within: str, without: str) -> str: ...

    def sequence(self, steps: Sequence[str], total: str, window: Window | None, zone: str) -> str: ...

    def returned(self, events: str, gap: str, window: Window | None, zone: str) -> str: ...

    def not_followed(self, events: str, by: str, within: str, window: Window | None, zone: str) -> str: ...

    def in_label(self, label: str, value: str, held: str, at: str, *, single: bool, negated: bool) -> str: ...

    def moved(self, label: str, value: str, span: str, *, left: bool) -> str: ...

    def tag(self, tag: str, group: str, *, negated: bool) -> str: ...

    def consent(self, channel: str, purpose: str) -> str: ...

    def reachable(self, channel: str) -> str: ...

    def related(self, relation: str, to: str) -> str: ...

    def any_record(self, kind: str, test: str) -> str: ...

    def all_records(self, kind: str, test: str) -> str: ...

    def share(self, percent: str, salt: str) -> str: ...

    def hold(self, test: str, span: str) -> str: ...

    def not_met(self, test: str) -> str: ...

    def all_met(self, tests: Sequence[str]) -> str: ...

    def any_met(self, tests: Sequence[str]) -> str: ...

    def at_least(self, count: int, tests: Sequence[str]) -> str: ...

    def everyone(self) -> str: ...

    def enclosed(self, phrase: str) -> str: ...

    # ── titles of tests that others stand in ────────────────────────────────────────────────────

    def title_of_all(self) -> str: ...

    def title_of_any(self) -> str: ...

    def title_of_not(self) -> str: ...

    def title_of_at_least(self, count: int, of: int) -> str: ...

    def title_of_hold(self, span: str) -> str: ...

    def title_of_any_record(self, kind: str) -> str: ...

    def title_of_all_records(self, kind: str) -> str: ...


# ── what all languages share ────────────────────────────────────────────────────────────────────

_UNITS_MS = (("day", DAY_MS), ("hour", HOUR_MS), ("minute", MINUTE_MS), ("second", SECOND_MS), ("millisecond", 1))


def span_parts(span_ms: int) -> list[tuple[int, str]]:
    """A span, its sign aside, as counts of units that aren't zero: [(1, "day"), (12, "hour")]; 0 is 0 days."""
    rest, parts = abs(span_ms), []
    for unit, unit_ms in _UNITS_MS:
        count, rest = divmod(rest, unit_ms)
        if count:
            parts.append((count, unit))
    return parts or [(0, "day")]


def local_text(instant: int, zone: str) -> str:
    """An instant as a local clock shows it: `2017-03-01`, `2017-03-01 18:30`, seconds only where they aren't zero."""
    local: datetime = datetime_from_instant(instant).astimezone(zone_named(zone)).replace(tzinfo=None)
    if not (local.hour or local.minute or local.second or local.microsecond):
        return local.date().isoformat()
    if local.microsecond:
        return local.isoformat(" ", "milliseconds")
    return local.isoformat(" ", "seconds" if local.second else "minutes")


def plain_value(value: Value, zone: str) -> str:
    """A literal that all languages write alike: a number, an amount without its currency, a day, an instant."""
    match value:
        case Number() | Text():
            return value.value
        case Money():
            return money_literal(value)
        case Day():
            return value.date
        case Instant():
            return local_text(value.at, zone)
        case Flag() | Span():
            raise AssertionError(f"{value} is said in words")


def known_mark(name: str) -> Mark | None:
    """The mark of a name, None if there is none (any longer)."""
    return next((mark for mark in Mark if mark.value == name), None)
