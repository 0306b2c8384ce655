"""What is compiled beside a service: every kernel there is, and nothing where all lie in the cache already."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from yutang.runtime import compiling
from yutang.timeline import kernels
from yutang.timeline.machine import run


def test_every_module_of_kernels_is_named() -> None:
    found = {one.name for one in pkgutil.iter_modules(kernels.__path__)}
    named = {*compiling.MODULES, *compiling.LATE}
    assert named == {name for name in found - {"jit"} if not name.startswith(compiling.MACHINE)}
    assert all(compiling.kernels([module]) for module in compiling.modules())


def test_a_service_that_looks_what_is_compiled_loads_no_compiler() -> None:
    look = "from yutang.runtime import compiling as c; c.machine_stored(); c.kernels(c.modules())"
    told = subprocess.run(
        [sys.executable, "-c", f"{look}; import sys; print('numba' in sys.modules)"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert told.stdout == "False\n"


def test_a_service_with_all_in_the_cache_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *given, **named: started.append(given))
    monkeypatch.setattr(compiling, "stored", lambda one: True)
    monkeypatch.setattr(compiling, "machine_stored", lambda: True)
    with compiling.compiling_kernels():
        pass
    assert started == []


def test_the_process_ends_with_whoever_wants_its_work(tmp_path: Path) -> None:
    """Its parent isn't the one that it was started for: it compiles nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "yutang.runtime.compiling", "1"], env={"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert (done.stdout, done.stderr, list(tmp_path.rglob("*.nbi"))) == ("", "", [])


def test_the_machine_is_in_the_cache_once_it_was_compiled() -> None:
    run.compile_kernels()
    assert compiling.machine_stored()


def test_the_machine_is_not_in_an_old_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "MACHINE_ENTRIES", (*compiling.MACHINE_ENTRIES, "machine.nobody_has_compiled_it"))
    assert not compiling.machine_stored()


def test_a_kernel_in_the_cache_is_told_from_one_that_isnt() -> None:
    one = compiling.kernels(compiling.modules())[0]
    one.compile(0)
    assert compiling.stored(one)

    def never(_: Any) -> None:
        """Nobody has compiled it."""

    assert not compiling.stored(type(one)(never, "i"))
