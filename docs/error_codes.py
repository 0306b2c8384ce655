"""Every error code that the source can raise, found by reading it.

An error is made by a constructor of the tree (`kernel.errors` and its descendants), or by a function that
makes one out of its own arguments (`fail(message, code="syntax")`): a *maker*. Calls of makers are followed
until every code is text; a code that isn't, is a fault of the source and is named as such.
Invariant: reads, never runs, the product.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROUNDS_MAX = 10  # how deep makers may call makers
CHOICES_MAX = 64  # texts that one expression may stand for
SHOWN_EXPRESSION_CHARS_MAX = 24
ROOT_CLASS = "YutangError"
RETHROWN = {"code", "message", "where", "remedy"}
OPEN = re.compile("⟦(\\w+)⟧")  # a parameter of the function around
PARTS = ("code", "message", "remedy")

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Texts = list[str]


@dataclass(frozen=True)
class ErrorClass:
    """A class of the tree as documented: its statuses and meaning."""

    name: str
    http_status: int
    exit_code: int
    meaning: str


@dataclass(frozen=True)
class Raised:
    """One way in which a code is raised. Parts that are only known when it happens stand in braces."""

    code: str
    cls: str
    message: str
    remedy: str
    place: str


@dataclass
class Maker:
    """Something that makes an error. parameters: in order; texts: by part, with `⟦name⟧` for a parameter."""

    cls: str
    parameters: tuple[str, ...]
    defaults: Mapping[str, Texts]
    texts: Mapping[str, Texts]


@dataclass(frozen=True)
class Scope:
    """Where a call stands: the module's path, and the functions around it, outermost first."""

    path: str
    around: tuple[FunctionNode, ...]

    def parameters(self) -> set[str]:
        """The names of the arguments of all functions around."""
        return {name for node in self.around for name in _parameters(node)}


@dataclass
class Survey:
    """What was found: codes as raised, and places whose code can't be told."""

    raised: list[Raised] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)


@cache
def survey(package: Path) -> tuple[dict[str, ErrorClass], Survey]:
    """The classes of errors and everything that is raised in the package that lies at a path."""
    trees = {path.relative_to(package).as_posix(): ast.parse(path.read_text("utf-8")) for path in _files(package)}
    classes = _error_classes(trees.values())
    reader = _Reader(trees, {name: _constructor(name) for name in classes} | _carriers(trees.values()))
    return classes, reader.read()


def _files(package: Path) -> list[Path]:
    return sorted(path for path in package.rglob("*.py") if "__pycache__" not in path.parts)


def _constructor(name: str) -> Maker:
    return Maker(name, ("code", "message"), {"remedy": [""]}, {part: [f"⟦{part}⟧"] for part in PARTS})


def _carriers(trees: Iterable[ast.Module]) -> dict[str, Maker]:
    """Classes called `Problem`: an error's fields as data, in an answer."""
    found: dict[str, Maker] = {}
    for node in (node for tree in trees for node in tree.body):
        if isinstance(node, ast.ClassDef) and node.name == "Problem":
            targets = [item.target for item in node.body if isinstance(item, ast.AnnAssign)]
            names = tuple(target.id for target in targets if isinstance(target, ast.Name))
            texts = {part: [f"⟦{part}⟧"] for part in PARTS}
            if node.name not in found or len(names) > len(found[node.name].parameters):
                found[node.name] = Maker(node.name, names, {"remedy": [""]}, texts)
    return found


def _error_classes(trees: Iterable[ast.Module]) -> dict[str, ErrorClass]:
    found: dict[str, ErrorClass] = {}
    nodes = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    for _ in range(ROUNDS_MAX):
        for node in nodes:
            bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
            parent = next((found[base] for base in bases if base in found), None)
            if node.name not in found and (node.name == ROOT_CLASS or parent):
                found[node.name] = _error_class(node, parent)
    return found


