"""The swift way to judge a request's events: what is usual, in one typed decoding; what isn't, by the checker.

Each declared type of event is compiled into a struct whose fields have the types of its properties, so decoding the
JSON judges most of it in C. What the types can't say is judged here. Whatever doesn't fit (an unknown type or property,
a wrong value, a state event, no id) is left to `Checker.check`, which alone says what is wrong.
Invariant: for every body the outcome is what the checker's would have been, event by event.

Texts aren't judged one by one: a body in which no character that a text may not hold is written, plainly or escaped,
has none in its texts either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import partial, reduce
from operator import or_
from typing import Any, cast

import msgspec

from yutang.domains.intake.contracts import Problem
from yutang.domains.intake.rules.checker import Checker
from yutang.domains.intake.rules.content import safe_name
from yutang.domains.intake.rules.shapes import event_struct, is_usual
from yutang.kernel.errors import InvalidError
from yutang.kernel.event import Event, Identity, pack_events
from yutang.kernel.instants import INSTANT_MIN_MS, instant_from_datetime
from yutang.kernel.limits import (
    EVENT_IDENTITIES_COUNT_MAX,
    IDENTITY_VALUE_CHARS_MAX,
)

LOOSE_AFTER_EVENTS = 64  # of a type that fell to the checker
LOOSE_TYPES_COUNT_MAX = 256

# Characters that no text may hold, escaped (`\\u0007`, `\\b`) or as they are (delete; U+0080 to U+009F in UTF-8).
_ESCAPED = re.compile(rb"\\u00[0189]|\\u007[fF]|\\[bf]")
_CONTROL = re.compile(rb"\x7f|\xc2[\x80-\x9f]")


class Packed(msgspec.Struct, array_like=True, gc=False):
    """An event in the shape of `Event`, which packs as one. properties: a struct of its type, which packs as a map."""

    id: str
    type: str
    at: int
    identities: tuple[Identity, ...]
    properties: Any
    channel: str = ""
    source: str = ""
    system: bool = False


Outcome = Packed | Event | Problem


class SwiftReader:
    """Reads bodies by a checker's catalogue, and leaves to the checker what isn't usual.

    What senders send besides what is declared is learned: once a type has fallen to the checker often enough, only the
    event around its properties is decoded by type, and the checker judges the properties alone.

    plain_kinds: declared kinds of identity whose values are compared as they are, but for blanks around them.
    """

    def __init__(self, checker: Checker, plain_kinds: Collection[str] = ()) -> None:
        self.checker = checker
        self._plain_kinds = frozenset(plain_kinds)
        self.refused_types: list[str] = []  # of the body read last: for each problem the type that was sent
        self._fallen: dict[str, int] = {}
        self._structs = {
            name: event_struct(checker, plan)
            for name in checker.vocabulary.events
            for plan in (checker.plan_or_none(name),)
            if plan is not None and is_usual(plan)
        }
        self._compile()

    def _compile(self) -> None:
        structs = tuple(self._structs.values())
        self._one: msgspec.json.Decoder[Any] | None = None
        if structs:
            one: Any = reduce(or_, structs)
            self._one = msgspec.json.Decoder(one)
            self._many: msgspec.json.Decoder[Any] = msgspec.json.Decoder(list[one])

    def read(self, body: bytes, *, lines: bool) -> Sequence[Outcome]:
        """The events of a body: an array, one object, or (lines) an object a line. Raises InvalidError: no JSON."""
        self.refused_types = []
        body = body.removeprefix(b"\xef\xbb\xbf").strip()
        if not lines and body[:1] == b"{" and not _is_one(body):
            lines = True
        if self._one is None or not _is_clean(body):
            return self._slowly(body, lines)
        try:
            batch = self._decoded(body, lines)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._singly(body, lines)
        if lines and not _is_one_a_line(body, len(batch)):
            return self._singly(body, lines)
        return self._judged(batch, body, lines)

    def _decoded(self, body: bytes, lines: bool) -> Sequence[Any]:
        assert self._one is not None
        if lines:
            return self._one.decode_lines(body)
        return self._many.decode(body) if body[:1] == b"[" else [self._one.decode(body)]

    def _judged(self, batch: Sequence[Any], body: bytes, lines: bool) -> Sequence[Outcome]:
        """What was decoded, event by event; the odd ones by the checker."""
        outcomes: list[Any] = []
        raws: Sequence[msgspec.Raw] = ()
        pack = self._packed
        for index, event in enumerate(batch):
            found: Outcome | None = pack(event)
            if found is None:
                raws = raws or _raw_events(body, lines)
                found = self._by_checker(index, bytes(raws[index]))
            outcomes.append(found)
        return outcomes

    def _packed(self, event: Any) -> Packed | None:
        """A decoded event in canonical form, None if it isn't usual."""
        checker = self.checker
        at, id_, names = event.at, event.id, event.identities
        if type(at) is not int and (at := _instant(at)) is None:
            return None
        if not INSTANT_MIN_MS <= at <= checker.at_max or not id_ or not id_.isprintable():
            return None
        channel, source = event.channel or "", event.source or ""
        if not (channel.isprintable() and source.isprintable()):
            return None
        if event.currency is not None and event.currency != checker.vocabulary.currency:
            return None
        try:
            who = self._who(names)
            properties, plan = event.properties, event.plan
            if plan is not None:
                properties = checker.properties(plan, {} if properties is None else properties)
            elif properties is None:
                properties = _NOTHING
            elif event.finish:
                for field, convert in event.finish:
                    value = getattr(properties, field)
                    if value is not None:
                        setattr(properties, field, convert(value))
        except InvalidError:
            return None
        return Packed(id_, event.name, at, who, properties, channel, source, event.system)

    def _who(self, names: dict[str, Any]) -> tuple[Identity, ...]:
        """Identities as `Checker.identities` reads them. Raises InvalidError."""
        found = []
        for name, value in names.items():
            if type(value) is not str:
                return self.checker.identities(names)
            if (
                name in self._plain_kinds
                and 0 < len(value) <= IDENTITY_VALUE_CHARS_MAX
                and value.isascii()
                and value.isprintable()
                and value[0] != " " != value[-1]
            ):
                found.append(_identity((name, "", value)))
            else:
                found += self.checker.identities({name: value})
        if len(found) == 1:
            return (found[0],)
        if not 0 < len(found) <= EVENT_IDENTITIES_COUNT_MAX:
            return self.checker.identities(names)
        return tuple(sorted(set(found)))

    # ── what isn't usual ────────────────────────────────────────────────────────────────────────

    def _singly(self, body: bytes, lines: bool) -> Sequence[Outcome]:
        """Event by event, each the swift way if it will: one that won't doesn't slow the others."""
        if not lines and body[:1] != b"[":
            return self._slowly(body, lines)
        try:
            raws = _raw_events(body, lines)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._slowly(body, lines)
        assert self._one is not None
        outcomes: list[Outcome] = []
        for index, raw in enumerate(raws):
            found: Outcome | None = None
            try:
                found = self._packed(self._one.decode(raw))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                found = None
            if found is None:
                found = self._by_checker(index, bytes(raw))
                if type(found) is Event:
                    self._fell(found.type)
            outcomes.append(found)
        return outcomes

    def _fell(self, name: str) -> None:
        """An event of a type was right, but not as compiled."""
        if name not in self._fallen and len(self._fallen) >= LOOSE_TYPES_COUNT_MAX:
            return
        self._fallen[name] = self._fallen.get(name, 0) + 1
        if self._fallen[name] == LOOSE_AFTER_EVENTS:
            self._structs[name] = event_struct(self.checker, self.checker.plan(name), loose=True)
            self._compile()

    def _by_checker(self, index: int, raw: bytes) -> Event | Problem:
        try:
            found = _parsed(raw)
        except InvalidError as error:
            self.refused_types.append("")
            return Problem(index, error.code, error.where, error.message, error.remedy)
        return self._checked(index, found)

    def _checked(self, index: int, raw: Any) -> Event | Problem:
        outcome = self.checker.check(index, raw)
        if type(outcome) is Problem:
            name = raw.get("type") if isinstance(raw, dict) else ""
            self.refused_types.append(safe_name(name) if isinstance(name, str) else "")
        return outcome

    def _slowly(self, body: bytes, lines: bool) -> Sequence[Outcome]:
        if lines:
            return [self._by_checker(index, line) for index, line in enumerate(_lines(body))]
        found = _parsed(body)
        return [self._checked(i, raw) for i, raw in enumerate(found if isinstance(found, list) else [found])]


