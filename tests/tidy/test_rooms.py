"""Every slice has the same rooms, and nothing has a name that says nothing."""

from __future__ import annotations

import ast

from tests.tidy.source import PACKAGE, ROOT, none_of, package_modules

ROOMS = {"__init__", "api", "contracts", "rules", "store", "passes", "routes", "jobs", "commands"}
DATA_SUFFIXES = {".yaml"}
EMPTY_NAMES = {
    "util", "utils", "helper", "helpers", "common", "misc", "manager", "managers", "model", "models",
}  # fmt: skip
EMPTY_NAMES_OF_SLICES = {"service", "services", "handlers", "repository"}


def test_slices_have_only_the_rooms_of_the_house() -> None:
    """A new kind of file needs a decision record first."""
    strangers = []
    for slice_folder in sorted((PACKAGE / "domains").iterdir()):
        if slice_folder.is_dir() and slice_folder.name != "__pycache__":
            for path in slice_folder.iterdir():
                known = path.stem in ROOMS and (path.is_dir() or path.suffix == ".py")
                if not known and path.suffix not in DATA_SUFFIXES and path.name != "__pycache__":
                    strangers.append(path.relative_to(ROOT).as_posix())
    none_of(strangers, f"a slice has the rooms {', '.join(sorted(ROOMS))} and data files:")


def test_no_module_is_a_drawer() -> None:
    """Names that would fit anything fit nothing."""
    places = []
    for module in package_modules():
        banned = EMPTY_NAMES | (EMPTY_NAMES_OF_SLICES if module.parts[0] == "domains" else set())
        if banned & set(module.parts):
            places.append(module.path)
    none_of(places, "name what the module is about:")


def test_packages_of_slices_hold_a_docstring_only() -> None:
    """Nothing is re-exported: whoever imports names the module that owns the word."""
    places = []
    for module in package_modules():
        if module.parts[0] == "domains" and module.parts[-1] == "__init__":
            places += [module.at(node) for node in module.tree.body if not _is_docstring(node)]
    none_of(places, "__init__.py says what the slice owns, and nothing else:")


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
