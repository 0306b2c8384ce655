"""The source tree as the tidy tests see it: every module once read and parsed.

A test collects the places that break its rule and hands them to `none_of`, so that one run names all of them.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "yutang"
PLACES_SHOWN_MAX = 40


@dataclass(frozen=True)
class Module:
    """A Python file: its path below the root ("src/yutang/app.py"), text and tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def parts(self) -> tuple[str, ...]:
        """The path below the package without its ending, () for files elsewhere: ("domains", "audience", "api")."""
        prefix = "src/yutang/"
        return tuple(self.path.removeprefix(prefix).removesuffix(".py").split("/")) if self.in_package else ()

    @property
    def in_package(self) -> bool:
        """Whether the file belongs to the product itself."""
        return self.path.startswith("src/yutang/")

    def at(self, node: ast.AST) -> str:
        """The place of a node, as editors read it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


@cache
def committed_files() -> tuple[Path, ...]:
    """Every file that is or would be committed; without git, every file outside of hidden and built folders."""
    answer = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    if answer.returncode == 0:
        found = [ROOT / name for name in answer.stdout.split("\0") if name]
    else:
        built = {"__pycache__", "build", "dist", "demo-pool"}
        kept = (path for path in ROOT.rglob("*") if not _hidden(path.relative_to(ROOT)))
        found = [path for path in kept if not built & set(path.parts)]
    return tuple(sorted(path for path in found if path.is_file()))


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") and part not in {".ci", ".importlinter"} for part in path.parts)


@cache
def modules() -> tuple[Module, ...]:
    """Every committed Python file."""
    found = []
    for path in committed_files():
        if path.suffix == ".py":
            text = path.read_text("utf-8")
            found.append(Module(path.relative_to(ROOT).as_posix(), text, ast.parse(text, filename=str(path))))
    return tuple(found)


def package_modules() -> tuple[Module, ...]:
    """Every module of the product."""
    return tuple(module for module in modules() if module.in_package)


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imports(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """(node, dotted name) of everything that a module imports from elsewhere."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute chain, "" if it is something else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def docstring_nodes(tree: ast.AST) -> set[int]:
    """The ids of the constants that are docstrings, or stand alone as statements."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def none_of(places: Iterable[str], rule: str) -> None:
    """Fail with the rule and every place that breaks it."""
    found = sorted(set(places))
    shown = found[:PLACES_SHOWN_MAX]
    more = f"\n  … and {len(found) - len(shown)} more" if len(found) > len(shown) else ""
    assert not found, f"{rule}\n  " + "\n  ".join(shown) + more
