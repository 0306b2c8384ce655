"""Published collections stay as they were, whoever grows out of them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from yutang.domains.customers.rules.growing import PAGE_ENTRIES, Growing, Index, Layers, Paged
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
