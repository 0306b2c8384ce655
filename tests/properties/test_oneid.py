"""Identity is reversible, and the same whatever came first: against an oracle, in any order and batching.

`YUTANG_TEST_BUDGET` multiplies the number of examples.
"""

from __future__ import annotations

import os
from random import Random

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.support.oneid_world import KINDS, Pool, events, findings, identities, names, partition
from tests.support.slow_oneid import SlowCustomers

from yutang.domains.customers.contracts import EditKind, Verdict
from yutang.kernel.errors import YutangError
from yutang.kernel.event import Identity

EXAMPLES = max(1, int(150 * float(os.environ.get("YUTANG_TEST_BUDGET", "1"))))
TRIES = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

streams = st.lists(events, min_size=1, max_size=25)
words = st.lists(
    st.tuples(identities, identities, st.sampled_from(list(Verdict))).filter(lambda word: word[0] != word[1]),
    max_size=5,
)
edits = st.tuples(st.sampled_from(list(EditKind)), st.integers(0, 999), st.integers(0, 999), st.booleans())
histories = st.lists(st.one_of(st.lists(events, min_size=1, max_size=4), edits), min_size=1, max_size=14)


def _consistent(drawn: list[tuple[Identity, Identity, Verdict]]) -> list[tuple[Identity, Identity, Verdict]]:
    """The words that can be in force together: nobody is `different` from one who is the `same`."""
    kept: list[tuple[Identity, Identity, Verdict]] = []
    for word in drawn:
        slow = SlowCustomers(KINDS)
        for a, b, verdict in (*kept, word):
            slow.say(a, b, verdict)
        homes = slow._joined_by_hand()
        apart = [pair for pair, verdict in slow.words.items() if verdict is Verdict.DIFFERENT]
        if not any(pair <= home for pair in apart for home in homes):
            kept.append(word)
    return kept


def _agrees(pool: Pool, slow: SlowCustomers) -> None:
    customers, reviews = slow.resolve()
    assert partition(pool.state) == customers
    assert findings(pool.state) == reviews
    heads = [min(pool.state.members(number)) for number in range(pool.state.count)]
    assert pool.people.head_of.tolist() == heads


@TRIES
@given(streams, words, st.integers(0, 2**32))
def test_order_and_batching_do_not_matter(
    stream: list[tuple[Identity, ...]], said: list[tuple[Identity, Identity, Verdict]], seed: int
) -> None:
    said = _consistent(said)
    slow = SlowCustomers(KINDS)
    for event in stream:
        slow.event(event)
    for word in said:
        slow.say(*word)
    expected = slow.resolve()
    seen = []
    for order in range(2):
        random = Random(seed + order)
        shuffled, left, pool = list(stream), list(said), Pool()
        random.shuffle(shuffled)
        while shuffled or left:
            if left and random.random() < 0.3:
                pool.say(*left.pop(0))
            else:
                size = random.randint(1, 6)
                batch, shuffled = shuffled[:size], shuffled[size:]
                pool.take(batch)
        assert (partition(pool.state), findings(pool.state)) == expected
        _agrees(pool, slow)
        seen.append(names(pool.state))
    assert seen[0] == seen[1]


@TRIES
@given(streams)
def test_an_event_is_anchored_to_the_strongest_that_it_carries(stream: list[tuple[Identity, ...]]) -> None:
    pool, slow = Pool(), SlowCustomers(KINDS)
    first = pool.take(stream)
    assert first == [slow.event(event) for event in stream]
    assert pool.take(stream) == first
    assert pool.take(stream[::-1]) == first[::-1]


# A cluster joined by hand, placed by its stronger end: of its refused link the weaker end was placed first.
PLACED_BY_STRENGTH: list[list[tuple[Identity, ...]] | tuple[EditKind, int, int, bool]] = [
    [
        (
            Identity("device", "", "2"),
            Identity("external_userid", "corp", "1"),
            Identity("unionid", "", "2"),
            Identity("unionid", "", "3"),
        ),
        (Identity("device", "", "1"), Identity("external_userid", "corp", "2"), Identity("unionid", "", "1")),
    ],
    (EditKind.MERGE, 0, 999, False),
    (EditKind.UNMERGE, 116, 999, False),
    [(Identity("device", "", "1"), Identity("device", "", "2"))],
]


@TRIES
@example(PLACED_BY_STRENGTH)
@given(histories)
def test_every_record_leaves_what_the_oracle_says(
    history: list[list[tuple[Identity, ...]] | tuple[EditKind, int, int, bool]],
) -> None:
    pool, slow = Pool(), SlowCustomers(KINDS)
    for entry in history:
        if isinstance(entry, list):
            pool.take(entry)
            for event in entry:
                slow.event(event)
        elif pool.state.count:
            kept, before = pool.state, partition(pool.state)
            for line in _try_edit(pool, *entry):
                slow.say(line.a, line.b, line.verdict)
            assert partition(kept) == before, "published state never changes"
        _agrees(pool, slow)
        again = pool.reloaded()
        assert (partition(again), findings(again)) == (partition(pool.state), findings(pool.state))


