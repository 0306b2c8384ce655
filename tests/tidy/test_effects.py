"""Effects stay where they belong: SQL in stores, commits in storage, the clock and randomness in the kernel."""

from __future__ import annotations

import ast
import re
import tomllib

from tests.tidy.source import ROOT, Module, docstring_nodes, dotted, imports, none_of, package_modules

DATABASE_LIBRARIES = {"sqlalchemy", "sqlite3", "alembic", "duckdb", "psycopg"}
SQL_START = re.compile(
    r"^\s*(SELECT\s|WITH\s+\w+\s+AS|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|INDEX|VIEW)|DROP\s|PRAGMA\s)"
)
# Modules outside of stores and storage that speak to a database, each with its reason.
SQL_ELSEWHERE = {
    ("timeline", "query"): "the analysts' own SQL over the lake; it is theirs, DuckDB runs it, nothing is stored",
}
# Not in the list of ruff's banned names, or reached through another module's attribute.
BANNED_CALLS = {
    "time.monotonic", "time.perf_counter", "time.time", "time.time_ns", "datetime.now", "datetime.utcnow",
    "datetime.today", "date.today", "np.random", "numpy.random", "os.urandom", "uuid.uuid1", "uuid.uuid4",
}  # fmt: skip
BANNED_BY_RUFF = {
    "datetime.datetime.now", "datetime.datetime.utcnow", "time.time", "time.time_ns", "random", "uuid.uuid4",
}  # fmt: skip
RUFF_EXEMPT = {"src/yutang/kernel/*", "tests/*", "bench/*", "demo/*"}
PURE_ROOMS = {"rules", "contracts"}
BUILT_INS_DOING_IO = {"open", "print", "input", "exec", "eval", "breakpoint"}
PATHS_DOING_IO = {
    "open", "read_text", "read_bytes", "write_text", "write_bytes", "exists", "is_file", "is_dir", "iterdir", "glob",
    "mkdir", "unlink", "rmdir", "stat",
}  # fmt: skip
# Polars and Arrow may reckon in pure modules, but not read or write files.
TABLES_DOING_IO = re.compile(r"^(pl|polars|pa|pyarrow|pq|pads)\.(\w+\.)*(read_|write_|scan_|sink_|open_|memory_map)")


def _is_store(module: Module) -> bool:
    return "store" in module.parts or module.parts[0] == "storage"


def _is_pure(module: Module) -> bool:
    parts = module.parts
    if parts[0] == "domains":
        return bool(PURE_ROOMS & set(parts[2:]))
    return parts[0] in {"kernel", "conditions", "statistics"} or parts[:2] in {
        ("timeline", "kernels"), ("timeline", "evaluation"),
    }  # fmt: skip


def _does_io(method: ast.Attribute) -> bool:
    return method.attr in PATHS_DOING_IO or TABLES_DOING_IO.match(dotted(method)) is not None


def test_only_stores_speak_to_a_database() -> None:
    """A store.py of a slice, of runtime, of timeline; storage/; and what SQL_ELSEWHERE gives a reason for."""
    places = [
        f"{module.at(node)} imports {name}"
        for module in package_modules()
        if not _is_store(module) and module.parts not in SQL_ELSEWHERE
        for node, name in imports(module)
        if name.split(".")[0] in DATABASE_LIBRARIES
    ]
    none_of(places, "SQL lives in store.py and storage/:")


def test_no_sql_is_written_outside_of_stores() -> None:
    """Not even as a string."""
    places = []
    for module in package_modules():
        if _is_store(module) or module.parts in SQL_ELSEWHERE:
            continue
        told = docstring_nodes(module.tree)
        texts = (node for node in ast.walk(module.tree) if isinstance(node, ast.Constant) and id(node) not in told)
        places += [module.at(node) for node in texts if isinstance(node.value, str) and SQL_START.match(node.value)]
    none_of(places, "SQL lives in store.py and storage/:")


def test_exceptions_for_sql_are_used() -> None:
    """An exception whose module is gone goes too."""
    known = {module.parts for module in package_modules()}
    none_of(("/".join(parts) for parts in SQL_ELSEWHERE if parts not in known), "no such module:")


def test_application_code_never_commits() -> None:
    """Leaving a unit of work commits it; nothing else does."""
    places = [
        module.at(node)
        for module in package_modules()
        if module.parts[0] != "storage"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and not node.args
        if node.func.attr in {"commit", "rollback"}
    ]
    none_of(places, "units of work commit by being left:")


def test_ruff_bans_clock_and_randomness() -> None:
    """Only the kernel, tests and benchmarks are exempt."""
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["ruff"]["lint"]
    banned = set(lint["flake8-tidy-imports"]["banned-api"])
    exempt = {pattern for pattern, codes in lint["per-file-ignores"].items() if "TID251" in codes}
    assert any(rule in {"TID", "TID251"} for rule in lint["select"])
    assert not any(rule.startswith("TID") for rule in lint["ignore"])
    assert banned >= BANNED_BY_RUFF, f"pyproject.toml doesn't ban {sorted(BANNED_BY_RUFF - banned)}"
    assert exempt <= RUFF_EXEMPT, f"pyproject.toml exempts {sorted(exempt - RUFF_EXEMPT)}"


def test_only_the_kernel_reads_the_machines_clock_or_draws() -> None:
    """What ruff's list can't see: stopwatches, NumPy's generators, the system's randomness."""
    places = []
    for module in package_modules():
        if module.parts[0] == "kernel":
            continue
        for node in ast.walk(module.tree):
            name = dotted(node) if isinstance(node, ast.Attribute) else ""
            if any(name == call or name.endswith("." + call) for call in BANNED_CALLS):
                places.append(f"{module.at(node)} {name}")
        places += [f"{module.at(node)} {name}" for node, name in imports(module) if name.startswith("secrets")]
    none_of(places, "take a clock (kernel.clock) or a draw (kernel.ids):")


def test_pure_modules_call_nothing_that_does_io() -> None:
    """Imports are import-linter's; built-ins need none, and a path may be named but not followed."""
    places = []
    for module in filter(_is_pure, package_modules()):
        for node in ast.walk(module.tree):
            function = node.func if isinstance(node, ast.Call) else None
            if isinstance(function, ast.Name) and function.id in BUILT_INS_DOING_IO:
                places.append(f"{module.at(function)} {function.id}")
            if isinstance(function, ast.Attribute) and _does_io(function):
                places.append(f"{module.at(function)} .{function.attr}")
    none_of(places, "pure modules take what they need as arguments:")
