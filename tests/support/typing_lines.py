"""The `yutang` command typed in the test's own process: quick, and whatever isn't a drawn error fails the test."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yutang.app import application
from yutang.cli.main import run

COLUMNS = 140


@dataclass(frozen=True, slots=True)
class Typed:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What `--json` printed."""
        assert self.status == 0, self.err
        return json.loads(self.out)


class Keyboard:
    """Types commands at a pool's folder. language: of what they say."""

    def __init__(self, pool: Path, language: str = "en") -> None:
        self.pool = pool
        self._options = ("--data", str(pool), "--language", language)

    def __call__(self, *arguments: object) -> Typed:
        out, err = _Stream(), _Stream()
        with redirect_stdout(out), redirect_stderr(err):
            status = run(application(), [*self._options, *map(str, arguments)])
        return Typed(status, out.read_all(), err.read_all())


class _Stream(io.TextIOWrapper):
    """A stream as a terminal has it: UTF-8, whatever can't be written is an error."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def read_all(self) -> str:
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()
