"""English: product viewed (category is “lipstick”) at least 3 times in the last 30 days, and no order paid …"""

from __future__ import annotations

from collections.abc import Sequence

from yutang.conditions.nodes import Fixed, Flag, Fold, Last, Money, Op, Rolling, Span, Text, This, Unit, Value, Window
from yutang.conditions.sorts import Sort
from yutang.conditions.speech import Speech, Titled, known_mark, local_text, plain_value, span_parts
from yutang.conditions.vocabulary import LabelType, Mark

_MARKS = {
    Mark.VISIT: "visit",
    Mark.ORDER: "order",
    Mark.AWARENESS: "sign of awareness",
    Mark.INTEREST: "sign of interest",
}
_FOLDS = {
    Fold.SUM: "total", Fold.AVG: "average", Fold.MIN: "smallest", Fold.MAX: "largest",
    Fold.DISTINCT: "number of different values of", Fold.FIRST: "first", Fold.LAST: "latest",
}  # fmt: skip
_TIMES = {
    Op.EQ: "exactly {}", Op.NE: "any number of times but {}", Op.LT: "fewer than {}", Op.LE: "at most {}",
    Op.GT: "more than {}", Op.GE: "at least {}",
}  # fmt: skip
_OF_QUANTITY = {
    Op.EQ: "is {}", Op.NE: "isn't {}", Op.LT: "is less than {}", Op.LE: "is at most {}", Op.GT: "is more than {}",
    Op.GE: "is at least {}",
}  # fmt: skip
_OF_TIME = {
    Op.EQ: "is {}", Op.NE: "isn't {}", Op.LT: "is before {}", Op.LE: "is {} or earlier", Op.GT: "is after {}",
    Op.GE: "is {} or later",
}  # fmt: skip
_OF_TEXT = {
    Op.EQ: "is {}", Op.NE: "isn't {}", Op.CONTAINS: "contains {}", Op.STARTS: "starts with {}", Op.ENDS: "ends with {}",
}  # fmt: skip
_OPERATORS = {
    Sort.TEXT: _OF_TEXT, Sort.LIST: _OF_TEXT, Sort.FLAG: _OF_TEXT, Sort.NUMBER: _OF_QUANTITY,
    Sort.INTEGER: _OF_QUANTITY, Sort.MONEY: _OF_QUANTITY, Sort.DAY: _OF_TIME, Sort.INSTANT: _OF_TIME,
    Sort.SPAN: _OF_QUANTITY, Sort.DAYS: _OF_QUANTITY,
}  # fmt: skip


def _some(count: int | str, noun: str) -> str:
    return f"{count} {noun}" if str(count) == "1" else f"{count} {noun}s"


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


