"""The JSON face of a condition: tree ↔ JSON, each object tagged by `node`.

Invariant: `from_json(to_json(t), v) == t` for every checked tree; whatever comes in, the only exception
is `ConditionError`, its `where` a JSON pointer. Size and depth are bounded before anything is built.
"""

from __future__ import annotations

import re

import msgspec

from yutang.conditions.checks import check
from yutang.conditions.limits import DEPTH_MAX, JSON_BYTES_MAX, JSON_ITEMS_COUNT_MAX
from yutang.conditions.lookups import suggestion
from yutang.conditions.nodes import Test
from yutang.conditions.vocabulary import Vocabulary
from yutang.conditions.walk import NODE_CLASSES, tag_of
from yutang.kernel.errors import ConditionError

# A node below a node lies at most a list and an object deeper.
_JSON_DEPTH_MAX = 2 * DEPTH_MAX + 2
_PLACE = re.compile(r"(?P<message>.*?)(?: - at `(?P<path>\$[^`]*)`)?", re.DOTALL)
_NAMED = re.compile(r"(?:unknown field `|[Ii]nvalid value ')([^`']*)[`']")
_TAGS = sorted(tag_of(node) for node in NODE_CLASSES)
_FIELDS = sorted({name for node in NODE_CLASSES for name in node.__struct_fields__})

_encoder = msgspec.json.Encoder(order="deterministic")


def to_json(test: Test) -> bytes:
    """The test as JSON, compact, the same bytes for the same tree."""
    return _encoder.encode(test)


def to_object(test: Test) -> dict[str, object]:
    """The test as what JSON would be read as: dicts, lists, strings, integers, booleans."""
    found: dict[str, object] = msgspec.json.decode(to_json(test))
    return found


def from_json(raw: object, vocabulary: Vocabulary) -> Test:
    """The checked test of JSON bytes or text, or of what JSON has been read as.

    Raises `ConditionError`, `where` being a JSON pointer (`/tests/0/subject`; `/` for the root).
    """
    found = _decoded(raw) if isinstance(raw, bytes | bytearray | memoryview | str) else raw
    _check_bounds(found)
    try:
        test: Test = msgspec.convert(found, Test)
    except msgspec.ValidationError as error:
        raise _malformed(str(error)) from None
    except (UnicodeError, TypeError) as error:  # half a surrogate pair in a key; what JSON can't hold
        raise ConditionError("condition.json", f"it isn't JSON: {error}", where="/") from None
    return check(test, vocabulary)


def _malformed(message: str) -> ConditionError:
    """An error of msgspec (`Object contains unknown field `tipes` - at `$.tests[0]``), as one of ours."""
    parts = _PLACE.fullmatch(message)
    text, path = (parts["message"], parts["path"] or "") if parts else (message, "")
    pointer = re.sub(r"\[([0-9]+|\.\.\.)\]", r"/\1", path.removeprefix("$")).replace(".", "/")
    remedy = ""
    if named := _NAMED.search(text):
        known = _TAGS if pointer.endswith("/node") else _FIELDS
        remedy = suggestion(named.group(1), known)
    return ConditionError(
        "condition.json",
        text[:1].lower() + text[1:],
        where=pointer or "/",
        remedy=remedy or "docs/reference/conditions.md lists the nodes with their fields",
    )


def _decoded(raw: bytes | bytearray | memoryview | str) -> object:
    if len(raw) > JSON_BYTES_MAX:
        message = f"the JSON has {len(raw):,} bytes, {JSON_BYTES_MAX:,} are the most"
        raise ConditionError("condition.too_long", message, where="/", remedy="make a segment of each part")
    try:
        found: object = msgspec.json.decode(raw)
    except RecursionError:
        raise _too_deep("/") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ConditionError("condition.json", f"it isn't JSON: {error}", where="/") from None
    return found


def _too_deep(at: str) -> ConditionError:
    message = f"more than {DEPTH_MAX} levels inside one another"
    return ConditionError("condition.too_deep", message, where=at, remedy="make a segment of an inner part")


def _check_bounds(root: object) -> None:
    """Depth and number of items of what came in, without recursion."""
    waiting: list[tuple[str, int, object]] = [("", 1, root)]
    count = 0
    while waiting:
        at, depth, item = waiting.pop()
        count += 1
        if count > JSON_ITEMS_COUNT_MAX:
            message = f"more than {JSON_ITEMS_COUNT_MAX:,} items"
            raise ConditionError("condition.too_large", message, where=at or "/", remedy="make a segment of a part")
        if isinstance(item, dict | list | tuple):
            if depth > _JSON_DEPTH_MAX:
                raise _too_deep(at or "/")
            pairs = item.items() if isinstance(item, dict) else enumerate(item)
            waiting.extend((f"{at}/{key}", depth + 1, below) for key, below in pairs)
