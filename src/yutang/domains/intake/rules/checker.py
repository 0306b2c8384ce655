"""Judging one raw event, as JSON gives it, into an `Event` or a `Problem`. Every door uses this.

A raw event has `type`, `at`, `identities`, and optionally `id`, `properties`, `channel`, `source`,
`currency`. Each type's declared properties are compiled once into a table of converters.
Lenient: unknown types and properties are taken and counted in `unknown`. Strict: refused. A declared
property of the wrong type, or an unknown key of the event itself, is refused either way. null is absence.
Invariant: `check` returns; whatever it is given, nothing is raised. What it returns depends on the raw
event and the checker's own arguments alone, but for this: the first value of a trait that isn't declared
fixes the kind of those that follow, as it will in the catalogue; and types that nobody has declared are taken
until there are EVENT_TYPES_COUNT_MAX of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from yutang.conditions.lookups import suggestion
from yutang.conditions.vocabulary import (
    RECORD_SET,
    TRAIT_SET,
    VALUE_PROPERTY,
    EventType,
    Kind,
)
from yutang.domains.catalogue.contracts import EVENT_TYPES_COUNT_MAX, Catalogue
from yutang.domains.intake.contracts import (
    SOURCE_CHARS_MAX,
    UNKNOWN_NAMES_COUNT_MAX,
    IdentityParser,
    Problem,
)
from yutang.domains.intake.rules.content import id_value, judge_size, label_value, made_id, placed, safe_name
from yutang.domains.intake.rules.plans import REQUIRED, Plan
from yutang.domains.intake.rules.values import (
    Converter,
    converters,
    inferred_kind,
    instant_value,
    name_value,
    shown,
    undeclared_value,
)
from yutang.kernel.errors import InvalidError
from yutang.kernel.event import Event, Identity
from yutang.kernel.instants import INSTANT_MIN_MS, instant_text
from yutang.kernel.limits import (
    EVENT_FUTURE_MS_MAX,
    EVENT_IDENTITIES_COUNT_MAX,
    EVENT_PROPERTIES_BYTES_MAX,
    EVENT_PROPERTIES_COUNT_MAX,
    NAME_CHARS_MAX,
)

KEYS = frozenset({"id", "type", "at", "identities", "properties", "channel", "source", "currency"})
NAMES_CACHED_MAX = 4_096  # undeclared names that are known to be clean; plans of undeclared types
IDENTITIES_CACHED_MAX = 65_536

_KIND_OF: Mapping[str, Kind] = {name: kind for kind, name in VALUE_PROPERTY.items()}
_TEXT_CHARS_SURELY_SMALL = EVENT_PROPERTIES_BYTES_MAX // 8  # a character takes at most 6 bytes as JSON


class Checker:
    """Judges the events of one feed.

    catalogue: what is declared. strict: refuse what isn't. now_ms: pool time, what is too far ahead of it is
    refused. identities: reads and normalises what is sent as such. Counts as it goes: `unknown` (name → how
    often), `ids_made`.
    """

    def __init__(self, catalogue: Catalogue, *, strict: bool, now_ms: int, identities: IdentityParser) -> None:
        self.catalogue = catalogue
        self.unknown: dict[str, int] = {}
        self.ids_made = 0
        self.vocabulary = catalogue.vocabulary
        self._strict = strict
        self.at_max = now_ms + EVENT_FUTURE_MS_MAX
        self._parse_identities = identities
        self._converters = converters(self.vocabulary.currency)
        self._plans: dict[str, Plan] = {}
        self._new_types: set[str] = set()
        self._clean_names: set[str] = set()
        self._first_kinds: dict[str, Kind] = {}
        self._known_identities: dict[tuple[str, str], tuple[Identity, ...]] = {}

    def at(self, now_ms: int) -> None:
        """Judge from now on as of another pool time, and count anew."""
        self.at_max = now_ms + EVENT_FUTURE_MS_MAX
        self.ids_made = 0

    def check(self, index: int, raw: object) -> Event | Problem:
        """The event in canonical form, or why not. index: its place, for the problem."""
        try:
            return self._event(raw)
        except InvalidError as error:
            return Problem(index, error.code, error.where, error.message, error.remedy)
        except RecursionError:
            return Problem(index, "value.too_deep", "properties", "the event is nested too deeply", "flatten it")

    def _event(self, raw: object) -> Event:
        if type(raw) is not dict:
            raise InvalidError("event.type", "an event is an object", remedy='send {"type": …, "at": …, …}')
        if not raw.keys() <= KEYS:
            self._refuse_keys(raw)
        plan = self.plan(raw.get("type"))
        if not plan.declared:
            self.count_unknown(plan.event_type.name)
        at = self.instant(raw.get("at"))
        identities = self.identities(raw.get("identities"))
        sent = raw.get("properties")
        properties = self.properties(plan, sent) if sent is not None else self._without(plan)
        currency = raw.get("currency")
        if currency is not None:
            self.judge_currency(currency, plan, properties)
        channel = label_value("channel", raw.get("channel"), NAME_CHARS_MAX)
        source = label_value("source", raw.get("source"), SOURCE_CHARS_MAX)
        event_id = id_value(raw.get("id"))
        name, system = plan.event_type.name, plan.event_type.system
        if not event_id:
            self.ids_made += 1
            event_id = made_id(name, at, identities, properties, channel, source)
        return Event(event_id, name, at, identities, properties, channel, source, system)

    # ── parts, each usable by itself: rows of files convert them column by column ───────────────

    def plan(self, name: object) -> Plan:
        """The plan of a type. Raises InvalidError: not a name, or unknown while strict."""
        found = self._plans.get(name) if type(name) is str else None
        if found is None:
            found = self._new_plan(name)
        return found

    def plan_or_none(self, name: str) -> Plan | None:
        """The plan of a type, None where there is none."""
        try:
            return self.plan(name)
        except InvalidError:
            return None

    def _new_plan(self, name: object) -> Plan:
        if name is None:
            raise InvalidError("event.no_type", "the event has no type", where="type", remedy="name one")
        name = placed("type", name_value, name)
        assert isinstance(name, str)
        event_type = self.vocabulary.events.get(name)
        declared = event_type is not None and name not in self.catalogue.undeclared_events
        if not declared and self._strict:
            raise InvalidError(
                "event.unknown_type", f"there is no event type {shown(name)}", where="type",
                remedy=suggestion(name, self.vocabulary.events) or "declare it with `yutang catalogue declare`",
            )  # fmt: skip
        if event_type is None:
            self._make_room(name)
            event_type = EventType(name)
        plan = Plan(
            event_type,
            declared,
            {p.name: self._converters[p.kind] for p in event_type.properties},
            frozenset(p.name for p in event_type.properties if p.kind is Kind.MONEY),
            REQUIRED.get(name, ()),
        )
        if len(self._plans) < NAMES_CACHED_MAX:
            self._plans[name] = plan
        return plan

    def _make_room(self, name: str) -> None:
        """Note a type that nobody has seen before. Raises InvalidError: each costs a track of its own."""
        if name in self._new_types:
            return
        if len(self.vocabulary.events) + len(self._new_types) >= EVENT_TYPES_COUNT_MAX:
            raise InvalidError(
                "event.too_many_types", f"{shown(name)} would be one type more than {EVENT_TYPES_COUNT_MAX}",
                where="type", remedy="put what varies (a number, a name) into a property, not into the type",
            )  # fmt: skip
        self._new_types.add(name)

    def instant(self, value: object) -> int:
        """When it happened. Raises InvalidError: absent, malformed, before 1970, too far ahead."""
        if value is None:
            raise InvalidError("event.no_time", "the event has no instant", where="at", remedy="send `at`")
        at = placed("at", instant_value, value)
        assert isinstance(at, int)
        self.judge_instant(at)
        return at

    def judge_instant(self, at: int) -> None:
        """Raise InvalidError unless an event may carry the instant."""
        if at < INSTANT_MIN_MS:
            raise InvalidError(
                "event.too_early", f"{instant_text(at)} lies before 1970", where="at",
                remedy="check the year; numbers are milliseconds since 1970",
            )  # fmt: skip
        if at > self.at_max:
            ahead = EVENT_FUTURE_MS_MAX // 86_400_000
            raise InvalidError(
                "event.in_future", f"{instant_text(at)} lies more than {ahead} days ahead of the pool's clock",
                where="at", remedy="check the year, and the pool's clock with `yutang clock show`",
            )  # fmt: skip

    def identities(self, raw: object) -> tuple[Identity, ...]:
        """Who it is about, sorted. Raises InvalidError with `where` such as `identities.phone`."""
        if type(raw) is not dict or not raw:
            raise InvalidError(
                "event.no_identities", "the event has no identities", where="identities",
                remedy='name at least one: {"member_no": "M1"}',
            )  # fmt: skip
        if len(raw) == 1:
            (pair,) = raw.items()
            if type(pair[1]) is str:
                known = self._known_identities.get(pair)
                if known is None:
                    known = self._read_identities(raw)
                    if len(self._known_identities) >= IDENTITIES_CACHED_MAX:
                        self._known_identities.clear()
                    self._known_identities[pair] = known
                return known
        return self._read_identities(raw)

    def _read_identities(self, raw: dict[str, object]) -> tuple[Identity, ...]:
        try:
            found = self._parse_identities(raw)
        except InvalidError as error:
            error.where = f"identities.{error.where}".rstrip(".")
            raise
        if not found:
            raise InvalidError(
                "event.no_identities", "the event has no identities", where="identities",
                remedy='name at least one: {"member_no": "M1"}',
            )  # fmt: skip
        if len(found) > EVENT_IDENTITIES_COUNT_MAX:
            raise InvalidError(
                "event.too_many_identities", f"{len(found)} identities are more than {EVENT_IDENTITIES_COUNT_MAX}",
                where="identities", remedy="send those of one person only",
            )  # fmt: skip
        return found

    def properties(self, plan: Plan, sent: object) -> dict[str, object]:
        """The properties in canonical form. Raises InvalidError with `where` such as `properties.amount`."""
        if type(sent) is not dict:
            raise InvalidError(
                "event.properties", "properties are an object", where="properties", remedy='send {"name": value}'
            )
        if len(sent) > EVENT_PROPERTIES_COUNT_MAX:
            raise InvalidError(
                "event.too_many_properties", f"{len(sent)} properties are more than {EVENT_PROPERTIES_COUNT_MAX}",
                where="properties", remedy="send fewer",
            )  # fmt: skip
        if plan.required:
            sent = self._state_properties(plan, sent)
        result: dict[str, object] = {}
        table = plan.converters
        chars = 0
        for name, value in sent.items():
            if value is None:
                continue
            convert = table.get(name)
            try:
                result[name] = converted = (convert or self._undeclared(plan, name))(value)
            except InvalidError as error:
                error.where = f"properties.{safe_name(name)}"
                raise
            if type(converted) is str:
                chars += len(converted)
            elif convert is None or type(converted) is list:
                chars = EVENT_PROPERTIES_BYTES_MAX  # measure it
        if chars > _TEXT_CHARS_SURELY_SMALL:
            judge_size(result)
        return result

    def _undeclared(self, plan: Plan, name: object) -> Converter:
        convert = self.converter(plan, name)
        if plan.declared:
            self.count_unknown(f"{plan.event_type.name}.{name}")
        return convert

    def converter(self, plan: Plan, name: object) -> Converter:
        """What converts a property of a type. Raises InvalidError: not a name, or unknown while strict."""
        known = plan.converters.get(name) if type(name) is str else None
        if known is not None:
            return known
        if name not in self._clean_names:
            name_value(name)
            if len(self._clean_names) < NAMES_CACHED_MAX:
                self._clean_names.add(str(name))
        if plan.declared and self._strict:
            raise InvalidError(
                "event.unknown_property", f"{plan.event_type.name} has no property {shown(name)}",
                remedy=suggestion(str(name), plan.converters) or "declare it with `yutang catalogue declare`",
            )  # fmt: skip
        return undeclared_value

    def _without(self, plan: Plan) -> dict[str, object]:
        return self.properties(plan, {}) if plan.required else {}

    def kind_converter(self, kind: Kind) -> Converter:
        """What converts a value of a kind, amounts in the pool's currency."""
        return self._converters[kind]

    def judge_currency(self, currency: object, plan: Plan, properties: Mapping[str, object]) -> None:
        """Raise InvalidError if amounts are in a currency that the pool can't read."""
        currency = placed("currency", name_value, currency)
        if currency == self.vocabulary.currency or not any(name in plan.money for name in properties):
            return
        raise InvalidError(
            "event.currency", f"the amounts are in {currency}, the pool counts in {self.vocabulary.currency}",
            where="currency", remedy=f"convert them to {self.vocabulary.currency}: there is no dated rate table for it",
        )  # fmt: skip

    # ── state events ────────────────────────────────────────────────────────────────────────────

    def _state_properties(self, plan: Plan, sent: dict[str, object]) -> dict[str, object]:
        """With the generic `value` moved to the property of its kind, and what must be there judged."""
        for name in plan.required:
            if sent.get(name) is None or sent[name] == "":
                raise InvalidError(
                    "state.incomplete", f"{plan.event_type.name} needs {name}", where=f"properties.{name}",
                    remedy=f"send {', '.join(plan.required)}",
                )  # fmt: skip
        if plan.event_type.name == TRAIT_SET:
            return self._with_value(sent, *self.trait_kind(sent["trait"]))
        if plan.event_type.name == RECORD_SET:
            return self._with_value(sent, *self.record_trait_kind(sent["kind"], sent["trait"]))
        return sent

    def trait_kind(self, name: object, *, count: bool = True) -> tuple[str, Kind | None]:
        """A trait's mark (`trait.skin`) and its kind, None if nobody knows. Raises InvalidError: name, strict."""
        name = str(placed("properties.trait", name_value, name))
        mark = f"trait.{name}"
        trait = self.vocabulary.traits.get(name)
        if trait is None or name in self.catalogue.undeclared_traits:
            self._unknown_trait(mark, name, self.vocabulary.traits, count)
        return mark, trait.kind if trait else self._first_kinds.get(mark)

    def record_trait_kind(self, kind: object, trait: object, *, count: bool = True) -> tuple[str, Kind | None]:
        """The same for a record's trait (`record.child.birthday`)."""
        kind = str(placed("properties.kind", name_value, kind))
        trait = str(placed("properties.trait", name_value, trait))
        record = self.vocabulary.records.get(kind)
        found = next((t.kind for t in record.traits if t.name == trait), None) if record else None
        name = f"{kind}.{trait}"
        if found is None or name in self.catalogue.undeclared_records:
            known = [f"{r.name}.{t.name}" for r in self.vocabulary.records.values() for t in r.traits]
            self._unknown_trait(f"record.{name}", name, known, count)
        return f"record.{name}", found or self._first_kinds.get(f"record.{name}")

    def _unknown_trait(self, mark: str, name: str, known: Iterable[str], count: bool) -> None:
        if self._strict:
            raise InvalidError(
                "event.unknown_trait", f"there is no trait {shown(name)}", where="properties.trait",
                remedy=suggestion(name, known) or "declare it with `yutang catalogue declare`",
            )  # fmt: skip
        self.count_unknown(mark, int(count))

    def _with_value(self, sent: dict[str, object], mark: str, kind: Kind | None) -> dict[str, object]:
        given = [n for n in (*VALUE_PROPERTY.values(), "value") if sent.get(n) is not None]
        if not given:
            return sent
        if len(given) > 1:
            raise InvalidError(
                "state.many_values", f"there are {len(given)} values: {', '.join(given)}",
                where=f"properties.{given[1]}", remedy="send one",
            )  # fmt: skip
        (name,) = given
        if name == "value":
            kind = kind or inferred_kind(sent["value"])
            placed("properties.value", self._converters[kind], sent["value"])
            sent = {VALUE_PROPERTY[kind] if n == "value" else n: v for n, v in sent.items() if v is not None}
        elif kind is not None and name != VALUE_PROPERTY[kind]:
            raise InvalidError(
                "state.kind", f"its kind is {kind.value}, so its value comes as {VALUE_PROPERTY[kind]}, not {name}",
                where=f"properties.{name}", remedy=f"send {VALUE_PROPERTY[kind]}, or value",
            )  # fmt: skip
        if len(self._first_kinds) < NAMES_CACHED_MAX:
            self._first_kinds.setdefault(mark, kind or _KIND_OF[name])
        return sent

    def count_unknown(self, name: str, times: int = 1) -> None:
        """Mark a name that isn't declared."""
        if name in self.unknown:
            self.unknown[name] += times
        elif times and len(self.unknown) < UNKNOWN_NAMES_COUNT_MAX:
            self.unknown[name] = times

    def _refuse_keys(self, raw: dict[object, object]) -> None:
        name = next(key for key in raw if key not in KEYS)
        raise InvalidError(
            "event.unknown_key", f"an event has no {shown(name)}", where=safe_name(name),
            remedy=suggestion(str(name)[:NAME_CHARS_MAX], KEYS) or "what is your own goes into properties",
        )  # fmt: skip
