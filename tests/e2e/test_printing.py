"""What commands print fits the terminal, in the reader's language."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from rich.cells import cell_len
from tests.support.typing_lines import Keyboard

from yutang.cli import config
from yutang.domains.audience.commands import asking, histories, labels
from yutang.domains.catalogue import commands as catalogue
from yutang.domains.customers.commands import words as customers
from yutang.domains.insight.commands import figures as insight
from yutang.domains.intake.commands import importing as intake
from yutang.domains.staff import commands as staff

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "example"
WHO = "phone:13800138001"
LINES = (
    ("report",), ("report", "--since", "2026-02-01"), ("sql", "SELECT type, count(*) AS n FROM events GROUP BY 1"),
    ("ask", "count(order_paid, 60d) >= 1"), ("explain", WHO, "count(order_paid, 60d) >= 2 and never(share)"),
    ("label", "list"), ("label", "show", "aipl"), ("label", "changes"),
    ("label", "members", "aipl", "P", "--known-at", "2026-02-20T00:00:00Z"), ("label", "history", WHO, "aipl"),
    ("customer", "labels", WHO), ("imports",),
    ("customer", "show", WHO), ("customer", "find", "138"), ("customer", "timeline", WHO), ("customer", "kinds"),
    ("customer", "timeline", WHO, "--all"), ("customer", "reviews"), ("catalogue", "show"), ("config",),
    ("key", "list"), ("tail", "--last", "5"),
)  # fmt: skip
TABLES = (
    insight.WORDS, asking.WORDS, histories.WORDS, labels.WORDS, customers.WORDS, intake.WORDS, catalogue.WORDS,
    config.WORDS, staff.WORDS,
)  # fmt: skip
CHINESE = re.compile("[\u4e00-\u9fff]")
# Words of ours that are names in the data too.
NAMES = {
    "none",
    "absent",
    "at",
    "to",
    "from",
    "tag",
    "label",
    "customer",
    "event",
    "events",
    "file",
    "feed",
    "by",
    "value",
}


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("printing")
    shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
    keyboard = Keyboard(folder / "pool")
    assert keyboard("clock", "set", "2026-03-01").status == 0
    assert keyboard("import", folder / "orders.csv", "--mapping", folder / "shop.yaml").status == 0
    assert keyboard("customer", "tag", WHO, "vip", "--group", "service").status == 0
    for name in ("收银", "a shop whose name is a long one"):
        assert keyboard("key", "create", name, "--feed", "shop", "--origin", "https://www.shop.example").status == 0
    return folder / "pool"


@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_lines_fit_and_end_in_no_blanks(
    pool: Path, language: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    keyboard = Keyboard(pool, language)
    for line in LINES:
        typed = keyboard(*line)
        assert typed.status == 0, typed.err
        wide = [one for one in typed.out.splitlines() if cell_len(one) > columns or one != one.rstrip()]
        assert not wide, line


def test_a_chinese_reader_meets_no_english_headings(pool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    english = {text for table in TABLES for _, text in table.values() if "{" not in text} - NAMES
    for line in LINES:
        said = Keyboard(pool, "zh")(*line).out
        cells = {cell.strip() for row in said.splitlines() for cell in re.split(r"\s{2,}|[:：]", row)}
        if line[0] != "sql":
            assert CHINESE.search(said), line
        if line[0] != "catalogue":  # whose names are English words
            assert not cells & english, (line, cells & english)


def test_both_languages_have_every_word() -> None:
    for table in TABLES:
        for chinese, english in table.values():
            assert chinese
            assert english
            assert sorted(re.findall(r"\{[^}]*\}", chinese)) == sorted(re.findall(r"\{[^}]*\}", english))