# What `Identity(*parts)` makes, without the way through Python.
_identity: Callable[[tuple[str, str, str]], Identity] = partial(tuple.__new__, Identity)
_NOTHING: dict[str, object] = {}


def _lines(body: bytes) -> list[bytes]:
    return [line for line in body.split(b"\n") if line.strip()]


def _raw_events(body: bytes, lines: bool) -> Sequence[msgspec.Raw]:
    if lines:
        return [msgspec.Raw(line) for line in _lines(body)]
    return _raws.decode(body) if body[:1] == b"[" else [msgspec.Raw(body)]


def _is_one_a_line(body: bytes, count: int) -> bool:
    """Whether the objects that were decoded are a line each: the decoder doesn't mind how they are broken.

    A line that ends an object and is followed by one that begins an object ends the outermost object, since inside
    one there would be a comma between them.
    """
    breaks = body.count(b"\n")
    return count == breaks + 1 and breaks == body.count(b"}\n{") + body.count(b"}\r\n{")


_raws = msgspec.json.Decoder(list[msgspec.Raw])
_skipped = msgspec.json.Decoder(msgspec.Raw)


def _is_one(body: bytes) -> bool:
    """Whether a body that begins with an object ends with it."""
    try:
        _skipped.decode(body)
    except msgspec.DecodeError as error:
        return "trailing characters" not in str(error)
    except RecursionError:
        return True
    return True


