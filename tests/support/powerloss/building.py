"""The shim, compiled; a compiler is installed where there is none, since a promise that isn't tried isn't kept."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
COMPILE_S_MAX = 120
INSTALL_S_MAX = 600


def shim(folder: Path) -> Path:
    """The shared object, made in a folder. Fails if there is no compiler and none can be installed."""
    compiler = _compiler()
    if compiler is None:
        for command in (["apt-get", "update"], ["apt-get", "install", "-y", "gcc", "libc6-dev"]):
            subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_S_MAX)
        compiler = _compiler()
    assert compiler is not None, "the power-loss tests need a C compiler"
    target = folder / "shim.so"
    arguments = [compiler, "-O1", "-Wall", "-shared", "-fPIC", "-o", str(target), str(SOURCE), "-ldl", "-lpthread"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=COMPILE_S_MAX, check=False)
    assert done.returncode == 0, done.stderr
    return target


def _compiler() -> str | None:
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)
