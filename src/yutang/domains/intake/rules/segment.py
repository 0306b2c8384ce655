"""A message of Segment's tracking API as raw events of ours (docs/guides/segment.md tells every rule).

A raw event is what `checker.Checker` judges. One message may make several: an identify makes one per trait. Their
ids are the message's `messageId`, with a suffix for all but the first, so a repeated message repeats its events.
Pure: arrival, catalogue and zone are passed in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from yutang.conditions.vocabulary import IDENTITY_ADDED, TRAIT_SET, EventType, Kind, Vocabulary
from yutang.domains.intake.contracts import EVENT_ID_CHARS_MAX, SOURCE_CHARS_MAX
from yutang.domains.intake.rules.segment_names import CONTACTS, TYPES, fitted, flattened, named, readable_name, renamed
from yutang.domains.intake.rules.values import shown
from yutang.kernel.errors import InvalidError
from yutang.kernel.ids import content_key
from yutang.kernel.instants import INSTANT_MAX_MS, instant_from_text

TRAITS_COUNT_MAX = 256  # of one message
PRODUCTS_COUNT_MAX = 500  # of one order

RawEvent = dict[str, object]

# What scripts send where they have no value.
_NOBODY = frozenset({"", "null", "undefined", "none", "nan", "[object object]"})
# An id such as SDKs draw for visitors whom they don't know.
_DRAWN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_APP_LIBRARY = re.compile(r"(@segment/)?analytics[-_](ios|swift|android|kotlin|react-native|flutter)", re.IGNORECASE)
# What isn't a message's own content: it changes with a delivery, or is for Segment's other receivers.
_OF_DELIVERY = frozenset({"sentAt", "receivedAt", "writeKey", "_metadata", "integrations"})
_NO_OFFSET = re.compile(r"[0-9-]{10}[T ][0-9:.]{5,}")
# Of a message's context.campaign → property.
_CAMPAIGN = {"name": "campaign", "medium": "utm_medium", "term": "utm_term", "content": "utm_content"}


@dataclass(frozen=True, slots=True)
class Basis:
    """What messages are read by. arrived_at: pool time. sent_at: of the batch, None where it has none."""

    vocabulary: Vocabulary
    strict: bool
    zone: str
    arrived_at: int
    sent_at: int | None


@dataclass(frozen=True, slots=True)
class Translated:
    """Raw events of one message, each to be judged alone.

    claims: what SDKs repeat with other messages; said once, it is kept once. at_estimated: of the events, as
    `kernel.event.Event` has it; a claim's always is.
    """

    events: tuple[RawEvent, ...]
    claims: tuple[RawEvent, ...]
    at_estimated: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """A message being read: its id and instant are known."""

    message: Mapping[str, object]
    id: str
    at: int
    basis: Basis

    def part(self, name: str) -> Mapping[str, object]:
        """An object of the message, empty if it has none. Raises InvalidError: it's something else."""
        return _object(self.message.get(name), name)

    @property
    def context(self) -> Mapping[str, object]:
        """What the SDK says of where it runs; empty if it is malformed, since nothing depends on it."""
        context = self.message.get("context")
        return context if isinstance(context, dict) else {}

    def around(self, name: str) -> Mapping[str, object]:
        """An object of the context, empty if there is none."""
        found = self.context.get(name)
        return found if isinstance(found, dict) else {}

    def event(self, name: str, identities: Mapping[str, object], suffix: str = "", **more: object) -> RawEvent:
        """A raw event at the message's instant, its id the message's with a suffix."""
        return {"id": self._id(suffix), "type": name, "at": self.at, "identities": identities, **more}

    def _id(self, suffix: str) -> str:
        whole = f"{self.id}/{suffix}" if suffix else self.id
        return whole if not suffix or len(whole) <= EVENT_ID_CHARS_MAX else content_key(self.id, suffix)

    def fitted(self, event_type: EventType | None, properties: dict[str, object]) -> dict[str, object]:
        """Properties brought to the kinds that their type declares."""
        if event_type is None:
            return properties
        currency = self.basis.vocabulary.currency
        for one in event_type.properties:
            if properties.get(one.name) is not None:
                properties[one.name] = fitted(properties[one.name], one.kind, currency, self.basis.zone)
        return properties