def _try_edit(pool: Pool, kind: EditKind, one: int, other: int, same: bool) -> list:
    known = pool.state.identities
    a, b = known[one % len(known)], known[other % len(known)]
    if kind is EditKind.SETTLE:
        open_reviews = sorted(findings(pool.state))
        if not open_reviews:
            return []
        _, a, b, _, _ = open_reviews[one % len(open_reviews)]
    try:
        return pool.edit(kind, a, b, same=same)
    except YutangError:
        return []


# People and what they share, more of them than links: long chains that contradict themselves at every second step.
shared_kinds = st.sampled_from(["phone", "email"])
chains = st.lists(
    st.tuples(
        st.builds(lambda value: Identity("unionid", "", str(value)), st.integers(0, 11)),
        st.builds(lambda kind, value: Identity(kind, "", str(value)), shared_kinds, st.integers(0, 7)),
    ).map(lambda pair: tuple(sorted(pair))),
    min_size=1,
    max_size=30,
)


@TRIES
@given(chains, st.integers(0, 2**32))
def test_long_chains_settle_as_if_all_were_resolved(stream: list[tuple[Identity, ...]], seed: int) -> None:
    random = Random(seed)
    pool, slow = Pool(), SlowCustomers(KINDS)
    left = list(stream)
    while left:
        size = random.choice([1, 1, 1, 2, 7])
        batch, left = left[:size], left[size:]
        pool.take(batch)
        for event in batch:
            slow.event(event)
        if random.random() < 0.2:
            _, a, b, _, _ = random.choice(sorted(findings(pool.state)) or [(0, batch[0][0], batch[0][1], 0, 0)])
            verdict = random.choice(list(Verdict)) if a != b else Verdict.DIFFERENT
            if verdict is not Verdict.SAME or pool.state.hand.different.get(pool.state.index.find(a)) is None:
                pool.say(a, b, verdict)
                slow.say(a, b, verdict)
        _agrees(pool, slow)


@TRIES
@given(streams, st.integers(0, 999), st.integers(0, 999))
def test_merge_then_unmerge_restores_exactly(stream: list[tuple[Identity, ...]], one: int, other: int) -> None:
    pool = Pool()
    pool.take(stream)
    known = pool.state.identities
    a, b = known[one % len(known)], known[other % len(known)]
    before = partition(pool.state), findings(pool.state), names(pool.state), pool.people.head_of.tolist()
    if a == b:
        return
    pool.edit(EditKind.MERGE, a, b)
    assert any({a, b} <= customer for customer in partition(pool.state))
    if pool.state.label(pool.state.index.find(a)) == pool.state.label(pool.state.index.find(b)):
        pool.edit(EditKind.UNMERGE, b, a)
    after = partition(pool.state), findings(pool.state), names(pool.state), pool.people.head_of.tolist()
    assert after == before


@TRIES
@given(streams, words)
def test_never_violated(stream: list[tuple[Identity, ...]], said: list[tuple[Identity, Identity, Verdict]]) -> None:
    said = _consistent(said)
    pool = Pool()
    pool.take(stream)
    for word in said:
        pool.say(*word)
    by_hand = {identity for a, b, _ in said for identity in (a, b)}
    for customer in partition(pool.state):
        for x in customer:
            for y in customer:
                pair = frozenset((x, y))
                last = next((v for a, b, v in reversed(said) if frozenset((a, b)) == pair), None)
                assert last is not Verdict.DIFFERENT, "a cannot-link is never violated"
                if x != y and x[:2] == y[:2] and KINDS[x.kind].unique:
                    assert x in by_hand or y in by_hand, "a unique kind has one value"


@TRIES
@given(streams, streams, streams)
def test_a_dropped_delta_leaves_no_trace(
    kept: list[tuple[Identity, ...]], dropped: list[tuple[Identity, ...]], following: list[tuple[Identity, ...]]
) -> None:
    pool, pure = Pool(), Pool()
    pool.take(kept)
    state, people, rows = pool.state, pool.people, list(pool.rows)
    published = partition(state), findings(state), names(state), people.head_of.tolist()
    pool.take(dropped)
    lost = pool.state
    told = partition(lost), findings(lost), names(lost)
    pool.state, pool.people, pool.rows = state, people, rows
    assert (partition(state), findings(state), names(state), people.head_of.tolist()) == published
    pool.take(following)
    pure.take(kept)
    pure.take(following)
    assert list(pool.state.identities) == list(pure.state.identities)
    assert (partition(pool.state), findings(pool.state)) == (partition(pure.state), findings(pure.state))
    assert (partition(lost), findings(lost), names(lost)) == told
