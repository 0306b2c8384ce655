"""Groups of a breakdown: who has no value, the rest, and texts that are called as these are, or are nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.pools import Scratch, event
from tests.support.typing_lines import Keyboard

from yutang.domains.insight.contracts.asking import OTHER, UNKNOWN_GROUP, group_name

CITIES = ("unknown", "unknown", "unknown", "other", "other", "", '""', None)
COMMANDS = (
    ("retention", "order_paid", "--per", "month", "--periods", "3"),
    ("count", "order_paid", "--measure", "customers"),
    ("stickiness", "*", "--days", "3"),
    ("repurchase", "--within", "20d"),
    ("recency", "order_paid"),
    ("value", "--periods", "3"),
    ("rfm",),
    ("funnel", "order_paid", "search"),
    ("flow", "aipl", "--since", "2026-01-02"),
    ("series", "happened(order_paid)", "--since", "2026-01-02", "--per", "week"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("groups") / "pool"
    scratch = Scratch(path)
    for number, city in enumerate(CITIES):
        scratch.send(event("order_paid", "2026-01-05 10:00", f"member_no:{number}", amount=100))
        if city is not None:
            scratch.send(event("trait_set", "2026-01-01", f"member_no:{number}", trait="city", text=city))
    scratch.close()
    return path


def test_different_texts_have_different_names_and_none_is_ours_or_empty() -> None:
    texts = ("unknown", "other", "", '"', '""', '"unknown"', "上海", "none", "a,b=c")
    names = [group_name(text) for text in texts]
    assert len(set(names)) == len(texts)
    assert not {"", OTHER, UNKNOWN_GROUP} & set(names)
    assert [group_name(text) for text in ("上海", "unknown", "")] == ["上海", '"unknown"', '""']


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: one[0])
class TestEveryQuestion:
    @pytest.mark.parametrize(("language", "nothing", "rest"), [
        ("zh", "unknown（无值）", "other（其余）"), ("en", "unknown (no value)", "other (the rest)"),
    ])  # fmt: skip
    def test_shows_them_apart(self, folder, monkeypatch, command, language, nothing, rest):
        monkeypatch.setenv("COLUMNS", "220")
        yutang = Keyboard(folder, language)
        shown = yutang(*command, "--by", "trait.city").out
        assert nothing in shown
        assert rest not in shown
        assert all(name in shown for name in ('"unknown"', '"other"', '""'))
        assert rest in yutang(*command, "--by", "trait.city", "--groups", "2").out

    @pytest.mark.parametrize(("group", "size"), [
        ("unknown", 1), ('"unknown"', 3), ('"other"', 2), ('""', 1), ('""""', 1), ("other", 3),
    ])  # fmt: skip
    def test_has_a_cell_for_each(self, folder, command, group, size):
        groups = ("--groups", "2") if group == OTHER else ()
        step = "step=1," if command[0] == "funnel" else ""
        step = "active_days=1," if command[0] == "stickiness" else step
        if command[0] == "stickiness":
            command = ("stickiness", "*", "--as-of", "2026-01-06T00:00:00Z")
        typed = Keyboard(folder)(*command, "--by", "trait.city", *groups, "--list", f"{step}group={group}", "--json")
        assert typed.json["size"] == size


def test_one_that_isnt_there_is_told_with_those_that_are(folder: Path) -> None:
    typed = Keyboard(folder)("recency", "order_paid", "--by", "trait.city", "--list", "group=unknwon")
    assert typed.status == 2
    assert "unknown" in typed.err