def translate(message: object, call: str, basis: Basis) -> Translated:
    """The events of a message. call: `track` …, "" if the message says it. Raises InvalidError with `where`."""
    if not isinstance(message, dict):
        _refuse("message", "", f"{shown(message)} isn't a message", 'send {"type": "track", "userId": …}')
    said = call or message.get("type")
    call = said.lower() if isinstance(said, str) else ""
    make = _MAKERS.get(call)
    if make is None:
        _refuse("call", "type", f"there is no call {shown(said)}", f"send one of {', '.join(_MAKERS)}")
    at, at_estimated = _instant(message, basis)
    reading = Reading(message, _message_id(message, call, at), at, basis)
    events = tuple(make(reading))
    return Translated(events, () if call in _TELLING else tuple(_claims(reading)), at_estimated)


def instant_sent(value: object) -> int | None:
    """`sentAt` of a batch or message, None if it can't be read: then nothing is known of the sender's clock."""
    try:
        return _moment(value, "sentAt")
    except InvalidError:
        return None


# ── what every message has ──────────────────────────────────────────────────────────────────────


def _refuse(what: str, where: str, message: str, remedy: str) -> NoReturn:
    raise InvalidError(f"segment.{what}", message, where=where, remedy=remedy)


def _object(value: object, where: str) -> Mapping[str, object]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        _refuse("object", where, f"{where} is {shown(value)}, not an object", f'send "{where}": {{"name": value}}')
    return value


def _instant(message: Mapping[str, object], basis: Basis) -> tuple[int, bool]:
    """When it happened by the pool's clock, and whether another delivery of the message may say otherwise."""
    stamp = _moment(message.get("timestamp"), "timestamp")
    if stamp is None:
        stamp = _moment(message.get("originalTimestamp"), "originalTimestamp")
    elif message.get("receivedAt") is not None:
        return stamp, False  # Segment has corrected it already
    if stamp is None:
        return basis.arrived_at, True
    sent = instant_sent(message.get("sentAt"))
    sent = basis.sent_at if sent is None else sent
    return (stamp, False) if sent is None else (basis.arrived_at - (sent - stamp), True)


def _moment(value: object, where: str) -> int | None:
    """An instant as SDKs send it: ISO 8601 (UTC if it has no offset) or milliseconds since 1970."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and len(value) <= 40:
        return instant_from_text(f"{value}Z" if _NO_OFFSET.fullmatch(value) else value, where=where)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < INSTANT_MAX_MS:
        return int(value)
    _refuse("instant", where, f"{shown(value)} isn't an instant", "send it like 2017-03-01T10:00:00.000Z")


def _message_id(message: Mapping[str, object], call: str, at: int) -> str:
    """`messageId`; else one made of the content, and of the arrival if nothing else says when it was."""
    sent = message.get("messageId")
    if sent is not None and sent != "":
        if isinstance(sent, bool) or not isinstance(sent, str | int):
            _refuse("id", "messageId", f"{shown(sent)} can't be an id", "leave it out to have one made of the content")
        return str(sent)[: EVENT_ID_CHARS_MAX + 1]  # too long is for the checker to say
    content = {name: value for name, value in message.items() if name not in _OF_DELIVERY}
    dated = any(message.get(name) for name in ("timestamp", "originalTimestamp"))
    return content_key(call, "" if dated else str(at), json.dumps(content, sort_keys=True))


def _name_of(value: object) -> object:
    """A user's, visitor's or group's id, None if it's none or one of a script's fillers."""
    if isinstance(value, str):
        return None if value.strip().lower() in _NOBODY else value
    return None if value is None else _whole(value)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _identities(message: Mapping[str, object]) -> dict[str, object]:
    """Who it is about: the own account, the visitor, or both. Raises InvalidError if it says neither."""
    found = {
        kind: name
        for kind, key in (("account", "userId"), ("anonymous_id", "anonymousId"))
        if (name := _name_of(message.get(key))) is not None
    }
    if not found:
        _refuse("no_user", "userId", "it says neither userId nor anonymousId", "send one of them")
    return found


