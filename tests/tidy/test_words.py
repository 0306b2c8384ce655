"""What a reader meets: docstrings everywhere, reasons for exceptions, no loose ends, no places of one machine."""

from __future__ import annotations

import ast
import re

from tests.tidy.source import ROOT, Module, committed_files, none_of, package_modules
from tests.tidy.source import modules as all_modules

# Put together so that this file doesn't break its own rules.
LOOSE_ENDS = tuple("".join(word) for word in (("TO", "DO"), ("FIX", "ME"), ("X", "XX"), ("HA", "CK")))
PLACES_OF_MACHINES = tuple(
    "".join(word)
    for word in (
        ("py", "pi."), ("pythonhosted", "."), ("npm", "js."), ("yarn", "pkg."), ("crates", ".io"), ("/opt/", "pypi"),
        ("/opt/", "wheels"), ("deb.", "debian"), ("proxy.", "golang"), ("--index", "-url"), ("--extra-index", "-url"),
        ("--find", "-links"), ("--trusted", "-host"), ("/wo", "rk/"), ("../sha", "red"), ("/ro", "ot/"),
    )
)  # fmt: skip
TEXT_SUFFIXES = {
    "", ".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".cfg", ".ini", ".svg", ".sh", ".sql", ".html",
}  # fmt: skip
SWITCH = re.compile(r"#\s*(noqa|type:\s*ignore|mypy:)(.*)")
CODED = re.compile(r"^(\s*:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|\[[a-z-]+(,\s*[a-z-]+)*\])")
REASON = re.compile(r"[A-Za-z]{2,}[\s,;:'’-]+\w+")


def _lines() -> list[tuple[str, int, str]]:
    found = []
    for path in committed_files():
        if path.suffix in TEXT_SUFFIXES:
            name = path.relative_to(ROOT).as_posix()
            text = path.read_text("utf-8", errors="replace")
            found += [(name, number, line) for number, line in enumerate(text.splitlines(), start=1)]
    return found


def test_every_module_has_a_header() -> None:
    """It says what the module owns, its invariant, and what it deliberately doesn't do."""
    places = (module.path for module in package_modules() if not ast.get_docstring(module.tree))
    none_of(places, "a module's docstring says what it owns:")


def test_every_public_function_and_class_says_what_it_gives() -> None:
    """Shapes, units, errors; methods are counted in the ledger."""
    places = [
        f"{module.at(node)} {node.name}"
        for module in package_modules()
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        if not node.name.startswith("_") and ast.get_docstring(node) is None
    ]
    none_of(places, "public docstrings give shapes, units, errors:")


def test_no_loose_ends() -> None:
    """What is still to do is an issue, not a remark."""
    words = re.compile(rf"\b({'|'.join(LOOSE_ENDS)})\b")
    none_of((f"{name}:{number}" for name, number, line in _lines() if words.search(line)), "file an issue instead:")


def test_no_registry_and_no_machine_is_named() -> None:
    """Where packages come from, and where somebody's folders lie, is the machine's affair."""
    places = (
        f"{name}:{number}"
        for name, number, line in _lines()
        if any(word in line.lower() for word in PLACES_OF_MACHINES)
    )
    none_of(places, "say what is needed, not where one machine has it:")


def test_every_lint_exception_is_narrow_and_gives_its_reason() -> None:
    """`noqa` names its codes and a reason, on the line or above it; mypy's code in brackets is a reason of its own."""
    none_of((place for module in all_modules() for place in _unreasoned(module)), "say which check, and why:")


def _unreasoned(module: Module) -> list[str]:
    lines = module.text.splitlines()
    places = []
    for number, line in enumerate(lines):
        found = SWITCH.search(line)
        if not found or "re.compile" in line:
            continue
        kind, rest = found.groups()
        code = CODED.match(rest)
        above = lines[number - 1] if number else ""
        run = (same := SWITCH.search(above)) is not None and same.group(1) == kind
        reasoned = bool(code and REASON.search(rest[code.end() :])) or run or above.lstrip().startswith("#")
        if not code or not (reasoned or kind.startswith("type")):
            places.append(f"{module.path}:{number + 1} {line.strip()[-60:]}")
    return places
