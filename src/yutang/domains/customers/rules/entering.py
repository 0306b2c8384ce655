"""State events that people enter: from what they wrote to events as the log takes them.

A state event entered by hand must win over what stands, and order is (at, id hash): at a standing clock
many are entered at one instant. So its id is chosen among candidates, all derived from its content, such
that its hash comes just after those that are there.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec

from yutang.conditions.vocabulary import (
    CONSENT_GIVEN,
    CONSENT_WITHDRAWN,
    RECORD_ENDED,
    RECORD_SET,
    TAG_ADDED,
    TAG_REMOVED,
    TRAIT_SET,
    VALUE_PROPERTY,
    Kind,
    Vocabulary,
)
from yutang.domains.customers.contracts import (
    CONSOLE_FEED,
    REASON_CHARS_MAX,
    ConsentOrder,
    RecordOrder,
    TagOrder,
    TraitOrder,
)
from yutang.kernel.errors import ConflictError, InvalidError
from yutang.kernel.event import Event, Identity
from yutang.kernel.ids import content_key, hash64
from yutang.kernel.instants import DAY_MS, INSTANT_MAX_MS, instant_from_text
from yutang.kernel.limits import EVENT_PROPERTIES_COUNT_MAX, NAME_CHARS_MAX, TEXT_VALUE_CHARS_MAX
from yutang.kernel.money import minor_from_major

ID_CANDIDATES = 256  # a round; the one just after the last is taken, so thousands fit one instant
ID_ROUNDS_MAX = 256
LIST_ITEMS_COUNT_MAX = 1_000
INTEGER_MAX = 2**53

Entry = tuple[str, dict[str, Any]]  # type, properties


@dataclass(frozen=True, slots=True)
class Hand:
    """Who enters something, when (pool time), after which record, and the hash of the last event at that instant."""

    actor: str
    at: int
    seq: int
    after_tie: int


def trait_entries(order: TraitOrder, vocabulary: Vocabulary, *, strict: bool) -> list[Entry]:
    """The events that set and unset traits. Raises InvalidError."""
    kinds = {name: one.kind for name, one in vocabulary.traits.items()}
    return [(TRAIT_SET, one) for one in _values(order.traits, kinds, vocabulary.currency, "trait", strict)]


def record_entries(order: RecordOrder, vocabulary: Vocabulary, *, strict: bool) -> list[Entry]:
    """The events that set or end a record. Raises InvalidError."""
    kind, record = _name(order.kind, "kind"), _name(order.record, "record")
    declared = vocabulary.records.get(kind)
    if declared is None and strict:
        _unknown("record.kind_unknown", f"there is no kind of record {kind!r}", kind, vocabulary.records)
    base = {"kind": kind, "record": record}
    if order.end:
        return [(RECORD_ENDED, base)]
    kinds = {one.name: one.kind for one in declared.traits} if declared else {}
    traits = _values(order.traits, kinds, vocabulary.currency, f"record {kind}", strict)
    return [(RECORD_SET, {**base, **one}) for one in traits] or [(RECORD_SET, base)]


def tag_entries(order: TagOrder, actor: str) -> list[Entry]:
    """The event that gives or takes a tag. Raises InvalidError."""
    properties = {"tag": _name(order.tag, "tag"), "by": actor}
    if order.group:
        properties["group"] = _name(order.group, "group")
    if order.reason:
        properties["reason"] = order.reason[:REASON_CHARS_MAX]
    return [(TAG_REMOVED if order.remove else TAG_ADDED, properties)]


def consent_entries(order: ConsentOrder) -> list[Entry]:
    """The event that gives or withdraws consent. Raises InvalidError."""
    properties = {"medium": _name(order.channel, "channel")}
    if order.purpose:
        properties["purpose"] = _name(order.purpose, "purpose")
    return [(CONSENT_WITHDRAWN if order.withdraw else CONSENT_GIVEN, properties)]


def events(entries: Sequence[Entry], identities: Iterable[Identity], hand: Hand) -> list[Event]:
    """The events, in an order of their own after what is there. Raises ConflictError if the instant is full."""
    carried = tuple(sorted(set(identities)))
    found = []
    last = hand.after_tie
    for place, (type_name, properties) in enumerate(entries):
        content = msgspec.json.encode([type_name, properties, carried, hand.actor, place], order="deterministic")
        event_id, last = _next_id(content, hand, last)
        found.append(Event(event_id, type_name, hand.at, carried, properties, system=True))
    return found


def mass(entry: Entry, leads: Sequence[Identity], hand: Hand, ties: Sequence[int]) -> list[Event]:
    """The same entered of many customers, each by one identity. ties: the hash of the last event that each has at that
    instant, below 0 for none, where any id will do."""
    type_name, properties = entry
    found = []
    for lead, tie in zip(leads, ties, strict=True):
        content = msgspec.json.encode([type_name, properties, (lead,), hand.actor, 0], order="deterministic")
        if tie < 0:
            event_id = content_key(content, str(hand.at), str(hand.seq), "0")
        else:
            event_id, _ = _next_id(content, hand, tie)
        found.append(Event(event_id, type_name, hand.at, (lead,), properties, system=True))
    return found


def _next_id(content: bytes, hand: Hand, after_tie: int) -> tuple[str, int]:
    for turn in range(ID_ROUNDS_MAX):
        ids = [
            content_key(content, str(hand.at), str(hand.seq), str(turn * ID_CANDIDATES + one))
            for one in range(ID_CANDIDATES)
        ]
        ties = [(hash64(CONSOLE_FEED, one), one) for one in ids]
        tie, event_id = min(((tie, one) for tie, one in ties if tie > after_tie), default=(0, ""))
        if event_id:
            return event_id, tie
    raise ConflictError(
        "entry.instant_full", "too much was entered for this customer at one instant",
        remedy="advance the pool's clock, by a second at least",
    )  # fmt: skip


# ── values ──────────────────────────────────────────────────────────────────────────────────────


def _values(
    given: Mapping[str, Any], kinds: Mapping[str, Kind], currency: str, what: str, strict: bool
) -> list[dict[str, Any]]:
    if len(given) > EVENT_PROPERTIES_COUNT_MAX:
        raise InvalidError(
            "trait.too_many", f"more than {EVENT_PROPERTIES_COUNT_MAX} traits at once", remedy="set them in parts"
        )
    found = []
    for name, value in given.items():
        kind = kinds.get(_name(name, "trait"))
        if kind is None and strict:
            _unknown("trait.unknown", f"{what}: there is no trait {name!r}", name, kinds)
        if value is None:
            found.append({"trait": name})
        else:
            kind = kind or _kind_of(value)
            found.append({"trait": name, VALUE_PROPERTY[kind]: carried(value, kind, currency, where=name)})
    return found


def _kind_of(value: Any) -> Kind:
    """The kind of a value for a trait that nobody declared."""
    return Kind.LIST if isinstance(value, list) else Kind.STRING


def carried(value: Any, kind: Kind, currency: str, *, where: str) -> Any:
    """A value as people write it, as an event carries it. Raises InvalidError."""
    if kind is Kind.MONEY:
        return minor_from_major(value if isinstance(value, str | int | float) else str(value), currency, where=where)
    if kind in (Kind.INSTANT, Kind.DATE):
        instant = instant_from_text(str(value), where=where)
        if not -INSTANT_MAX_MS <= instant <= INSTANT_MAX_MS:
            _unfit(value, kind, where, "name a day between 1840 and 2100")
        return instant if kind is Kind.INSTANT else instant - instant % DAY_MS
    if kind is Kind.BOOLEAN:
        found = {"true": True, "false": False, "yes": True, "no": False}.get(str(value).lower())
        return _unfit(value, kind, where, "write true or false") if found is None else found
    if kind is Kind.LIST:
        return _list(value, where)
    if kind in (Kind.NUMBER, Kind.INTEGER):
        return _number(value, kind, where)
    text = value if isinstance(value, str) else str(value)
    if len(text) > TEXT_VALUE_CHARS_MAX:
        _unfit(text[:40], kind, where, f"at most {TEXT_VALUE_CHARS_MAX} characters")
    return text


def _number(value: Any, kind: Kind, where: str) -> int | float:
    try:
        number = float(value) if not isinstance(value, bool) else float("nan")
        if not abs(number) <= INTEGER_MAX or (kind is Kind.INTEGER and not number.is_integer()):
            raise ValueError
    except (TypeError, ValueError):
        _unfit(value, kind, where, "write a number" if kind is Kind.NUMBER else "write a whole number")
    return int(number) if kind is Kind.INTEGER else number


def _list(value: Any, where: str) -> list[str]:
    items = [item.strip() for item in value.split(",")] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        _unfit(value, Kind.LIST, where, "write texts, divided by commas")
    if len(items) > LIST_ITEMS_COUNT_MAX or sum(map(len, items)) > TEXT_VALUE_CHARS_MAX:
        _unfit("…", Kind.LIST, where, f"at most {LIST_ITEMS_COUNT_MAX} items, {TEXT_VALUE_CHARS_MAX} characters")
    return [item for item in items if item]


def _name(name: str, where: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
        raise InvalidError(
            "entry.name", f"{name[:40]!r} can't be a name", where=where,
            remedy=f"write 1 to {NAME_CHARS_MAX} printable characters",
        )  # fmt: skip
    return name


def _unfit(value: Any, kind: Kind, where: str, remedy: str) -> NoReturn:
    raise InvalidError("trait.value", f"{str(value)[:80]!r} isn't a {kind.value}", where=where, remedy=remedy)


def _unknown(code: str, message: str, name: str, known: Iterable[str]) -> NoReturn:
    close = difflib.get_close_matches(name, list(known), n=1)
    remedy = f"did you mean {close[0]}?" if close else "declare it in the catalogue, or switch `strict` off"
    raise InvalidError(code, message, where=name, remedy=remedy)
