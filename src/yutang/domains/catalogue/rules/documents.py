"""YAML that people write, as frozen dataclasses, with errors that name the line, the path and the likely key.

A document's shape is a dataclass of `str`, `int`, `bool`, `object` (any scalar), enums, dataclasses,
`dict[str, …]`, `tuple[…, ...]` and unions of these. Text is taken as written (`no` is "no", a date is its
text), so only `int`, `bool` and `object` fields read YAML's scalars as values.
Invariant: an unknown or repeated key, an alias, a wrong type is refused; whatever the bytes, only
`InvalidError` leaves; work is bounded by the number of nodes and their depth.
"""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from enum import Enum
from functools import cache
from typing import Any, ClassVar, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from yutang.kernel.errors import InvalidError

T = TypeVar("T")

DOCUMENT_CHARS_MAX = 1_000_000
DOCUMENT_NODES_COUNT_MAX = 50_000
DOCUMENT_DEPTH_MAX = 24
_SHOWN_CHARS_MAX = 60
_SHAPES = "docs/reference shows what stands where"

_NOUNS: dict[type, str] = {str: "text", int: "a whole number", bool: "true or false", object: "a single value"}


def read_document(text: str, shape: type[T], origin: str) -> T:
    """The document as an instance of `shape`. origin: its name in messages. Raises InvalidError."""
    if len(text) > DOCUMENT_CHARS_MAX:
        raise InvalidError(
            "document.too_large", f"the document has {len(text)} characters", where=origin,
            remedy=f"split it; {DOCUMENT_CHARS_MAX} is the most",
        )  # fmt: skip
    root = _composed(text, origin)
    result: T = _Reader(origin).read(root, shape, "", 0)
    return result


def _composed(text: str, origin: str) -> yaml.Node:
    try:
        _judge_events(text, origin)
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InvalidError(
            "document.malformed", f"this isn't YAML: {error.problem}", where=f"{origin}:{line}",
            remedy="check the indentation, quotes and brackets there",
        ) from None  # fmt: skip
    except (yaml.YAMLError, UnicodeError) as error:
        raise InvalidError(
            "document.malformed", f"this isn't YAML: {_shown(str(error))}", where=origin,
            remedy="save it as plain text in UTF-8",
        ) from None  # fmt: skip
    if root is None:
        raise InvalidError("document.empty", "the document is empty", where=origin, remedy="see docs/reference")
    return root


