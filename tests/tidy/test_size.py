"""Functions and files stay short."""

from __future__ import annotations

import pytest

from tests.tidy import ledger
from tests.tidy.source import functions, modules, none_of

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70


def test_no_function_is_longer_than_70_lines() -> None:
    """Everywhere, tests included; lists that say why are as long as what they list."""
    places = (
        f"{module.at(node)} {node.name}: {ledger.function_lines(node)} lines"
        for module in modules()
        for node in functions(module.tree)
        if ledger.function_lines(node) > FUNCTION_LINES_MAX and not ledger.is_list(module)
    )
    none_of(places, "push ifs up and fors down:")


def test_no_file_is_longer_than_800_lines() -> None:
    """Everywhere, tests included."""
    places = (
        f"{module.path}: {module.text.count(chr(10))} lines"
        for module in modules()
        if module.text.count("\n") > FILE_LINES_MAX
    )
    none_of(places, "make it a package of concerns:")


@pytest.mark.parametrize("name", sorted(ledger.COUNTED))
def test_exceptions_only_become_fewer(name: str) -> None:
    """The count in ledger.toml is the count of now: one more is refused, one fewer is written down."""
    places, allowed = ledger.found()[name], ledger.recorded()[name]
    shown = "\n  ".join(places)
    assert len(places) <= allowed, f"{name}: {len(places)}, and only {allowed} are allowed:\n  {shown}"
    assert len(places) == allowed, f"{name} fell to {len(places)}: run `python -m tests.tidy.ledger`"


def test_the_ledger_knows_what_is_counted() -> None:
    """No count without a check, no check without a count."""
    assert set(ledger.recorded()) == set(ledger.COUNTED)
