"""The ledger of soft limits: how often each is passed in the product. The counts may only fall.

`python -m tests.tidy.ledger` writes the counts of now where they are lower than those recorded, and those of a
limit that the ledger doesn't know yet.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.tidy.source import Module, functions, package_modules

LEDGER = Path(__file__).with_name("ledger.toml")
FILE_LINES_SOFT = 400
FUNCTION_LINES_SOFT = 40
# Flat lists, each with its reason; as long as what they list.
LISTS = {"src/yutang/storage/migrations/versions/": "a step makes one table after another, and never changes again"}
SELF_TELLING_LINES_MAX = 3  # name, types and one line of body say it all


def function_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The length of a function from `def` to its last line, its docstring included."""
    return (node.end_lineno or node.lineno) - node.lineno + 1


def is_list(module: Module) -> bool:
    """Whether a module is a list, whose length says nothing."""
    return module.path.startswith(tuple(LISTS))


def long_files(module: Module) -> list[str]:
    """The module, if it has more than 400 lines."""
    count = module.text.count("\n")
    return [f"{module.path}:{count} {count} lines"] if count > FILE_LINES_SOFT else []


def long_functions(module: Module) -> list[str]:
    """The functions of more than 40 lines."""
    return [
        f"{module.at(node)} {node.name}: {function_lines(node)} lines"
        for node in functions(module.tree)
        if function_lines(node) > FUNCTION_LINES_SOFT and not is_list(module)
    ]


def undocumented_methods(module: Module) -> list[str]:
    """Public methods of public classes that say nothing; those that only fill in what a base class tells are free."""
    places = []
    for owner in module.tree.body:
        if not isinstance(owner, ast.ClassDef) or owner.name.startswith("_"):
            continue
        if any(not _is_plain_base(base) for base in owner.bases):
            continue
        for node in owner.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _should_tell(node):
                places.append(f"{module.at(node)} {owner.name}.{node.name}")
    return places


def _is_plain_base(base: ast.expr) -> bool:
    name = ast.unparse(base).split("[", maxsplit=1)[0].rsplit(".", maxsplit=1)[-1]
    return name in {"Protocol", "Generic", "object", "StrEnum", "IntEnum", "Enum", "NamedTuple"}


def _should_tell(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    short = function_lines(node) <= SELF_TELLING_LINES_MAX
    return not node.name.startswith("_") and not short and ast.get_docstring(node) is None


def lint_exceptions(module: Module) -> list[str]:
    """Lines that switch a check off."""
    marks = ("# " + "noqa", "# " + "type: ignore", "# " + "mypy: ")
    lines = enumerate(module.text.splitlines(), start=1)
    return [f"{module.path}:{number}" for number, line in lines if any(mark in line for mark in marks)]


COUNTED: Mapping[str, Callable[[Module], list[str]]] = {
    "files_over_400_lines": long_files,
    "functions_over_40_lines": long_functions,
    "public_methods_without_docstring": undocumented_methods,
    "lint_exceptions": lint_exceptions,
}


def found() -> dict[str, list[str]]:
    """Where each soft limit is passed now."""
    return {name: [place for module in package_modules() for place in count(module)] for name, count in COUNTED.items()}


def recorded() -> dict[str, int]:
    """The counts that the ledger allows."""
    return tomllib.loads(LEDGER.read_text("utf-8"))


def main() -> None:
    """Lower the ledger to the counts of now."""
    allowed = recorded()
    lines = [line for line in LEDGER.read_text("utf-8").splitlines() if line.startswith("#")]
    lines += [f"{name} = {min(len(places), allowed.get(name, len(places)))}" for name, places in found().items()]
    LEDGER.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