def _judge_events(text: str, origin: str) -> None:
    """Bound depth and nodes before a tree is built of them."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            raise InvalidError(
                "document.alias", "aliases (*name) aren't read here", where=f"{origin}:{_line(event)}",
                remedy="write the part out",
            )  # fmt: skip
        if depth > DOCUMENT_DEPTH_MAX or number > DOCUMENT_NODES_COUNT_MAX:
            raise InvalidError(
                "document.too_large", "the document is nested too deeply or has too many parts",
                where=f"{origin}:{_line(event)}",
                remedy=f"at most {DOCUMENT_DEPTH_MAX} levels and {DOCUMENT_NODES_COUNT_MAX} parts",
            )  # fmt: skip


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


@cache
def _fields(shape: type) -> dict[str, Any]:
    hints = get_type_hints(shape)
    return {f.name: hints[f.name] for f in dataclasses.fields(shape) if get_origin(hints[f.name]) is not ClassVar}


@cache
def _required(shape: type) -> tuple[str, ...]:
    return tuple(
        f.name
        for f in dataclasses.fields(shape)
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    )


def _choices(shape: Any) -> tuple[Any, ...]:
    return get_args(shape) if get_origin(shape) in (Union, types.UnionType) else (shape,)


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS_MAX else text[:_SHOWN_CHARS_MAX] + "…"


def likely(name: str, known: Iterable[str]) -> str:
    """ "did you mean …?" for the closest of the known names, else a list of the few that there are, else ""."""
    names = sorted(known)
    close = get_close_matches(name[:_SHOWN_CHARS_MAX], names, n=1, cutoff=0.55)
    if close:
        return f"did you mean {close[0]}?"
    return f"there is {', '.join(names)}" if 0 < len(names) <= 16 else ""


class _Reader:
    """One walk over the nodes of one document."""

    def __init__(self, origin: str) -> None:
        self._origin = origin

    def refuse(self, code: str, message: str, node: yaml.Node, path: str, remedy: str = "") -> NoReturn:
        where = f"{self._origin}:{node.start_mark.line + 1}" + (f" {path}" if path else "")
        raise InvalidError(f"document.{code}", message, where=where, remedy=remedy)

    def read(self, node: yaml.Node, shape: Any, path: str, depth: int) -> Any:
        choices = _choices(shape)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, choices, path, depth)
        if isinstance(node, yaml.SequenceNode):
            return self._sequence(node, choices, path, depth)
        return self._scalar(node, choices, path)

    def _mapping(self, node: yaml.MappingNode, choices: tuple[Any, ...], path: str, depth: int) -> Any:
        for shape in choices:
            if dataclasses.is_dataclass(shape):
                return self._dataclass(node, shape, path, depth)  # type: ignore[arg-type]
            if get_origin(shape) is dict:
                inner = get_args(shape)[1]
                return {
                    key: self.read(value, inner, f"{path}.{key}".lstrip("."), depth + 1)
                    for key, value in self._pairs(node, path)
                }
        return self.refuse("type", f"there should be {_expected(choices)}, not a group of keys", node, path, _SHAPES)

    def _pairs(self, node: yaml.MappingNode, path: str) -> Iterator[tuple[str, yaml.Node]]:
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.refuse("type", "a key must be text", key, path, "put it into quotes")
            if key.value in seen:
                self.refuse("repeated", f"{_shown(key.value)!r} stands here twice", key, path, "remove one of them")
            seen.add(key.value)
            yield key.value, value

    def _dataclass(self, node: yaml.MappingNode, shape: type, path: str, depth: int) -> Any:
        known = _fields(shape)
        values: dict[str, Any] = {}
        for key, value in self._pairs(node, path):
            if key not in known:
                place = next(k for k, v in node.value if k.value == key)
                self.refuse("unknown_key", f"there is no key {_shown(key)!r} here", place, path, likely(key, known))
            values[key] = self.read(value, known[key], f"{path}.{key}".lstrip("."), depth + 1)
        for name in _required(shape):
            if name not in values:
                self.refuse("missing_key", f"the key {name!r} is missing", node, path, f"add {name}: …")
        return shape(**values)

    def _sequence(self, node: yaml.SequenceNode, choices: tuple[Any, ...], path: str, depth: int) -> Any:
        for shape in choices:
            if get_origin(shape) is tuple:
                inner = get_args(shape)[0]
                return tuple(self.read(item, inner, f"{path}[{i}]", depth + 1) for i, item in enumerate(node.value))
        return self.refuse("type", f"there should be {_expected(choices)}, not a list", node, path, _SHAPES)

    def _scalar(self, node: yaml.Node, choices: tuple[Any, ...], path: str) -> Any:
        tag = node.tag.removeprefix("tag:yaml.org,2002:")
        if tag == "null":
            if type(None) in choices:
                return None
            self.refuse("type", f"there should be {_expected(choices)}, not nothing", node, path, _SHAPES)
        for shape in choices:
            if shape is object:
                return self._constant(node, tag, path)
            if shape is bool and tag == "bool" and node.value.lower() in ("true", "false"):
                return node.value.lower() == "true"
            if shape is int and tag == "int" and node.value.lstrip("+-").isdigit() and len(node.value) < 20:
                return int(node.value)
            if isinstance(shape, type) and issubclass(shape, Enum) and node.value in [m.value for m in shape]:
                return shape(node.value)
        if str in choices:
            return node.value
        words = [m.value for s in choices if isinstance(s, type) and issubclass(s, Enum) for m in s]
        return self.refuse(
            "value" if words else "type",
            f"{_shown(node.value)!r} isn't {_expected(choices)}",
            node,
            path,
            likely(node.value, words) if words else "",
        )

    def _constant(self, node: yaml.Node, tag: str, path: str) -> object:
        if tag == "bool" and node.value.lower() in ("true", "false"):
            return node.value.lower() == "true"
        if tag == "int" and node.value.lstrip("+-").isdigit() and len(node.value) < 20:
            return int(node.value)
        if tag == "float":
            try:
                return float(node.value)
            except ValueError:
                self.refuse("value", f"{_shown(node.value)!r} isn't a number", node, path, "write it like 12.5")
        return node.value


def _expected(choices: tuple[Any, ...]) -> str:
    words: list[str] = []
    for shape in choices:
        if shape in _NOUNS:
            words.append(_NOUNS[shape])
        elif isinstance(shape, type) and issubclass(shape, Enum):
            words.append("one of " + ", ".join(str(m.value) for m in shape))
        elif get_origin(shape) is tuple:
            words.append("a list")
        elif get_origin(shape) is dict or dataclasses.is_dataclass(shape):
            words.append("a group of keys")
    return " or ".join(dict.fromkeys(words))