def _error_class(node: ast.ClassDef, parent: ErrorClass | None) -> ErrorClass:
    statuses = {"http_status": parent.http_status if parent else 500, "exit_code": parent.exit_code if parent else 1}
    for item in node.body:
        target = item.targets[0] if isinstance(item, ast.Assign) else getattr(item, "target", None)
        value = getattr(item, "value", None)
        if isinstance(target, ast.Name) and target.id in statuses and isinstance(value, ast.Constant):
            statuses[target.id] = int(str(value.value))
    meaning = (ast.get_docstring(node) or "").split("\n\n", maxsplit=1)[0].replace("\n", " ")
    return ErrorClass(node.name, statuses["http_status"], statuses["exit_code"], meaning)


class _Reader:
    """Follows makers through all modules until no new one is found."""

    def __init__(self, trees: Mapping[str, ast.Module], classes: dict[str, Maker]) -> None:
        self._classes = classes
        self._made: dict[tuple[str, FunctionNode], Maker] = {}
        self._imported = {path: _imports(tree) for path, tree in trees.items()}
        self._calls = [found for path, tree in trees.items() for found in _calls(tree, Scope(path, ()))]

    def read(self) -> Survey:
        for _ in range(ROUNDS_MAX):
            known = len(self._made)
            found = self._round()
            if len(self._made) == known:
                return found
        raise RuntimeError("makers of errors call one another too deeply")

    def _round(self) -> Survey:
        found = Survey()
        for call, scope in self._calls:
            for maker in self._makers_called(call, scope):
                self._take(call, scope, maker, found)
        return found

    def _take(self, call: ast.Call, scope: Scope, maker: Maker, found: Survey) -> None:
        place = f"{scope.path}:{call.lineno}"
        given = _given(call, maker)
        if any(keyword.arg is None for keyword in call.keywords) or _is_rethrow(given.get("code")):
            return
        texts = {part: _filled(maker, part, given, scope) for part in PARTS}
        if _is_open(texts):
            owner = scope.around[-1]
            defaults = _defaults(owner, scope)
            self._made.setdefault((scope.path, owner), Maker(maker.cls, _parameters(owner), defaults, texts))
            return
        code, message, remedy = ([_closed(text) for text in texts[part]] for part in PARTS)
        found.untold += [f"{place} {text}" for text in code if "{" in text]
        found.raised += [
            Raised(text, maker.cls, " / ".join(dict.fromkeys(message)), " / ".join(dict.fromkeys(remedy)), place)
            for text in code
            if "{" not in text
        ]

    def _named(self, name: str) -> list[tuple[tuple[str, FunctionNode], Maker]]:
        return [(key, maker) for key, maker in self._made.items() if key[1].name == name]

    def _makers_called(self, call: ast.Call, scope: Scope) -> Iterator[Maker]:
        function = call.func
        if isinstance(function, ast.Name):
            if function.id in self._classes:
                yield self._classes[function.id]
                return
            home, name = self._imported[scope.path].get(function.id, (scope.path, function.id))
            candidates = [(key, maker) for key, maker in self._named(name) if key[0] == home]
            nested = [maker for key, maker in candidates if any(key[1] in ast.walk(around) for around in scope.around)]
            yield from nested or [maker for _, maker in candidates]
        elif isinstance(function, ast.Attribute):
            base = function.value.id if isinstance(function.value, ast.Name) else ""
            module, name = self._imported[scope.path].get(base, ("", ""))
            homes = {f"{module.removesuffix('/__init__.py').removesuffix('.py')}/{name}.py"} if name else set()
            named = self._named(function.attr)
            if not named:
                return
            near = [maker for key, maker in named if key[0] in homes or (base == "self" and key[0] == scope.path)]
            yield from near or [maker for key, maker in named if _is_method(key[1])]


def _is_open(texts: Mapping[str, Texts]) -> bool:
    """Whether it is the caller who says what the code is, or all of the message."""
    return any("⟦" in text for text in texts["code"]) or any(OPEN.fullmatch(text) for text in texts["message"])


def _closed(text: str) -> str:
    """A text for readers: arguments in braces, without the excerpt that may follow the first line."""
    return OPEN.sub(r"{\1}", text).split("\n", maxsplit=1)[0]