def _channel(reading: Reading, call: str) -> str:
    """Where the customer was met: `app` or `web`, "" if a server speaks for it."""
    name = reading.around("library").get("name")
    if call == "screen" or (isinstance(name, str) and _APP_LIBRARY.match(name)):
        return "app"
    return "web" if name == "analytics.js" else ""


# ── the calls ───────────────────────────────────────────────────────────────────────────────────


def _track(reading: Reading) -> Iterator[RawEvent]:
    name = reading.message.get("event")
    if not isinstance(name, str) or not readable_name(name):
        _refuse("no_event", "event", f"{shown(name)} can't name an event", "send the event's name as text")
    name = readable_name(name)
    name = TYPES.get(name, name)
    properties = renamed(name, named(reading.part("properties")))
    products = properties.pop("products", None) if name == "order_paid" else None
    identities = _identities(reading.message)
    if isinstance(products, list):
        properties.setdefault("items", len(products))
    yield _happened(reading, "track", name, identities, properties)
    if isinstance(products, list):
        yield from _bought(reading, identities, properties.get("order_id"), products)


def _happened(
    reading: Reading, call: str, name: str, identities: Mapping[str, object], properties: dict[str, object]
) -> RawEvent:
    """What a customer did: with the campaign that brought it, its amounts' currency beside it."""
    vocabulary = reading.basis.vocabulary
    event_type = vocabulary.events.get(name)
    raw = reading.event(name, identities, channel=_channel(reading, call))
    campaign = reading.around("campaign")
    if campaign and not (event_type and event_type.system):
        for theirs, ours in _CAMPAIGN.items():
            _add(reading, event_type, properties, ours, campaign.get(theirs))
        source = campaign.get("source")
        if isinstance(source, str) and source.isprintable():
            raw["source"] = source[:SOURCE_CHARS_MAX]
    if event_type and event_type.property_kind("currency") is None and isinstance(properties.get("currency"), str):
        raw["currency"] = str(properties.pop("currency")).upper() or None
    return {**raw, "properties": reading.fitted(event_type, properties)}


def _add(
    reading: Reading, event_type: EventType | None, properties: dict[str, object], name: str, value: object
) -> None:
    """What the SDK says by itself, unless the brand's code said it; where only declared names may be, if it is one."""
    declared = event_type is not None and event_type.property_kind(name) is not None
    if isinstance(value, str) and value and (declared or not reading.basis.strict):
        properties.setdefault(name, value)


def _bought(
    reading: Reading, identities: Mapping[str, object], order: object, products: list[object]
) -> Iterator[RawEvent]:
    """The lines of an order. One that isn't an object is left to the checker to refuse."""
    event_type = reading.basis.vocabulary.events.get("item_purchased")
    if len(products) > PRODUCTS_COUNT_MAX:
        products = [*products[:PRODUCTS_COUNT_MAX], f"{len(products)} products are more than {PRODUCTS_COUNT_MAX}"]
    for number, product in enumerate(products, 1):
        line: object = product
        if isinstance(product, dict):
            line = renamed("item_purchased", named(product))
            line.setdefault("order_id", order)
            line.pop("currency", None)
            line = reading.fitted(event_type, line)
        yield reading.event("item_purchased", identities, f"product/{number}", properties=line)


def _page(reading: Reading) -> Iterator[RawEvent]:
    yield from _viewed(reading, "page")


def _screen(reading: Reading) -> Iterator[RawEvent]:
    yield from _viewed(reading, "screen")


def _viewed(reading: Reading, call: str) -> Iterator[RawEvent]:
    """A page or screen: its name is the `page`, else its path."""
    event_type = reading.basis.vocabulary.events.get("page_viewed")
    properties = named(reading.part("properties"))
    identities = _identities(reading.message)
    here = reading.around("page") if call == "page" else {}
    own = {one: properties.pop(one, None) for one in ("name", "category", "path", "search", "url", "title", "referrer")}
    name = reading.message.get("name") or own["name"]
    path = own["path"] or here.get("path")
    for ours, value in (("page", name or path), ("category", reading.message.get("category") or own["category"])):
        _add(reading, event_type, properties, ours, value)
    for one in ("url", "title", "referrer"):
        _add(reading, event_type, properties, one, own[one] or here.get(one))
    yield _happened(reading, call, "page_viewed", identities, properties)


