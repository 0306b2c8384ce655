"""docs/reference/conditions.md is complete and true: nodes, words, codes, and every example is read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from docs.error_codes import survey
from tests.support.condition_sample import SAMPLE

from yutang.conditions.codec import from_json
from yutang.conditions.grammar import KEYWORDS, parse
from yutang.conditions.text import to_text
from yutang.conditions.walk import NODE_CLASSES, tag_of

ROOT = Path(__file__).resolve().parents[3]
DOC = (ROOT / "docs" / "reference" / "conditions.md").read_text("utf-8")
EXAMPLES = re.findall(r"```condition\n(.+?)\n```(?:\n```json\n(.+?)\n```)?", DOC, re.DOTALL)
SUGAR = re.findall(r"```condition reads as\n(.+)\n(.+)\n```", DOC)


@pytest.mark.parametrize(("written", "as_json"), EXAMPLES)
def test_an_example_is_canonical_and_its_json_says_the_same(written, as_json):
    tree = parse(written, SAMPLE)
    assert to_text(tree, SAMPLE) == written
    if as_json:
        assert from_json(json.loads(as_json), SAMPLE) == tree


@pytest.mark.parametrize(("written", "read"), SUGAR)
def test_what_is_read_as_something_else_is(written, read):
    assert to_text(parse(written, SAMPLE), SAMPLE) == read


def test_there_are_examples():
    assert len(EXAMPLES) > 25
    assert len(SUGAR) == 2


@pytest.mark.parametrize("node", NODE_CLASSES, ids=tag_of)
def test_every_node_is_in_the_index_with_its_fields(node):
    row = re.search(rf"^\| `{tag_of(node)}` \|(.*)$", DOC, re.MULTILINE)
    assert row is not None
    for name in node.__struct_fields__:
        assert f"`{name}`" in row.group(1)


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_every_word_of_the_text_is_named(word):
    assert f"`{word}`" in DOC


def test_every_word_of_the_text_stands_in_an_example_or_a_table():
    told = " ".join(re.findall(r"```condition[^`]*```|`[^`\n]+`", DOC.split("Words of the text:", maxsplit=1)[0]))
    assert [word for word in sorted(KEYWORDS) if not re.search(rf"\b{word}\b", told)] == []


def test_every_code_is_explained():
    _, found = survey(ROOT / "src" / "yutang")
    codes = {raised.code for raised in found.raised if raised.place.startswith("conditions/")}
    assert sorted(code for code in codes if f"`{code}`" not in DOC) == []
