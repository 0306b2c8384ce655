"""Published collections stay as they were, whoever grows out of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from yutang.domains.customers.rules.growing import PAGE_ENTRIES, Growing, Layers, Paged
from yutang.domains.customers.rules.roll import Identities, Index, Roll
from yutang.kernel.event import Identity


def test_a_second_heir_of_a_list_copies() -> None:
    first = Growing([1]).extended([2])
    heir, other = first.extended([3]), first.extended([4, 5])
    assert (list(first), list(heir), list(other)) == ([1, 2], [1, 2, 3], [1, 2, 4, 5])
    assert other.part(1) == [2, 4, 5]


def test_a_second_heir_of_an_index_forgets_the_first() -> None:
    a, b, c = (Identity("account", "", name) for name in "abc")
    first = Index().extended([a])
    heir = first.extended([b])
    other = first.extended([c])
    assert (first.find(b), heir.find(b), other.find(b)) == (None, 1, None)
    assert (heir.find(c), other.find(c)) == (None, 1)
    assert other.extended([b]).find(b) == 2
    assert heir.find(b) == 1


@settings(max_examples=60)
@given(st.lists(st.lists(st.tuples(st.integers(0, 3 * PAGE_ENTRIES), st.integers(0, 9)), max_size=8), max_size=8))
def test_pages_and_layers_are_mappings_at_every_epoch(changes: list[list[tuple[int, int]]]) -> None:
    pages: list[Paged[int]] = [Paged(0)]
    layers: list[Layers[int, int]] = [Layers()]
    models: list[dict[int, int]] = [{}]
    for change in changes:
        draft = pages[-1].edited()
        for key, value in change:
            draft.set(key, value)
            assert draft.get(key) == value
        pages.append(draft.frozen())
        layers.append(layers[-1].changed({key: value or None for key, value in change}))
        models.append({**models[-1], **dict(change)})
    for paged, layered, model in zip(pages, layers, models, strict=True):
        standing = {key: value for key, value in model.items() if value}
        assert all(paged.get(key) == value for key, value in model.items())
        assert dict(layered.items()) == standing
        assert all((layered.get(key) or 0) == value for key, value in model.items())
        assert bool(layered) == bool(standing)


def test_many_small_changes_stay_few_layers() -> None:
    layers: Layers[int, int] = Layers()
    for number in range(5_000):
        layers = layers.changed({number: number})
    assert len(layers._layers) < 20
    assert layers.get(17) == 17


words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
names = st.builds(Identity, st.sampled_from(["account", "openid"]), words | st.just(""), words)


@settings(max_examples=60)
@given(st.lists(names, unique=True, max_size=20), st.integers(0, 20), names)
def test_a_roll_and_what_came_since_are_one_list(known: list[Identity], stored: int, other: Identity) -> None:
    roll = Roll.of(known[:stored])
    identities = Identities(roll).extended(known[stored:])
    index = Index(roll).extended(known[stored:])
    assert list(identities) == [identities[number] for number in range(len(identities))] == known
    assert [index.find(identity) for identity in known] == list(range(len(known)))
    assert [index.find(identity) for identity in known] == list(range(len(known))), "what was met is remembered right"
    assert index.find(other) == (known.index(other) if other in known else None)


@given(st.lists(names, unique=True, min_size=1, max_size=8))
def test_identities_of_one_hash_are_told_apart(known: list[Identity]) -> None:
    first = Roll.of(known)
    same = Roll(first.pairs, first.place, first.values, np.full(len(known), first.hashes[0], np.int64))
    assert same.find(known[0]) == 0
    assert [same.find(one) for one in known[1:]] == [
        number if first.hashes[number] == first.hashes[0] else None for number in range(1, len(known))
    ]


def test_a_roll_without_some_has_nobody_there() -> None:
    known = [Identity("account", "", name) for name in "abcd"]
    identities = Identities(Roll.of(known[:3])).extended(known[3:])
    roll = identities.without([1, 3], lambda number: Identity("", "", str(number)))
    assert [roll.identity(number) for number in range(4)] == [known[0], ("", "", "1"), known[2], ("", "", "3")]
    assert [roll.find(one) for one in known] == [0, None, 2, None]
    assert roll.hashes[[1, 3]].tolist() == [0, 0]
