"""The console blocks of documents: each `$ command` is run, and what it prints is put in place of what stands there.

A block is indented by four blanks. `TESTS_WRITE=1` writes what was printed into the document.
"""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

INDENT = "    "
PROMPT = f"{INDENT}$ "
COLUMNS = 80
RUN_S_MAX = 120
WRITE = os.environ.get("TESTS_WRITE") == "1"


def shell(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of a reader who has set `yutang` up: nothing of ours leaks in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("YUTANG_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {**kept, "PATH": path, "COLUMNS": str(COLUMNS), "PWD": str(folder), **variables}


def played(text: str, folder: Path, environment: Mapping[str, str]) -> str:
    """The text with what its commands print when they are typed in a folder, one after the other."""
    lines, result, place = text.splitlines(), [], 0
    while place < len(lines):
        line = lines[place]
        result.append(line)
        place += 1
        if line.startswith(PROMPT) and not line.startswith(f"{PROMPT}export "):
            place = _after_output(lines, place)
            result += _printed(line.removeprefix(PROMPT), folder, environment)
    return "\n".join(result) + "\n"


def _after_output(lines: list[str], place: int) -> int:
    end = place
    while place < len(lines):
        if lines[place].startswith(INDENT) and not lines[place].startswith(PROMPT):
            end = place + 1
        elif lines[place].strip():
            break
        place += 1
    return end


def _printed(command: str, folder: Path, environment: Mapping[str, str]) -> list[str]:
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=dict(environment), capture_output=True, text=True, timeout=RUN_S_MAX,
        check=False,
    )  # fmt: skip
    said = done.stdout if done.returncode == 0 else done.stdout + done.stderr
    return [f"{INDENT}{line}".rstrip() for line in said.strip("\n").splitlines()]


def check(document: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """Fail unless the document says what its commands print."""
    text = document.read_text("utf-8")
    found = played(text, folder, environment)
    if WRITE and found != text:
        document.write_text(found, "utf-8")
    differing = difflib.unified_diff(text.splitlines(), found.splitlines(), "as written", "as printed", lineterm="")
    assert found == text, "\n" + "\n".join(differing)