def _is_clean(body: bytes) -> bool:
    """Whether no text in a body can hold a character that texts may not hold."""
    if (b"\x7f" in body or b"\xc2" in body) and _CONTROL.search(body):
        return False
    return b"\\" not in body or _ESCAPED.search(body) is None


def _parsed(body: bytes) -> Any:
    """JSON as Python reads it. Raises InvalidError with the place. NaN and halves of surrogates are read, to be judged.

    The last of two members with the same name counts.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(body.decode("utf-8", "surrogatepass"))
    except json.JSONDecodeError as error:
        raise InvalidError(
            "request.json", f"this isn't JSON: {error.msg}", where=f"line {error.lineno}, character {error.colno}",
            remedy="send an array of events, one event, or one a line",
        ) from None  # fmt: skip
    except UnicodeDecodeError as error:
        raise InvalidError(
            "request.encoding_text", f"this isn't UTF-8: {error.reason}", where=f"byte {error.start}",
            remedy="send JSON in UTF-8",
        ) from None  # fmt: skip
    except RecursionError:
        raise InvalidError(
            "value.too_deep", "the JSON is nested too deeply", where="body", remedy="flatten it"
        ) from None
    except ValueError as error:  # a number of thousands of digits
        raise InvalidError(
            "request.json", f"this can't be read: {error}"[:200], where="body", remedy="send long numbers as text"
        ) from None


def _instant(text: object) -> int | None:
    """A time as usually written, None if it is written otherwise."""
    if type(text) is not str or len(text) > 40 or not text.isascii():
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else instant_from_datetime(moment)


def pack_outcomes(events: Sequence[Outcome]) -> bytes:
    """Accepted events, as `pack_events` packs them."""
    return pack_events(cast(Sequence[Event], events))  # a Packed packs as an Event
