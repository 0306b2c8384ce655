"""`or`, `and`, `not` and parentheses, the same for conditions and for the filters of event sets.

    or_  := and_ ("or" and_)*      and_ := not_ ("and" not_)*      not_ := "not" not_ | "(" or_ ")" | leaf

Invariant: a chain of one connective is one flat node, parentheses keep a node of their own; so text and
tree say the same in both directions.
"""

from __future__ import annotations

from collections.abc import Callable

from yutang.conditions.nodes import All, Any, Not, Test
from yutang.conditions.reader import Reader

# A leaf gives the tests that stand for it, to be met together: one, or two for `between`.
Leaf = Callable[[Reader], list[Test]]


def read_logic(reader: Reader, leaf: Leaf) -> Test:
    """A whole expression over leaves."""
    at = reader.token.at
    tests = [_read_and(reader, leaf)]
    while reader.take_word("or"):
        tests.append(_read_and(reader, leaf))
    return tests[0] if len(tests) == 1 else reader.note(Any(tuple(tests)), at)


def _read_and(reader: Reader, leaf: Leaf) -> Test:
    at = reader.token.at
    tests = _read_not(reader, leaf)
    while reader.take_word("and"):
        tests.extend(_read_not(reader, leaf))
    return _together(reader, tests, at)


def _read_not(reader: Reader, leaf: Leaf) -> list[Test]:
    at = reader.token.at
    if reader.take_word("not"):
        with reader.deeper():
            return [reader.note(Not(_together(reader, _read_not(reader, leaf), at)), at)]
    if reader.take_sign("("):
        with reader.deeper():
            test = read_logic(reader, leaf)
        reader.need_sign(")")
        return [test]
    return leaf(reader)


def _together(reader: Reader, tests: list[Test], at: int) -> Test:
    return tests[0] if len(tests) == 1 else reader.note(All(tuple(tests)), at)
