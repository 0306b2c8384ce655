"""The two hundred conditions of the bench: all can be read, none is said twice, and no operator is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import msgspec
import pytest
from bench import world
from bench.conditions import COUNT, conditions
from tests.support.pools import Scratch

from yutang.conditions import nodes
from yutang.conditions.grammar import parse
from yutang.conditions.vocabulary import Vocabulary
from yutang.runtime.slots import VOCABULARY

SAID_MIN = 120  # that peers can be asked about: fewer would compare too little


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Vocabulary:
    """That of a new pool."""
    scratch = Scratch(tmp_path_factory.mktemp("bench") / "pool")
    found = scratch.pool.loop.epoch[VOCABULARY]
    scratch.close()
    return found


def _inside(node: object) -> Iterator[object]:
    yield node
    if isinstance(node, tuple):
        for part in node:
            yield from _inside(part)
    elif isinstance(node, msgspec.Struct):
        for name in node.__struct_fields__:
            yield from _inside(getattr(node, name))


class TestConditions:
    def test_are_two_hundred_and_different(self) -> None:
        texts = [one.text for one in conditions(world.END_MS)]
        assert len(set(texts)) == len(texts) == COUNT

    def test_are_the_same_for_the_same_seed(self) -> None:
        assert conditions(world.END_MS, seed=5) == conditions(world.END_MS, seed=5)
        assert conditions(world.END_MS, seed=5) != conditions(world.END_MS, seed=6)

    def test_use_every_operator(self, vocabulary: Vocabulary) -> None:
        used = {type(part) for one in conditions(world.END_MS) for part in _inside(parse(one.text, vocabulary))}
        wanted = {*get_args(nodes.Test), *get_args(nodes.Subject), *get_args(nodes.Window)}
        assert not {kind.__name__ for kind in wanted - used}

    def test_use_every_comparison_and_fold(self, vocabulary: Vocabulary) -> None:
        found = [part for one in conditions(world.END_MS) for part in _inside(parse(one.text, vocabulary))]
        assert {part for part in found if isinstance(part, nodes.Op)} == set(nodes.Op)
        assert {part for part in found if isinstance(part, nodes.Fold)} == set(nodes.Fold)

    def test_most_can_be_said_by_others(self) -> None:
        assert sum(one.peers is not None for one in conditions(world.END_MS)) >= SAID_MIN