def _imports(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Local name → (path of the module it comes from, its name there)."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("yutang"):
            path = "/".join(node.module.split(".")[1:])
            for alias in node.names:
                found[alias.asname or alias.name] = (f"{path}.py", alias.name)
    return found


def _calls(node: ast.AST, scope: Scope) -> Iterator[tuple[ast.Call, Scope]]:
    for child in ast.iter_child_nodes(node):
        inner = scope
        if isinstance(child, FunctionNode):
            inner = Scope(scope.path, (*scope.around, child))
        if isinstance(child, ast.Call):
            yield child, scope
        yield from _calls(child, inner)


def _is_method(node: FunctionNode) -> bool:
    return bool(node.args.args) and node.args.args[0].arg == "self"


def _parameters(node: FunctionNode) -> tuple[str, ...]:
    names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    return tuple(names[1:] if names[:1] == ["self"] else names)


def _defaults(node: FunctionNode, scope: Scope) -> dict[str, Texts]:
    positional = [*node.args.posonlyargs, *node.args.args]
    pairs = list(zip(reversed(positional), reversed(node.args.defaults), strict=False))
    pairs += [(name, value) for name, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value]
    return {name.arg: _texts(value, Scope(scope.path, ())) for name, value in pairs}


def _given(call: ast.Call, maker: Maker) -> dict[str, ast.expr]:
    given = dict(zip(maker.parameters, call.args, strict=False))
    return given | {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}


def _is_rethrow(code: ast.expr | None) -> bool:
    """Whether the code is that of another error, which is counted where that one is made."""
    if isinstance(code, ast.Attribute):
        return code.attr in RETHROWN
    return isinstance(code, ast.Subscript) and isinstance(code.slice, ast.Constant) and code.slice.value in RETHROWN


def _filled(maker: Maker, part: str, given: Mapping[str, ast.expr], scope: Scope) -> Texts:
    """The texts of a part with the maker's parameters replaced by what the call gives."""
    texts = list(maker.texts[part])
    for name in {*maker.parameters, *PARTS}:
        slot = f"⟦{name}⟧"
        if any(slot in text for text in texts):
            values = _texts(given[name], scope) if name in given else maker.defaults.get(name, ["{…}"])
            pairs = itertools.islice(itertools.product(texts, values), CHOICES_MAX)
            texts = list(dict.fromkeys(text.replace(slot, value) for text, value in pairs))
    return texts


def _texts(node: ast.expr, scope: Scope) -> Texts:
    """The texts that an expression may stand for; what can't be told stands in braces."""
    if isinstance(node, ast.Constant):
        return [str(node.value)] if node.value is not None else [""]
    if isinstance(node, ast.JoinedStr):
        return _joined([_texts(value, scope) for value in node.values])
    if isinstance(node, ast.FormattedValue):
        inner = _texts(node.value, scope)
        return inner if all("⟦" in text for text in inner) or _is_plain(inner) else [_shown(node.value)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _joined([_texts(node.left, scope), _texts(node.right, scope)])
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body, scope), *_texts(node.orelse, scope)]
    if isinstance(node, ast.BoolOp):
        return [text for value in node.values for text in _texts(value, scope)]
    if isinstance(node, ast.Name):
        if scope.around and node.id in scope.parameters():
            return [f"⟦{node.id}⟧"] if node.id in _parameters(scope.around[-1]) else [_shown(node)]
        return _assigned(node.id, scope) or [_shown(node)]
    return [_shown(node)]


def _is_plain(texts: Texts) -> bool:
    return not any("{" in text for text in texts)


def _assigned(name: str, scope: Scope) -> Texts:
    """What the functions around assign to a name, where that is text."""
    values = [
        node.value
        for around in scope.around
        for node in ast.walk(around)
        if isinstance(node, ast.Assign) and any(isinstance(aim, ast.Name) and aim.id == name for aim in node.targets)
    ]
    told = [value for value in values if isinstance(value, ast.Constant | ast.IfExp | ast.JoinedStr)]
    return [text for value in told for text in _texts(value, scope)] if len(told) == len(values) else []


def _joined(parts: list[Texts]) -> Texts:
    return ["".join(chosen) for chosen in itertools.islice(itertools.product(*parts), CHOICES_MAX)]


def _shown(node: ast.expr) -> str:
    text = ast.unparse(node)
    return f"{{{text if len(text) <= SHOWN_EXPRESSION_CHARS_MAX else '…'}}}"
