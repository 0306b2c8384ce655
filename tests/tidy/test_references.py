"""The references are what the source says: error codes, settings, commands, routes."""

from __future__ import annotations

import re

import pytest
from docs import error_codes

from tests.tidy.source import PACKAGE, ROOT, none_of

CODE = re.compile(r"^[a-z_]+(\.[a-z_]+)+$")
PAGES = ("errors.md", "settings.md", "commands.md", "api.md")


class TestErrorCodes:
    def test_every_code_can_be_read_in_the_source(self) -> None:
        _, found = error_codes.survey(PACKAGE)
        none_of(found.untold, "an error's code is text, or its maker's parameter:")

    def test_every_code_is_dotted_lower_case(self) -> None:
        _, found = error_codes.survey(PACKAGE)
        none_of((f"{one.place} {one.code}" for one in found.raised if not CODE.match(one.code)), "like a_noun.fault:")

    def test_every_error_says_what_was_wrong(self) -> None:
        _, found = error_codes.survey(PACKAGE)
        none_of((f"{one.place} {one.code}" for one in found.raised if not one.message), "an error has a message:")

    def test_a_code_belongs_to_one_class(self) -> None:
        _, found = error_codes.survey(PACKAGE)
        owners: dict[str, set[str]] = {}
        for one in found.raised:
            if one.cls != "Problem":
                owners.setdefault(one.code, set()).add(one.cls)
        none_of((f"{code}: {sorted(names)}" for code, names in owners.items() if len(names) > 1), "one meaning each:")


@pytest.mark.parametrize("page", PAGES)
def test_a_reference_is_what_the_source_says(page: str) -> None:
    """`make docs` writes them; somebody changed the source and didn't run it."""
    from docs import generate

    assert set(generate.PAGES) == set(PAGES)
    written = ROOT / "docs" / "reference" / page
    assert written.exists(), f"docs/reference/{page} is missing: run `make docs`"
    assert written.read_text("utf-8") == generate.PAGES[page](), f"docs/reference/{page} is old: run `make docs`"
