"""Documents keep their promises: short, linked to what exists, and true to the map of the source."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.tidy.source import PACKAGE, ROOT, committed_files, none_of

README_LINES_MAX = 100
RECORD_LINES_MAX = 50
HEADINGS = ("Context", "Decision", "Consequences", "Alternatives", "Enforced by")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED = re.compile(r"`((?:src|demo|bench|docs|tests|domains|runtime|timeline|storage|conditions|kernel)/[^`*]*)`")
RECORDS = sorted((ROOT / "docs" / "adr").glob("*.md"))


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_a_readme_stays_within_100_lines(name: str) -> None:
    """One sentence and a picture, two commands, an example with its output, when not to use it."""
    assert len((ROOT / name).read_text("utf-8").splitlines()) <= README_LINES_MAX


def test_readmes_show_the_same_commands() -> None:
    """Whatever is in one language is in the other."""
    shown = []
    for name in ("README.md", "README.zh-CN.md"):
        lines = (ROOT / name).read_text("utf-8").splitlines()
        commands = [line.split("#")[0].strip() for line in lines if line.startswith("    ")]
        shown.append([line.replace(" --language zh", "") for line in commands if line.startswith(("$", "make"))])
    assert shown[0] == shown[1]


def test_links_lead_somewhere() -> None:
    """Every relative link of every committed document."""
    places = []
    for path in committed_files():
        if path.suffix == ".md":
            for target in LINK.findall(path.read_text("utf-8")):
                if "://" not in target and not (path.parent / target).exists():
                    places.append(f"{path.relative_to(ROOT).as_posix()}: {target}")
    none_of(places, "no such file:")


class TestDecisionRecords:
    def test_they_are_numbered_without_a_gap(self) -> None:
        assert [path.name[:4] for path in RECORDS] == [f"{number:04}" for number in range(1, len(RECORDS) + 1)]

    @pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
    def test_one_is_short_and_complete(self, path: Path) -> None:
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= RECORD_LINES_MAX
        assert text.splitlines()[2].startswith("Status: ")
        found = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert [name for name in found if name in HEADINGS] == list(HEADINGS)


class TestArchitecture:
    def test_the_map_names_every_folder(self) -> None:
        text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
        folders = [*PACKAGE.iterdir(), *(PACKAGE / "domains").iterdir()]
        packages = [path.relative_to(ROOT).as_posix() for path in folders if (path / "__init__.py").exists()]
        none_of((name for name in packages if f"`{name}/`" not in text), "ARCHITECTURE.md's map lacks:")

    def test_what_it_names_exists(self) -> None:
        text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
        named = re.findall(
            r"`((?:src|demo|bench|docs|tests|domains|runtime|timeline|storage|conditions|kernel)/[^`*]*)`", text
        )
        places = (name for name in named if not (ROOT / name).exists() and not (PACKAGE / name).exists())
        none_of(places, "ARCHITECTURE.md names what isn't there:")
