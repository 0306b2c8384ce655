"""YAML that people write is read strictly, and what is wrong is named with its place."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from yutang.conditions.vocabulary import Kind
from yutang.domains.catalogue.rules.documents import DOCUMENT_CHARS_MAX, read_document
from yutang.kernel.errors import InvalidError


@dataclass(frozen=True)
class Leaf:
    kind: Kind
    title: str = ""
    count: int = 0
    on: bool = False
    anything: object | None = None


@dataclass(frozen=True)
class Tree:
    name: str
    leaves: dict[str, Kind | Leaf] = field(default_factory=dict)
    words: str | tuple[str, ...] = ()


def read(text: str) -> Tree:
    return read_document(text, Tree, "file.yaml")


def refusal(text: str) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        read(text)
    return caught.value


class TestReading:
    def test_text_is_taken_as_written(self) -> None:
        assert read("{name: no, words: [2017-01-01, 1.0, yes]}") == Tree("no", {}, ("2017-01-01", "1.0", "yes"))

    def test_a_union_is_chosen_by_what_stands_there(self) -> None:
        tree = read(
            "{name: a, leaves: {short: money, long: {kind: date, count: 3, on: true, anything: 1.5}}, words: w}"
        )
        assert tree.leaves == {"short": Kind.MONEY, "long": Leaf(Kind.DATE, "", 3, True, 1.5)}
        assert tree.words == "w"

    @pytest.mark.parametrize(
        ("written", "value"), [("1", 1), ("1.5", 1.5), ("true", True), ("2016-11-14T00:00:00Z", "2016-11-14T00:00:00Z")]
    )
    def test_a_constant_is_read_by_its_own_type(self, written: str, value: object) -> None:
        leaf = read(f"{{name: a, leaves: {{l: {{kind: date, anything: {written}}}}}}}").leaves["l"]
        assert isinstance(leaf, Leaf)
        assert leaf.anything == value


class TestRefusing:
    def test_an_unknown_key_names_the_likely_one_and_its_line(self) -> None:
        error = refusal("name: a\nleafs:\n  x: date\n")
        assert error.code == "document.unknown_key"
        assert error.where == "file.yaml:2"
        assert error.remedy == "did you mean leaves?"

    def test_a_nested_place_is_a_path(self) -> None:
        error = refusal("name: a\nleaves:\n  x:\n    kind: dat\n")
        assert (error.code, error.where, error.remedy) == (
            "document.value",
            "file.yaml:4 leaves.x.kind",
            "did you mean date?",
        )

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("", "document.empty"),
            ("# nothing", "document.empty"),
            ("[1, 2", "document.malformed"),
            ("name: 'a", "document.malformed"),
            ("name: a\x00b", "document.malformed"),
            ("name: \ud800", "document.malformed"),
            ("- name", "document.type"),
            ("name: [a]", "document.type"),
            ("name:", "document.type"),
            ("{}", "document.missing_key"),
            ("{name: a, name: b}", "document.repeated"),
            ("{name: &x a, words: *x}", "document.alias"),
            ("{name: a, leaves: {x: {kind: date, count: 1.5}}}", "document.type"),
            ("{name: a, leaves: {x: {kind: date, on: yes}}}", "document.type"),
            ("{name: a, leaves: {[1]: date}}", "document.type"),
            ("{name: " + "[" * 40 + "]" * 40 + "}", "document.too_large"),
            ("{name: a, words: [" + "b," * 60_000 + "]}", "document.too_large"),
            ("a" * (DOCUMENT_CHARS_MAX + 1), "document.too_large"),
        ],
    )
    def test_what_is_wrong_has_a_code(self, text: str, code: str) -> None:
        assert refusal(text).code == code
