"""Properties of the language: text, JSON and sentences over generated trees, and no other error than ours."""

from __future__ import annotations

import re

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.condition_sample import SAMPLE
from tests.support.condition_trees import placed_trees, sample_trees

from yutang.conditions.checks import check
from yutang.conditions.codec import from_json, to_json, to_object
from yutang.conditions.grammar import KEYWORDS, parse
from yutang.conditions.names import names_used
from yutang.conditions.sentences import node_title, sentence
from yutang.conditions.text import to_text
from yutang.kernel.errors import ConditionError

# The trees are large: fewer of them say as much.
trees_settings = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
fuzz_settings = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestRoundTrips:
    @trees_settings
    @given(placed_trees)
    def test_a_generated_tree_is_canonical_and_its_text_reads_back(self, placed):
        vocabulary, tree = placed
        assert check(tree, vocabulary) == tree
        text = to_text(tree, vocabulary)
        assert parse(text, vocabulary) == tree
        assert to_text(parse(text, vocabulary), vocabulary) == text

    @trees_settings
    @given(placed_trees)
    def test_its_json_reads_back(self, placed):
        vocabulary, tree = placed
        assert from_json(to_json(tree), vocabulary) == tree
        assert from_json(to_object(tree), vocabulary) == tree
        assert hash(from_json(to_json(tree), vocabulary)) == hash(tree)

    @trees_settings
    @given(placed_trees)
    def test_it_can_be_told_in_both_languages(self, placed):
        vocabulary, tree = placed
        for language in ("zh", "en"):
            assert sentence(tree, vocabulary, language)
            assert node_title(tree, vocabulary, language)
        bare = type(vocabulary)()  # names that are no longer declared
        assert sentence(tree, bare, "zh")
        assert sentence(tree, bare, "en")

    @trees_settings
    @given(placed_trees)
    def test_the_names_it_uses_are_declared(self, placed):
        vocabulary, tree = placed
        names = names_used(tree)
        assert names.event_types <= set(vocabulary.events)
        assert names.traits <= set(vocabulary.traits)
        assert names.labels <= set(vocabulary.labels)
        assert names.records <= set(vocabulary.records)
        assert {kind for kind, _ in names.record_traits} <= names.records


def _parses_or_refuses(text):
    try:
        tree = parse(text, SAMPLE)
    except ConditionError as error:
        assert re.fullmatch(r"character [1-9][0-9]*", error.where)
        assert error.code
        return
    assert parse(to_text(tree, SAMPLE), SAMPLE) == tree


_NAMES = ["order_paid", "amount", "skin", "aipl", "child", "birthday", '"油皮"', '"P"']
_SIGNS = ["(", ")", ",", ".", "|", "*", "#", "%", "=", ">=", "!=", "<"]
_LITERALS = ["30d", "-7d", "4", "12.5", "2017-03-01", "2017-03-01T10:00:00Z"]
_words = st.sampled_from([*sorted(KEYWORDS), *_NAMES, *_SIGNS, *_LITERALS])


class TestWhateverComes:
    @fuzz_settings
    @given(st.text(st.characters(), max_size=60))
    def test_any_text_is_read_or_refused(self, text):
        _parses_or_refuses(text)

    @fuzz_settings
    @given(st.lists(_words, max_size=25).map(" ".join))
    def test_any_words_of_the_language_are_read_or_refused(self, text):
        _parses_or_refuses(text)

    @settings(fuzz_settings, max_examples=100)
    @given(sample_trees, st.data())
    def test_a_slip_in_a_good_text_is_read_or_refused(self, tree, data):
        text = to_text(tree, SAMPLE)
        at = data.draw(st.integers(0, len(text)))
        cut = data.draw(st.integers(0, 3))
        _parses_or_refuses(text[:at] + data.draw(_words | st.text(st.characters(), max_size=2)) + text[at + cut :])

    @settings(fuzz_settings, max_examples=100)
    @given(sample_trees, st.data())
    def test_a_slip_in_good_json_is_read_or_refused(self, tree, data):
        holder = [to_object(tree)]
        place, key = holder, 0
        while isinstance(place[key], dict | list) and place[key] and data.draw(st.integers(0, 5)):
            place = place[key]
            key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        junk = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5)
        place[key] = data.draw(junk | st.just([]) | st.just({}) | st.just({"node": "always"}) | st.just(["x"]))
        try:
            found = from_json(holder[0], SAMPLE)
        except ConditionError as error:
            assert error.where.startswith("/")
            return
        assert from_json(to_json(found), SAMPLE) == found
        assert parse(to_text(found, SAMPLE), SAMPLE) == found

    @fuzz_settings
    @given(
        st.binary(max_size=40) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(msgspec.json.encode)
    )
    def test_any_bytes_are_read_or_refused(self, raw):
        try:
            from_json(raw, SAMPLE)
        except ConditionError:
            return
        raise AssertionError("nothing of this is a condition")