def _identify(reading: Reading) -> Iterator[RawEvent]:
    identities = _identities(reading.message)
    yield reading.event(IDENTITY_ADDED, identities)
    device = reading.around("device").get("id")
    if "account" in identities and isinstance(device, str) and device.strip():
        # Not beside a visitor's id: people who share a device would tie their visits together.
        yield reading.event(IDENTITY_ADDED, {"account": identities["account"], "device": device}, "device")
    said = {"language": reading.context.get("locale"), "zone": reading.context.get("timezone")}
    traits: dict[str, object] = {name: value for name, value in said.items() if isinstance(value, str) and value}
    for found in (reading.around("traits"), reading.part("traits")):
        traits |= flattened(found)
    yield from _told(reading, identities, traits)


def _group(reading: Reading) -> Iterator[RawEvent]:
    identities = _identities(reading.message)
    group = _name_of(reading.message.get("groupId"))
    if group is None:
        _refuse("no_group", "groupId", "it doesn't say which group", "send groupId")
    traits = {f"group_{name}": value for name, value in flattened(reading.part("traits")).items()}
    yield reading.event(IDENTITY_ADDED, identities)
    yield from _told(reading, identities, {**traits, "group_id": group})


def _told(reading: Reading, identities: Mapping[str, object], traits: Mapping[str, object]) -> Iterator[RawEvent]:
    """Traits set, and unset where they're null; ways to reach somebody become identities that are claimed."""
    if len(traits) > TRAITS_COUNT_MAX:
        _refuse("too_many_traits", "traits", f"{len(traits)} traits are more than {TRAITS_COUNT_MAX}", "send fewer")
    vocabulary = reading.basis.vocabulary
    for name, value in traits.items():
        if name in CONTACTS:
            if value is not None and value != "":
                yield reading.event(IDENTITY_ADDED, {**identities, CONTACTS[name]: value}, name)
            continue
        known = vocabulary.traits.get(name)
        kind = known.kind if known else Kind.LIST if isinstance(value, list) else None
        fit = fitted(value, kind, vocabulary.currency, reading.basis.zone)
        yield reading.event(TRAIT_SET, identities, name, properties={"trait": name, "value": fit})


def _claims(reading: Reading) -> Iterator[RawEvent]:
    """Of `context.traits`, which some SDKs repeat with every message, how to reach somebody."""
    for name, value in named(reading.around("traits")).items():
        if name in CONTACTS and isinstance(value, str) and value:
            who = {**_identities(reading.message), CONTACTS[name]: value}
            event = reading.event(IDENTITY_ADDED, who)
            yield {**event, "id": content_key("claim", json.dumps(who, sort_keys=True))}


def _alias(reading: Reading) -> Iterator[RawEvent]:
    """Two names of one person. What the former one is, its form says: a drawn id is a visitor's."""
    user, former = (_name_of(reading.message.get(key)) for key in ("userId", "previousId"))
    visitor = _name_of(reading.message.get("anonymousId"))
    if user is None or former is None:
        _refuse("no_user", "userId" if user is None else "previousId", "an alias names two", "send userId, previousId")
    drawn = former == visitor or (isinstance(former, str) and _DRAWN.fullmatch(former) is not None)
    visitors = [one for one in (visitor, former if drawn else None) if one is not None]
    identities: dict[str, object] = {"account": [user] if drawn else [user, former]}
    if visitors:
        identities["anonymous_id"] = visitors
    yield reading.event(IDENTITY_ADDED, identities)


_MAKERS: Mapping[str, Callable[[Reading], Iterator[RawEvent]]] = {
    "track": _track,
    "identify": _identify,
    "page": _page,
    "screen": _screen,
    "alias": _alias,
    "group": _group,
}
_TELLING = frozenset({"identify", "alias"})  # the calls that say themselves who somebody is