class English(Speech):
    """English; literals stand in “”."""

    # ── names and literals ──────────────────────────────────────────────────────────────────────

    def title(self, name: str, titled: Titled | None) -> str:
        return titled.title_en if titled is not None and titled.title_en else name

    def label_value(self, value: str, label: LabelType | None) -> str:
        return (label.value_titles_en.get(value) if label is not None else None) or value

    def value(self, value: Value, zone: str) -> str:
        match value:
            case Text():
                return f"“{value.value}”"
            case Flag():
                return "true" if value.value else "false"
            case Span():
                return self.span(value.ms)
            case Money():
                return f"{value.currency} {plain_value(value, zone)}"
            case _:
                return plain_value(value, zone)

    def span(self, span_ms: int) -> str:
        text = " ".join(_some(count, unit) for count, unit in span_parts(span_ms))
        return f"minus {text}" if span_ms < 0 else text

    def instant(self, instant: int, zone: str) -> str:
        return local_text(instant, zone)

    def _window(self, window: Window | None, zone: str) -> str:
        match window:
            case Rolling():
                return f"in the last {self.span(window.ms)}"
            case Last():
                return f"in the last {_complete(window.unit, window.count)}"
            case This():
                return "today" if window.unit is Unit.DAY else f"this {window.unit.value}"
            case Fixed(start=None, end=int(end)):
                return f"before {local_text(end, zone)}"
            case Fixed(start=int(start), end=None):
                return f"from {local_text(start, zone)} on"
            case Fixed(start=int(start), end=int(end)):
                return f"from {local_text(start, zone)} until before {local_text(end, zone)}"
            case _:
                return ""

    # ── event sets ──────────────────────────────────────────────────────────────────────────────

    def types(self, titles: Sequence[str]) -> str:
        return " or ".join(titles)

    def marked(self, mark: str) -> str:
        known = known_mark(mark)
        return _MARKS[known] if known else f"event marked {mark}"

    def every_event(self) -> str:
        return "any event"

    def filtered(self, events: str, test: str) -> str:
        return f"{events} ({test})"

    # ── what is looked at ───────────────────────────────────────────────────────────────────────

    def record_trait(self, title: str) -> str:
        return f"its {title}"

    def count(self, events: str, window: Window | None, zone: str) -> str:
        return _joined(f"the count of {events}", self._window(window, zone))

    def aggregate(self, fold: Fold, of: str, events: str, window: Window | None, zone: str) -> str:
        return _joined(f"the {_FOLDS[fold]} {of} over “{events}”", self._window(window, zone))

    def net(self, of: str, events: str, window: Window | None, zone: str) -> str:
        return _joined(f"the total {of} over “{events}”, net of refunds,", self._window(window, zone))

    def since(self, events: str, *, first: bool) -> str:
        return f"the time since the {'first' if first else 'latest'} {events.removeprefix('any ')}"

    def periods(self, events: str, unit: Unit, count: int) -> str:
        return f"the number of {unit.value}s with {events} among the last {_complete(unit, count)}"

    def age(self, of: str, unit: Unit) -> str:
        return f"the whole {unit.value}s since {of}"

    def due(self, of: str) -> str:
        return f"the time to {of}"

    def anniversary(self, of: str) -> str:
        return f"the time to the next anniversary of {of}"

    def record_count(self, kind: str, test: str) -> str:
        return f"the number of records “{kind}”{f' with ({test})' if test else ''}"

    # ── tests ───────────────────────────────────────────────────────────────────────────────────

    def compared(self, subject: str, op: Op, value: str, sort: Sort) -> str:
        return f"{subject} " + _OPERATORS[sort].get(op, f"{op.value} {{}}").replace("{}", value)

    def counted(self, events: str, window: Window | None, zone: str, op: Op, times: str) -> str:
        said = _TIMES.get(op, f"{op.value} {{}}").replace("{}", _some(times, "time"))
        return _joined(events, said, self._window(window, zone))

    def one_of(self, subject: str, values: Sequence[str], *, negated: bool) -> str:
        verb = "isn't" if negated else "is"
        return f"{subject} {verb} {'one of ' if len(values) > 1 else ''}{', '.join(values)}"

    def unknown(self, subject: str, *, negated: bool) -> str:
        return f"{subject} is {'known' if negated else 'unknown'}"

    def happened(self, events: str, window: Window | None, zone: str) -> str:
        return _joined(events, "at least once", self._window(window, zone))

    def never(self, events: str, window: Window | None, zone: str) -> str:
        # Titles of types tell what was done ("paid an order"); marks and "any event" are things.
        if events.startswith("any ") or events.partition(" (")[0] in _MARKS.values():
            return f"no {events.removeprefix('any ')} {self._window(window, zone) or 'so far'}"
        return _joined("never", events, self._window(window, zone))

    def each(self, events: str, unit: Unit, count: int) -> str:
        return f"{events} in each of the last {_complete(unit, count)}"

    def step(self, events: str, within: str, without: str) -> str:
        notes = [f"within {within}"] if within else []
        notes += [f"without {without} in between"] if without else []
        return _joined(events, ", ".join(notes))

    def sequence(self, steps: Sequence[str], total: str, window: Window | None, zone: str) -> str:
        whole = f"all of it within {total}" if total else ""
        told = [f"in this order: {', then '.join(steps)}", whole, self._window(window, zone)]
        return ", ".join(part for part in told if part)

    def returned(self, events: str, gap: str, window: Window | None, zone: str) -> str:
        return _joined(events, f"again after a pause of at least {gap}", self._window(window, zone))

    def not_followed(self, events: str, by: str, within: str, window: Window | None, zone: str) -> str:
        when = self._window(window, zone)
        return f"{f'{when}, ' if when else ''}{events} that wasn't followed by {by} within {within}"

    def in_label(self, label: str, value: str, held: str, at: str, *, single: bool, negated: bool) -> str:
        which = f"in “{label}”" if single else f"at {f'“{value}”' if value else 'any level'} of “{label}”"
        verb = ("wasn't" if negated else "was") if at else ("isn't" if negated else "is")
        return _joined(verb, which, f"for at least {held}" if held else "", f"at {at}" if at else "")

    def moved(self, label: str, value: str, span: str, *, left: bool) -> str:
        which = f"“{value}” of “{label}”" if value else f"“{label}”"
        return f"{'left' if left else 'entered'} {which} in the last {span}"

    def tag(self, tag: str, group: str, *, negated: bool) -> str:
        return f"{'has no' if negated else 'has the'} tag “{tag}”{f' of the group “{group}”' if group else ''}"

    def consent(self, channel: str, purpose: str) -> str:
        return f"consents to “{purpose}” by “{channel}”"

    def reachable(self, channel: str) -> str:
        return f"is reachable by “{channel}”"

    def related(self, relation: str, to: str) -> str:
        return f"stands in the relation “{relation}”{f' with “{to}”' if to else ''}"

    def any_record(self, kind: str, test: str) -> str:
        return f"has a record “{kind}”{f' with ({test})' if test else ''}"

    def all_records(self, kind: str, test: str) -> str:
        return f"has records “{kind}”, all of them with ({test})"

    def share(self, percent: str, salt: str) -> str:
        return f"is in the random {percent} drawn for “{salt}”"

    def hold(self, test: str, span: str) -> str:
        return f"{self.enclosed(test)}, left only after {span} without it"

    def not_met(self, test: str) -> str:
        return f"not {self.enclosed(test)}"

    def all_met(self, tests: Sequence[str]) -> str:
        return ", and ".join(tests)

    def any_met(self, tests: Sequence[str]) -> str:
        return ", or ".join(tests)

    def at_least(self, count: int, tests: Sequence[str]) -> str:
        return f"at least {count} of these {len(tests)}: {'; '.join(tests)}"

    def everyone(self) -> str:
        return "everyone"

    def enclosed(self, phrase: str) -> str:
        return f"({phrase})"

    # ── titles ──────────────────────────────────────────────────────────────────────────────────

    def title_of_all(self) -> str:
        return "all of these"

    def title_of_any(self) -> str:
        return "any of these"

    def title_of_not(self) -> str:
        return "not"

    def title_of_at_least(self, count: int, of: int) -> str:
        return f"at least {count} of {of}"

    def title_of_hold(self, span: str) -> str:
        return f"left only after {span} without it"

    def title_of_any_record(self, kind: str) -> str:
        return f"any record “{kind}” with this"

    def title_of_all_records(self, kind: str) -> str:
        return f"every record “{kind}” with this"


def _complete(unit: Unit, count: int) -> str:
    """`4 complete weeks`, `complete week`."""
    return f"complete {unit.value}" if count == 1 else _some(count, f"complete {unit.value}")
